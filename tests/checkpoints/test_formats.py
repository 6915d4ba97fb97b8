"""The kind of a source is decided by what is inside."""

import json
import os
import struct
from pathlib import Path

import golden
import keras
import numpy as np
import pytest
from cases import MODELS, rest_slow

import keras_vit
from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.checkpoints.opening import values_of


def tiny(**kwargs):
    options = dict(
        patch_size=4,
        num_layers=2,
        hidden_dim=8,
        mlp_dim=16,
        num_heads=2,
        image_size=16,
        register_tokens=2,
        layer_scale=1e-5,
        qk_norm=True,
        representation_size=6,
    )
    model = keras_vit.ViT(**{"num_classes": 3, **options, **kwargs})
    randomise(model)
    return model


def randomise(model):
    generator = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(generator.normal(size=variable.shape))


def assert_same(one, other):
    assert [v.path for v in one.variables] == [v.path for v in other.variables]
    for a, b in zip(one.variables, other.variables):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def safetensors_bytes(arrays, dtypes=None):
    header, data = {}, b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": (dtypes or {}).get(name, "F32"),
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text + data


FAMILIES = {
    "vit": tiny,
    "map": lambda: tiny(pooling="map", class_token=True),
    "2d": lambda: tiny(position_embedding="learned_2d", pooled_norm=True),
    "hybrid": lambda: keras_vit.HybridViT(
        3,
        num_blocks=(1, 1),
        width_factor=0.5,
        num_layers=1,
        hidden_dim=8,
        mlp_dim=16,
        num_heads=2,
        image_size=40,
    ),
    "relative": lambda: tiny(position_embedding="relative"),
    "bit": lambda: keras_vit.BiT(3, num_blocks=(1, 1), width_factor=0.5, image_size=32),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_keras_file_comes_back_whole(family, tmp_path):
    model = FAMILIES[family]()
    randomise(model)
    model.metadata["class_names"] = ["a", "b", "c"]
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.keras").rename(tmp_path / "anything.bin")
    again = keras_vit.from_checkpoint(tmp_path / "anything.bin")
    assert_same(model, again)
    assert again.settings == model.settings and again.metadata == model.metadata


@pytest.mark.slow
@pytest.mark.parametrize("slow", rest_slow([False, True], 1))
def test_every_variable_of_every_kind_of_model_has_its_name_in_a_file(slow, tmp_path):
    wrong = []
    for name, case in MODELS.items():
        if case.slow != slow:
            continue
        model = case.make()
        randomise(model)
        model.save(tmp_path / "model.keras")
        checkpoint = keras_vit.checkpoints.open_source(tmp_path / "model.keras")
        own = values_of(model)
        wrong += [(name, path) for path in own.keys() ^ checkpoint.variables.keys()]
        for path in own.keys() & checkpoint.variables.keys():
            if not np.array_equal(checkpoint.read(path), own[path]):
                wrong.append((name, path))
    assert not wrong, "add rows to `_VARIABLE_NAMES` of checkpoints/files/h5.py"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_weights_file_fills_a_model(family, tmp_path):
    model = FAMILIES[family]()
    randomise(model)
    model.save_weights(tmp_path / "model.weights.h5")
    again = FAMILIES[family]()
    report = keras_vit.load_weights(again, tmp_path / "model.weights.h5")
    assert_same(model, again)
    assert len(report.used) == len(model.variables)


def test_a_weights_file_may_have_another_head_and_size(tmp_path):
    model = tiny()
    model.save_weights(tmp_path / "model.weights.h5")
    other = keras_vit.ViT(
        7,
        **{
            **{k: v for k, v in model.settings["arguments"].items() if k in _SIZES},
            "image_size": (24, 32),
        },
        weights=tmp_path / "model.weights.h5",
    )
    assert not np.any(other.get_layer("head").kernel.numpy())
    positions = other.get_layer("patch_encoder").positions.embeddings
    assert positions.shape == (1, 3 + 6 * 8, 8)


_SIZES = (
    "patch_size",
    "num_layers",
    "hidden_dim",
    "mlp_dim",
    "num_heads",
    "register_tokens",
    "layer_scale",
    "qk_norm",
    "representation_size",
)


def test_a_run_folder_is_its_model(tmp_path):
    model = tiny()
    model.save(tmp_path / "model.keras")
    assert_same(model, keras_vit.from_checkpoint(tmp_path))


def test_a_model_is_a_source_and_shares_nothing():
    model = tiny()
    again = keras_vit.from_checkpoint(model)
    assert_same(model, again)
    again.variables[0].assign(again.variables[0] + 1)
    assert not np.array_equal(model.variables[0].numpy(), again.variables[0].numpy())


def test_a_dictionary_of_variable_paths_is_a_source():
    model = tiny()
    arrays = {v.path: v.numpy() for v in model.variables}
    again = keras_vit.load_weights(tiny(), arrays)
    assert len(again.used) == len(model.variables)


def test_a_part_of_a_model_can_be_filled():
    model, other = tiny(), tiny(num_classes=0)
    part = keras.Model(other.input, other.get_layer("block_00").output)
    with pytest.raises(ValueError, match="block_01/attention/projection/kernel"):
        keras_vit.load_weights(part, model)
    part.variables[0].assign(part.variables[0] + 1)
    report = keras_vit.load_weights(part, model, skip=("block_01", "encoder_norm"))
    assert "head/kernel" in report.unused and "block_01/mlp_norm/beta" in report.unused
    np.testing.assert_array_equal(part.variables[0].numpy(), model.variables[0].numpy())


@pytest.mark.parametrize("kind, dtype", [("F16", "<f2"), ("BF16", "<u2")])
def test_half_precision_safetensors_are_read(kind, dtype, tmp_path):
    arrays = timm_arrays()
    exact = {n: np.round(a * 4) / 4 for n, a in arrays.items()}
    if kind == "BF16":
        stored = {n: (a.view("<u4") >> 16).astype("<u2") for n, a in exact.items()}
    else:
        stored = {n: a.astype(dtype) for n, a in exact.items()}
    path = tmp_path / "weights"
    path.write_bytes(safetensors_bytes(stored, dict.fromkeys(stored, kind)))
    model = keras_vit.from_checkpoint(path, num_heads=2)
    kernel = model.get_layer("head").kernel.numpy()
    np.testing.assert_array_equal(kernel, exact["head.weight"].T)


def test_sharded_safetensors_are_one_checkpoint(tmp_path):
    arrays = timm_arrays()
    names = list(arrays)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for shard, members in shards.items():
        data = safetensors_bytes({n: arrays[n] for n in members})
        (tmp_path / shard).write_bytes(data)
    index = {"weight_map": {n: s for s, members in shards.items() for n in members}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    model = keras_vit.from_checkpoint(tmp_path, num_heads=2)
    np.testing.assert_array_equal(
        model.get_layer("head").bias.numpy(), arrays["head.bias"]
    )


def test_config_json_names_heads_gelu_and_classes(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(timm_arrays()))
    config = {"model_args": {"num_heads": 4, "act_layer": "gelu_tanh"}}
    config["id2label"] = {"0": "ant", "1": "bee", "2": "cat"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = keras_vit.from_checkpoint(tmp_path)
    arguments = model.settings["arguments"]
    assert (arguments["num_heads"], arguments["gelu"]) == (4, "tanh")
    assert model.metadata["class_names"] == ["ant", "bee", "cat"]


def test_a_bit_of_another_kind_is_refused(tmp_path):
    config = golden.config("hf/bit_cls/config.json")
    weights = golden.path("hf/bit_cls/model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights)
    for name, value in (("layer_type", "bottleneck"), ("global_padding", "SAME")):
        (tmp_path / "config.json").write_text(json.dumps({**config, name: value}))
        with pytest.raises(ValueError, match=value):
            keras_vit.from_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, -1)[..., ::2],
        lambda x: x.astype(">f4"),
        lambda x: x.astype("f8"),
    ],
    ids=["fortran", "strided", "big endian", "float64"],
)
@pytest.mark.parametrize("kind", ["dict", "npz", "compressed"])
def test_arrays_may_lie_in_memory_in_any_way(kind, change, tmp_path):
    arrays = timm_arrays()
    source = {name: change(array) for name, array in arrays.items()}
    if kind != "dict":
        path = tmp_path / "ein Gewicht für alle"  # without a suffix, so by a handle
        with open(path, "wb") as file:
            (np.savez if kind == "npz" else np.savez_compressed)(file, **source)
        source = path
    model = keras_vit.from_checkpoint(source, num_heads=2)
    kernel = model.get_layer("block_00").mlp.dense_1.kernel
    np.testing.assert_array_equal(kernel, arrays["blocks.0.mlp.fc1.weight"].T)
    bias = model.get_layer("block_00").mlp.dense_1.bias
    np.testing.assert_array_equal(bias, arrays["blocks.0.mlp.fc1.bias"])


@pytest.mark.parametrize("as_path", [str, os.fsencode, Path])
def test_a_path_may_be_relative_and_of_any_type(as_path, tmp_path, monkeypatch):
    np.savez(tmp_path / "weights.npz", **timm_arrays())
    monkeypatch.chdir(tmp_path)
    model = keras_vit.from_checkpoint(as_path("weights.npz"), num_heads=2)
    assert model.output_shape == (None, 3)


def timm_arrays():
    generator = np.random.default_rng(1)
    shapes = {
        "cls_token": (1, 1, 8),
        "pos_embed": (1, 17, 8),
        "patch_embed.proj.weight": (8, 3, 4, 4),
        "patch_embed.proj.bias": (8,),
        "norm.weight": (8,),
        "norm.bias": (8,),
        "head.weight": (3, 8),
        "head.bias": (3,),
    }
    block = {
        "norm1.weight": (8,),
        "norm1.bias": (8,),
        "attn.qkv.weight": (24, 8),
        "attn.qkv.bias": (24,),
        "attn.proj.weight": (8, 8),
        "attn.proj.bias": (8,),
        "norm2.weight": (8,),
        "norm2.bias": (8,),
        "mlp.fc1.weight": (16, 8),
        "mlp.fc1.bias": (16,),
        "mlp.fc2.weight": (8, 16),
        "mlp.fc2.bias": (8,),
    }
    shapes.update({f"blocks.0.{name}": shape for name, shape in block.items()})
    return {n: generator.normal(size=s).astype("float32") for n, s in shapes.items()}


def test_a_file_that_may_not_be_opened_is_not_called_corrupted(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", 2) + b"{}")

    def refuse(*_, **__):  # what a root user would not meet
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("keras_vit.checkpoints.files.safetensors.json.loads", refuse)
    with pytest.raises(PermissionError):
        from_safetensors(path)
