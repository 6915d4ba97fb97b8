"""Writes the golden arrays that ship with the package.

    python tests/checkpoints/make_certificate.py

Takes small cases of the golden data beside the checkout: weights under their names in
the file, images, the outputs of some layers by our names for them, and the logits.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import golden

from keras_vit.checkpoints.files.safetensors import from_safetensors

TARGET = Path(__file__).resolve().parents[2] / "keras_vit" / "checkpoints" / "golden"
_OURS = {"block_00": 0, "block_01": 1}
# case, names of outputs by our layers, how many images
CASES = {
    "vit/token_nonsquare": ({b: f"encoderblock_{i}" for b, i in _OURS.items()}, 2),
    "big_vision/map": ({b: f"encoder.block0{i}.+mlp" for b, i in _OURS.items()}, 2),
    "hybrid/h_r21_p2": (
        {"stage2_unit01": "block2"}
        | {b: f"encoderblock_{i}" for b, i in _OURS.items()},
        1,
    ),
    "hf/vit_cls_interp": ({b: f"hidden_states.{i + 1}" for b, i in _OURS.items()}, 1),
    "hf/bit_cls": ({"stage2_unit01": "hidden_states.2"}, 1),
    "timm/vit_avg_fcnorm": ({b: f"blocks.{i}" for b, i in _OURS.items()}, 2),
}


def main():
    result = {}
    for case, (layers, images) in CASES.items():
        if case.startswith(("hf", "timm")):
            weights = from_safetensors(golden.path(f"{case}/model.safetensors"))
            weights = {name: weights.read(name) for name in weights}
            io = golden.arrays(f"{case}/io.npz")
        else:
            weights = golden.arrays(f"{case}.ckpt.npz")
            io = golden.arrays(f"{case}.io.npz")
        for name, array in weights.items():
            result[f"{case}|weights|{name}"] = array
        for layer, name in {"image": "image", "logits": "logits", **layers}.items():
            array = io[name][:images]
            if case == "hf/bit_cls" and array.ndim == 4 and layer != "image":
                array = array.transpose(0, 2, 3, 1)  # NCHW there
            result[f"{case}|outputs|{layer}"] = array
    arrays = golden.arrays("posemb/posemb_interpolate.npz")
    for name in ("g7_to_g12_token.old", "g7_to_g12_token.new"):
        result[f"posemb|{name}"] = arrays[name]
    TARGET.mkdir(exist_ok=True)
    np.savez_compressed(TARGET / "cases.npz", **result)
    print((TARGET / "cases.npz").stat().st_size, "bytes")


def photo(source):
    """The photo of `keras-vit verify --download`: US Navy, in the public domain."""
    image = Image.open(source).convert("RGB")
    image.resize((324, 384), Image.Resampling.LANCZOS).save(
        TARGET / "photo.jpg", quality=85
    )


if __name__ == "__main__":
    main()
    if len(sys.argv) > 1:
        photo(sys.argv[1])
