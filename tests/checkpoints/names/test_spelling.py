"""Every historical spelling of the official names loads the same model."""

import re

import golden
import numpy as np
import pytest
from keras import ops

import keras_vit


def prefixed(prefix):
    return lambda arrays: {prefix + name: a for name, a in arrays.items()}


def with_optimizer(arrays):
    slots = {f"opt/state/param_states/{name}/momentum": a for name, a in arrays.items()}
    return {**prefixed("opt/target/")(arrays), **slots, "opt/state/step": np.array(3)}


def with_another_tower(arrays):
    text = {"params/txt/Embed_0/embedding": np.ones((4, 3)), "params/t": np.ones(1)}
    return {**prefixed("params/img/")(arrays), **text}


def linen(arrays):
    old = {"MultiHeadDotProductAttention_1": "MultiHeadDotProductAttention_0"}
    old |= {"LayerNorm_2": "LayerNorm_1", "MlpBlock_3": "MlpBlock_0"}
    pattern = re.compile("|".join(old))
    return {pattern.sub(lambda m: old[m[0]], name): a for name, a in arrays.items()}


def scanned(arrays):
    result, layers = {}, {}
    for name, array in linen(arrays).items():
        if match := re.fullmatch(r"Transformer/encoderblock_(\d+)/(.*)", name):
            layers.setdefault(match[2], {})[int(match[1])] = array
        else:
            result[name] = array
    for name, parts in layers.items():
        stacked = np.stack([parts[i] for i in range(len(parts))])
        result["Transformer/encoderblock/" + name] = stacked
    return result


def positions_in_the_encoder(arrays):
    arrays = dict(arrays)
    table = arrays.pop("Transformer/posembed_input/pos_embedding")
    return {**arrays, "Transformer/pos_embedding": table}


def positions_of_patches_only(arrays):
    """As big_vision rewrites them: the class token takes its position with it."""
    arrays = dict(arrays)
    table = arrays.pop("Transformer/posembed_input/pos_embedding")
    arrays["cls"] = arrays["cls"] + table[:, :1]
    return {**linen(arrays), "pos_embedding": table[:, 1:]}


def nested(arrays):
    tree = {}
    for name, array in arrays.items():
        *parents, last = name.split("/")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = array
    return tree


SPELLINGS = {
    "opt/target": prefixed("opt/target/"),
    "params": prefixed("params/"),
    "img": prefixed("img/"),
    "optimizer slots": with_optimizer,
    "two towers": with_another_tower,
    "Linen": linen,
    "scan": scanned,
    "encoder positions": positions_in_the_encoder,
    "big_vision positions": positions_of_patches_only,
    "nested": nested,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_of_vit_changes_nothing(spelling):
    arrays = golden.arrays("vit/token_norep.ckpt.npz")
    io = golden.arrays("vit/token_norep.io.npz")
    model = keras_vit.from_checkpoint(SPELLINGS[spelling](arrays))
    assert np.abs(ops.convert_to_numpy(model(io["image"])) - io["logits"]).max() < 2e-5


@pytest.mark.parametrize("spelling", ["scan", "big_vision positions", "Linen"])
def test_a_spelling_fills_a_model_of_the_official_shape(spelling):
    arrays = golden.arrays("vit/token_norep.ckpt.npz")
    io = golden.arrays("vit/token_norep.io.npz")
    model = keras_vit.from_checkpoint(arrays)
    for variable in model.variables:
        variable.assign(variable * 0)
    keras_vit.load_weights(model, SPELLINGS[spelling](arrays))
    assert np.abs(ops.convert_to_numpy(model(io["image"])) - io["logits"]).max() < 2e-5


def test_a_model_without_prefix_positions_takes_an_official_file():
    arrays = golden.arrays("vit/token_norep.ckpt.npz")
    io = golden.arrays("vit/token_norep.io.npz")
    model = keras_vit.from_checkpoint(arrays, embed_prefix=False)
    assert model.get_layer("patch_encoder").positions.embeddings.shape[1] == 16
    assert np.abs(ops.convert_to_numpy(model(io["image"])) - io["logits"]).max() < 2e-5


def test_scanned_and_plain_numbering_count_ten_layers_in_order():
    arrays = golden.arrays("vit/token_norep.ckpt.npz")
    block = {n: a for n, a in arrays.items() if "encoderblock_0" in n}
    for i in range(2, 11):
        for name, array in block.items():
            new = name.replace("encoderblock_0", f"encoderblock_{i}")
            arrays[new] = array + i
    plain = keras_vit.from_checkpoint(arrays)
    scan = keras_vit.from_checkpoint(scanned(arrays))
    assert plain.settings["arguments"]["num_layers"] == 11
    for one, other in zip(plain.variables, scan.variables):
        np.testing.assert_array_equal(one, other)


def test_bfloat16_is_read_as_two_byte_void():
    arrays = golden.arrays("vit/gap_rep.ckpt.npz")
    halves = {
        name: (a.view("<u4") >> 16).astype("<u2").view("V2")
        for name, a in arrays.items()
    }
    model = keras_vit.from_checkpoint(halves)
    kernel = model.get_layer("head").kernel.numpy()
    np.testing.assert_allclose(kernel, arrays["head/kernel"], rtol=1e-2)


def test_a_map_head_may_stand_inline():
    arrays = golden.arrays("big_vision/map.ckpt.npz")
    inline = {n.removeprefix("MAPHead_0/"): a for n, a in arrays.items()}
    io = golden.arrays("big_vision/map.io.npz")
    model = keras_vit.from_checkpoint(inline)
    np.testing.assert_allclose(model(io["image"]), io["logits"], atol=2e-5)


def test_norms_of_hybrids_may_be_squeezed():
    arrays = golden.arrays("hybrid/h_root_only_p4.ckpt.npz")
    flat = {n: a.reshape(-1) if "gn_root" in n else a for n, a in arrays.items()}
    io = golden.arrays("hybrid/h_root_only_p4.io.npz")
    model = keras_vit.from_checkpoint(flat)
    np.testing.assert_allclose(model(io["image"]), io["logits"], atol=5e-5)


def numbered(arrays):
    count = iter(range(1000))
    return {
        n.replace("standardized_conv2d", f"standardized_conv2d_{next(count)}"): a
        for n, a in arrays.items()
    }


def in_big_vision(arrays):
    result = {}
    for name, array in arrays.items():
        name = name.removeprefix("resnet/").replace("head/conv2d", "head")
        name = name.replace("root_block/standardized_conv2d", "root_block/conv_root")
        name = name.replace("a/proj/standardized_conv2d", "conv_proj")
        for i, part in enumerate("abc", start=1):
            name = name.replace(f"{part}/standardized_conv2d", f"conv{i}")
            name = name.replace(f"{part}/group_norm", f"gn{i}")
        name = name.replace("gamma", "scale").replace("beta", "bias")
        if name.startswith("group_norm"):
            name = name.replace("group_norm", "norm-pre-head")
        if "gn" in name or "norm" in name:
            array = array.reshape(1, 1, 1, -1)
        if name == "head/kernel":
            array = array[0, 0]
        result["params/" + name] = array
    return result


@pytest.mark.parametrize("spelling", [numbered, in_big_vision])
def test_a_spelling_of_bit_changes_nothing(spelling):
    arrays = golden.arrays("bit/bit_1111_half.ckpt.npz")
    io = golden.arrays("bit/bit_1111_half.io.npz")
    model = keras_vit.from_checkpoint(spelling(arrays), image_size=64)
    np.testing.assert_allclose(model(io["image"]), io["logits"], atol=2e-5)
