"""Writes `golden_cases.xz`: the small golden cases that ship with the tests.

    python tests/make_golden_cases.py

All numbers are those of the original implementations. A case keeps its weights as they
are and its values for the first image. Two kinds of case are cut further:

- A BiT ends after a stage. What comes then (norm, ReLU, mean, head) is computed here in
  float64 from the original's own feature maps, and `_ends` first checks that the same
  lines give the original's logits from the original's last map.
- The hybrid of timm keeps one stage and one block, with rounded weights and without
  outputs: for reading and writing its names only.

Arrays that ship with the package (`keras_vit/checkpoints/golden`) are only named.
"""

from pathlib import Path

import golden
import numpy as np
import reference_resnet as oracle

WHOLE = (
    *("vit/gap_norep", "vit/gap_rep", "vit/token_nohead", "vit/token_nonsquare"),
    *("vit/token_norep", "vit/token_norep_linen_names", "vit/token_unpooled_rep"),
    *("vit/unpooled", "big_vision/gap_sincos", "big_vision/map"),
    *("hybrid/h_r21_p2", "hybrid/h_root_only_p4"),
)
FOLDERS = (
    *("hf/bit_cls", "hf/vit_cls", "hf/vit_cls_interp", "hf/vit_mim"),
    *("hf/vit_model_pooler", "timm/vit_avg_fcnorm", "timm/vit_reg4"),
    *("timm/vit_avg_noclass_noembedclass_reg4", "timm/vit_token"),
    "timm/vit_token_layerscale",
)
# Of every value only the outputs, where the values inside are large or many.
OUTPUTS = ("image", "logits", "output", "pooler_output", "reconstruction")
# Values inside that the tests of models and checkpoints ask for.
INSIDE = {
    "vit/": "",
    "hf/vit": ("in.", "hidden_states"),
    "hybrid/h_root_only_p4": ("encoder", "pre_logits"),
    "hybrid/h_r21_p2": ("encoder", "pre_logits", "block2"),
}
FINE_TUNED = ("posemb/ft_gap", "posemb/ft_token")
SMALL = ("posemb/posemb_interpolate", "big_vision/posemb", "train/schedules")
SMALL += ("tfa/optimizers",)


def main():
    data = golden.packed(cases())
    target = Path(__file__).parent / golden.SHIPPED
    target.write_bytes(data)
    print(target, len(data), "bytes")


def cases():
    """All files that ship, by name: arrays by key, or the text of a JSON file."""
    files = {}
    for case in WHOLE:
        files[f"{case}.ckpt.npz"] = golden.arrays(f"{case}.ckpt.npz")
        files[f"{case}.io.npz"] = _first(case, golden.arrays(f"{case}.io.npz"))
        files[f"{case}.json"] = golden.config(f"{case}.json")
    for case in FOLDERS:
        files[f"{case}/model.safetensors"] = _weights(case)
        files[f"{case}/io.npz"] = _first(case, golden.arrays(f"{case}/io.npz"))
        if case.startswith("hf"):
            files[f"{case}/config.json"] = golden.config(f"{case}/config.json")
    for case in FINE_TUNED:
        files[f"{case}.pretrained.npz"] = golden.arrays(f"{case}.pretrained.npz")
        new = golden.arrays(f"{case}.finetune_init.npz")
        key = "Transformer/posembed_input/pos_embedding"
        files[f"{case}.finetune_init.npz"] = {key: new[key]}
        values = golden.arrays(f"{case}.io.npz")
        files[f"{case}.io.npz"] = _first(case, values, keep=values)
        files[f"{case}.json"] = golden.config(f"{case}.json")
    for case in SMALL:
        files[f"{case}.npz"] = golden.arrays(f"{case}.npz")
        files[f"{case}.json"] = golden.config(f"{case}.json")
    pools = golden.arrays("layers/layers.npz").items()
    files["layers/layers.npz"] = {k: a for k, a in pools if "max_pool" in k}
    files |= _with_prefix() | _bit("bit/bit_1111_half", 1)
    files |= _bit("bit/bit_2111_half_odd", 1) | _timm_bit() | _timm_hybrid()
    return files


def _weights(case):
    return golden.read_safetensors(golden.path(f"{case}/model.safetensors"))


def _first(case, values, keep=OUTPUTS):
    """The values of the first image."""
    inside = next((INSIDE[start] for start in INSIDE if case.startswith(start)), None)
    batch = len(values["image"])
    return {
        name: array[:1] if array.ndim and len(array) == batch else array
        for name, array in values.items()
        if name in keep or (inside is not None and name.startswith(inside))
    }


