"""The golden set in every format, laid out as people have it."""

import json
import os
import shutil

import golden
import numpy as np

CLASSES = ["round", "box", "two parts"]


def truth():
    """By stem: the arrays of truth.npz."""
    arrays = np.load(golden.path("dense/formats/truth.npz"))
    found = {}
    for key in arrays:
        stem, _, name = key.partition(".")
        found.setdefault(stem, {})[name] = arrays[key]
    return found


def lay_out(root, **folders):
    """A set with the golden images, and folders or files of the golden formats."""
    formats = golden.path("dense/formats")
    shutil.copytree(formats / "images", root / folders.pop("images", "images"))
    for target, source in folders.items():
        target = root / target.replace("__", os.sep)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (formats / source).is_dir() else shutil.copy
        copy(formats / source, target)
    return root


def name_classes(root, background=False):
    names = ["background"] * background + CLASSES
    (root / "classes.txt").write_text("\n".join(names), encoding="utf-8")


def palette(root):
    name_classes(lay_out(root, masks="palette"), background=True)


def index(root):
    name_classes(lay_out(root, masks="index"), background=True)


def colour(root):
    lay_out(root, masks="colour")
    os.replace(root / "masks" / "colours.json", root / "colours.json")


def binary(root):
    """One mask of black and white for each class: made of the grey ones."""
    from PIL import Image

    lay_out(root)
    for stem, arrays in truth().items():
        for number, name in enumerate(CLASSES, 1):
            path = root / "masks" / name / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = arrays["semantic"] == number
            Image.fromarray(np.uint8(255) * shown).save(path)
    name_classes(root, background=True)


def coco(root):
    lay_out(root)
    shutil.copy(golden.path("dense/formats/coco/instances.json"), root)


def voc(root):
    voc = golden.path("dense/formats/voc")
    shutil.copytree(voc, root)
    shutil.copytree(golden.path("dense/formats/images"), root / "JPEGImages")
    name_classes(root)


def _yolo(root, name):
    lay_out(root, labels=f"{name}/labels")
    text = (golden.path(f"dense/formats/{name}") / "data.yaml").read_text()
    (root / "data.yaml").write_text(text.replace("path: ..", "path: ."))


def yolo(root):
    _yolo(root, "yolo")


def yolo_segments(root):
    _yolo(root, "yolo_segments")


def labelme(root):
    name_classes(lay_out(root, annotations="labelme"))


def coco_with(root, change):
    """The golden json with `change(entries)` made to it."""
    coco(root)
    path = root / "instances.json"
    entries = json.loads(path.read_text())
    change(entries)
    path.write_text(json.dumps(entries))
    return root
