"""Makes `dense_cases.xz`, small cases of detectors, and of masks and boxes.

    python tests/make_dense_cases.py

needs the golden data; see `golden.py`. Weights and images have one bit of mantissa,
which takes little room; their values are computed here in float64 by
`reference_yolos.py`, once the same lines have given the original's values from the
original's weights. What has no weights ships as it is: boxes, losses, metrics, run
lengths, COCO's scores, windows, and the images and annotations of every format.
"""

from pathlib import Path

import golden
from make_lineage_cases import compare, rounded
from reference_yolos import yolos

YOLOS = ("mid_other_size", "no_mid")
AS_THEY_ARE = (
    *("boxes.npz", "coco", "formats", "mask_metrics.npz", "run_lengths.json"),
    *("run_lengths.npz", "segmentation_losses.npz", "segmenter/windows.json"),
    "set_loss.npz",
)


def main():
    data = golden.packed(cases())
    target = Path(__file__).parent / golden.DENSE
    target.write_bytes(data)
    print(target, len(data), "bytes")


def cases():
    """All files that ship, by name: arrays by key, or the text of a JSON file."""
    files = {}
    for case in YOLOS:
        folder = f"dense/yolos/{case}"
        arrays = golden.read_safetensors(golden.path(f"{folder}/model.safetensors"))
        values = golden.arrays(f"{folder}/io.npz")
        config = golden.config(f"{folder}/config.json")
        grid = [side // config["patch_size"] for side in config["image_size"]]
        compare(case, yolos(arrays, values["image"], grid), values)
        arrays = {key: rounded(array, bits=1) for key, array in arrays.items()}
        io = {"image": rounded(values["image"][:1], bits=1)}
        found = yolos(arrays, io["image"], grid)
        for key in ("layernorm", "logits", "pred_boxes"):
            io[key] = found[key].astype("float32")
        files[f"{folder}/model.safetensors"] = arrays
        files[f"{folder}/io.npz"] = io
        files[f"{folder}/config.json"] = config
    for name in AS_THEY_ARE:
        files |= as_it_is(f"dense/{name}")
    return files


def as_it_is(name):
    """A golden file, or all in a folder, by name."""
    path, files = golden.path(name), {}
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_dir():
            continue
        own = f"{name}/{file.relative_to(path).as_posix()}" if path.is_dir() else name
        read = {".json": golden.config, ".npz": lambda n: dict(golden.arrays(n))}
        files[own] = (
            read[file.suffix](own) if file.suffix in read else file.read_bytes()
        )
    return files


if __name__ == "__main__":
    main()