def _with_prefix():
    """`big_vision/map` without its head, under the names of whole training states.

    Without a head the output of the original is what goes into the head.
    """
    arrays = golden.arrays("big_vision/map.ckpt.npz")
    values = golden.arrays("big_vision/map.io.npz")
    right = golden.arrays("big_vision/map_params_prefix.io.npz")
    assert np.array_equal(right["output"], right["head_input"])
    named = {f"params/{k}": a for k, a in arrays.items() if not k.startswith("head/")}
    wanted = golden.arrays("big_vision/map_params_prefix.ckpt.npz")
    assert {k: a.shape for k, a in named.items()} == {
        k: a.shape for k, a in wanted.items()
    }
    io = {"image": values["image"][:1], "output": values["head_input"][:1]}
    name = "big_vision/map_params_prefix"
    return {f"{name}.ckpt.npz": named, f"{name}.io.npz": io}


def _ends(maps, gamma, beta, kernel, bias, expected=None):
    """What comes after the last stage of a BiT: pooled values and logits."""
    if expected is not None:
        _, logits = _ends(maps[0], gamma[0], beta[0], kernel[0], bias)
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        maps, gamma, beta, kernel = maps[1], gamma[1], beta[1], kernel[1]
    x = oracle.group_norm(maps.astype("float64"), gamma, beta, 1e-5)
    pooled = oracle.relu(x).mean((1, 2))
    return pooled, pooled @ kernel + bias


def _both(array, width, axis=-1):
    """An array of the last norm or the head, and what the cut model has of it."""
    return array, np.take(array, range(width), axis)


def _bit(case, stages):
    """An official BiT that ends after some stages."""
    arrays = golden.arrays(f"{case}.ckpt.npz")
    values = golden.arrays(f"{case}.io.npz")
    config = golden.config(f"{case}.json")
    config["config"]["block_units"] = config["config"]["block_units"][:stages]
    maps = values["block4"], values[f"block{stages}"]  # of the first image
    width = maps[1].shape[-1]
    norm, head = "resnet/group_norm", "resnet/head/conv2d"
    gamma = _both(arrays[f"{norm}/gamma"], width)
    beta = _both(arrays[f"{norm}/beta"], width)
    kernel = _both(arrays[f"{head}/kernel"], width, axis=2)
    bias = arrays[f"{head}/bias"]
    dense = [k[0, 0] for k in kernel]
    pooled, logits = _ends(maps, gamma, beta, dense, bias, values["logits"][:1])
    gone = tuple(f"resnet/block{i}/" for i in range(stages + 1, 5))
    arrays = {k: a for k, a in arrays.items() if not k.startswith(gone)}
    arrays |= {f"{norm}/gamma": gamma[1], f"{norm}/beta": beta[1]}
    arrays |= {f"{head}/kernel": kernel[1]}
    io = {"image": values["image"][:1], "pooled": pooled.astype("float32")}
    io |= {"logits": logits.astype("float32"), "logits_float64": logits}
    return {f"{case}.ckpt.npz": arrays, f"{case}.io.npz": io, f"{case}.json": config}


def _timm_bit(case="timm/bit_resnetv2"):
    """timm's BiT that ends after its first stage."""
    arrays, values = _weights(case), golden.arrays(f"{case}/io.npz")
    maps = [values[f"stages.{i}"][:1].transpose(0, 2, 3, 1) for i in (1, 0)]
    width = maps[1].shape[-1]
    gamma, beta = (_both(arrays[f"norm.{k}"], width) for k in ("weight", "bias"))
    kernel = _both(arrays["head.fc.weight"], width, axis=1)
    dense = [k[:, :, 0, 0].T for k in kernel]
    bias, right = arrays["head.fc.bias"], values["logits"][:1]
    _, logits = _ends(maps, gamma, beta, dense, bias, right)
    arrays = {k: a for k, a in arrays.items() if not k.startswith("stages.1.")}
    arrays |= {"norm.weight": gamma[1], "norm.bias": beta[1]}
    arrays |= {"head.fc.weight": kernel[1]}
    io = {"image": values["image"][:1], "logits": logits.astype("float32")}
    return {f"{case}/model.safetensors": arrays, f"{case}/io.npz": io}


def _timm_hybrid(case="timm/hybrid_r11_p1"):
    """timm's hybrid with one stage, one block and five bits of mantissa."""
    arrays = _weights(case)
    gone = ("patch_embed.backbone.stages.1.", "blocks.1.")
    arrays = {k: a for k, a in arrays.items() if not k.startswith(gone)}
    kernel = arrays["patch_embed.proj.weight"]
    arrays["patch_embed.proj.weight"] = kernel[:, :128]
    rounded = {k: (a.view("<u4") & 0xFFFC0000).view("<f4") for k, a in arrays.items()}
    return {f"{case}/model.safetensors": rounded}


if __name__ == "__main__":
    main()
