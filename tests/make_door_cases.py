"""Makes `door_cases.xz`, small cases of files that people have, of the golden data.

    python tests/make_door_cases.py

needs the golden data, and nothing else; see `golden.py`. What is left out:

- most cases that must open, of which one of each kind stays, with its first image;
- the values of what must be refused, where names, shapes and configuration decide.
"""

import json
from pathlib import Path

import golden
import numpy as np
from PIL import Image

OPEN = (
    *("bare_hf_state_dict", "bare_lightning_ema", "bare_prefix_backbone_dino"),
    *("bare_torchvision", "hf_bit_custom_sizes", "hf_clip_vision_prefix"),
    *("hf_deit_cls", "hf_dinov2_cls", "hf_photo_squash", "hf_siglip_cls"),
    *("timm_bit_custom_widths", "timm_clip_gelu", "timm_deit_distilled"),
    *("timm_dinov2_reg", "timm_dinov2_swiglu", "timm_hybrid_stem"),
    *("timm_nonsquare_squarecount", "timm_photo_crop", "timm_siglip_map"),
)
# What the tests ask for of a case.
META = ("args", "expected", "open", "reason", "tolerance", "verdict")


def main():
    data = golden.packed(cases())
    target = Path(__file__).parent / golden.DOORS
    target.write_bytes(data)
    print(target, len(data), "bytes")


def cases():
    """All files that ship, by name: arrays by key, or the value of a JSON file."""
    files = {}
    for folder in sorted((golden.FOLDER / "doors").glob("*/")):
        name = f"doors/{folder.name}"
        if not (folder / "meta.json").exists():
            continue
        meta = json.loads((folder / "meta.json").read_text())
        shut = meta["verdict"] == "refuse"
        if "seeded" in meta or not (shut or folder.name in OPEN):
            continue
        kept = {key: meta[key] for key in META if key in meta}
        if "photo" in meta:
            names = ("class_names", "tolerance")
            kept["photo"] = {key: meta["photo"][key] for key in names}
        files[f"{name}/meta.json"] = kept
        for config in ("config.json", "preprocessor_config.json"):
            if (folder / config).exists():
                files[f"{name}/{config}"] = json.loads((folder / config).read_text())
        arrays = golden.read_safetensors(folder / "model.safetensors")
        if shut:
            arrays = {key: np.zeros(a.shape, a.dtype) for key, a in arrays.items()}
        else:
            files[f"{name}/io.npz"] = _values(folder, meta)
        files[f"{name}/model.safetensors"] = arrays
    return files


def _values(folder, meta):
    """The first image, what the original makes of it, and the photo."""
    with np.load(folder / "io.npz") as values:
        kept = {key: values[key][:1] for key in ("image", *meta["expected"])}
        if "photo" in meta:
            photo = Image.open(folder / meta["photo"]["file"]).convert("RGB")
            kept["photo"] = np.asarray(photo, "float32")
            kept["photo_probabilities"] = values["photo_probabilities"]
    return kept


if __name__ == "__main__":
    main()
