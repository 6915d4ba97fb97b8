"""YOLO's txt: one line for each object, a class and a box or polygon in shares."""

import os
import re

from keras_vit.common.regular import read_regular
from keras_vit.common.wording import display
from keras_vit.data.dense.class_lists import checked_names, class_names_in
from keras_vit.data.dense.found import (
    Found,
    files_in,
    folders_in,
    relative,
    some,
    split_folder,
    splits_aside,
)
from keras_vit.data.dense.polygons import corners
from keras_vit.data.dense.shapes import Shape, ShapeReader, Shapes
from keras_vit.data.readers.folders import SPLIT_FOLDERS
from keras_vit.data.readers.walking import images_below

MOST = 2**24  # bytes of a file
SLACK = 1e-3  # share of the image that a number may be outside by rounding


def scan_yolo(path: str) -> Found | None:
    """The images and objects of a set for YOLO, or `None` if a folder is none.

    Read is data.yaml with `path`, `train`, `val`, `test` and `names`; without it,
    `root/images` and `root/labels`, with a folder for each split in them or around
    them, and classes.txt. The labels of `images/a.jpg` are in `labels/a.txt`; an image
    without such a file has no objects.

    Raises:
        ValueError: naming the file and the line that cannot be read.
    """
    root = path if os.path.isdir(path) else os.path.dirname(path)
    yaml = path if root != path else None
    for name in files_in(root, ".yaml", ".yml") if yaml is None else ():
        yaml = yaml or os.path.join(root, name)
    if yaml is not None:
        if not yaml.lower().endswith((".yaml", ".yml")):
            return None
        entries = _of_yaml(read_regular(yaml, MOST).decode("utf-8-sig", "replace"))
        if "names" not in entries:
            return None
        names, folders = (
            _named(entries["names"], yaml),
            _folders_of(entries, root, yaml),
        )
    else:
        folders = _folders(root)
        if not folders:
            return None
        names = class_names_in(root)
        if names is None:
            raise ValueError(
                f"{display(root)} has labels of YOLO and no names of the classes. "
                "Write them into classes.txt, one a line, or into data.yaml."
            )
    splits = {
        split: _shapes(root, images, labels, names)
        for split, (images, labels) in folders.items()
    }
    known = {file for part in splits.values() for file in part}
    notes = splits_aside(root, known, "labels")
    reader = ShapeReader("yolo", shares=True)
    return Found(root, "YOLO txt", names, splits, reader, notes)


def _folders(root):
    """(folder of images, folder of labels) of each split."""
    inside = folders_in(root)
    if {"images", "labels"} <= set(inside):
        images, labels = (os.path.join(root, name) for name in ("images", "labels"))
        found, below = {}, [folders_in(part) for part in (images, labels)]
        for split in SPLIT_FOLDERS:
            both = [split_folder(folders, split) for folders in below]
            if all(both):
                pair = os.path.join(images, both[0]), os.path.join(labels, both[1])
                found[split] = pair
        found = found if "train" in found else {"all": (images, labels)}
    else:
        found = {}
        for split in SPLIT_FOLDERS:
            part = split_folder(inside, split)
            part = part and os.path.join(root, part)
            if part and {"images", "labels"} <= set(folders_in(part)):
                found[split] = (
                    os.path.join(part, "images"),
                    os.path.join(part, "labels"),
                )
    return (
        found if any(files_in(labels, ".txt") for _, labels in found.values()) else {}
    )


def _folders_of(entries, root, yaml):
    """The same from data.yaml."""
    base = os.path.join(root, str(entries.get("path") or ""))
    found = {}
    for split, key in (("train", "train"), ("validation", "val"), ("test", "test")):
        value = entries.get(key)
        if not value:
            continue
        if not isinstance(value, str) or value.endswith(".txt"):
            raise ValueError(
                f"{display(yaml)}: `{key}` must be one folder of images. "
                f"Received: {value!r}"
            )
        # Roboflow writes ../train/images for train/images.
        tried = [os.path.join(b, value) for b in (base, root)]
        tried.append(os.path.join(root, re.sub(r"^(\.\./)+", "", value)))
        images = next((folder for folder in tried if os.path.isdir(folder)), None)
        if images is None:
            raise ValueError(
                f"{display(yaml)}: the folder of `{key}` is not there: "
                f"{display(tried[0])}."
            )
        found[split] = images, _labels_of(images, root, yaml)
    same = {os.path.realpath(images) for images, _ in found.values()}
    if not found:
        raise ValueError(f"{display(yaml)} names no folder of images as `train`.")
    return {"all": found[next(iter(found))]} if len(same) == 1 else found


def _labels_of(images, root, yaml):
    head, middle, tail = os.path.normpath(images).rpartition("images")
    tried = [f"{head}labels{tail}"] if middle else []
    if tried and os.path.isdir(tried[0]):
        return tried[0]
    tried.append(os.path.join(root, "labels"))
    if files_in(tried[-1], ".txt"):  # for all; else it has a folder of each split
        return tried[-1]
    raise ValueError(
        f"{display(yaml)}: there is no folder of labels for {display(images)}: "
        f"{display(tried[0])}."
    )


def _shapes(root, images, labels, names):
    """The objects of each image by its path."""
    found, stems = {}, {}
    for image in images_below(images):
        stem = os.path.splitext(image)[0]
        if stem in stems:
            raise ValueError(
                f"{display(images)} has two images named {stem}: {stems[stem]} and "
                f"{image}, and one file of labels for both. Rename or remove one."
            )
        stems[stem] = image
        path = os.path.join(labels, f"{stem}.txt")
        shapes = _read(path, len(names)) if os.path.isfile(path) else ()
        file = relative(os.path.join(images, image), root)
        found[file] = Shapes(display(path), shapes)
    if not found:
        raise ValueError(f"{display(images)} holds no images.")
    alone = [
        name
        for name in files_in(labels, ".txt")
        if os.path.splitext(name)[0] not in stems and name != "classes.txt"
    ]
    if alone:
        raise ValueError(
            f"{display(labels)}: {some(alone, 'file', 'files')} without an image of "
            f"the same name in {display(images)}. Add the images, or remove the files."
        )
    return found


def _read(path, num_classes):
    shapes = []
    text = read_regular(path, MOST).decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            shapes.append(_shape(line.split(), num_classes, f"line {number}"))
        except ValueError as error:
            raise ValueError(f"{display(path)}, line {number}: {error}.") from None
    return tuple(shapes)


def _shape(words, num_classes, name):
    try:
        label, *values = map(float, words)
    except ValueError:
        raise ValueError("a line is a class and numbers, with spaces between") from None
    if not 0 <= label < num_classes or label != int(label):
        raise ValueError(
            f"the class {label:g} is beyond the {num_classes} classes, "
            f"0 to {num_classes - 1}"
        )
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise ValueError(
            "a line is a class and 4 numbers of a box, or x and y of 3 or more corners "
            f"of a polygon. Received: {len(values)} numbers"
        )
    if len(values) == 4:
        box, polygons = tuple(values), None
        x, y, width, height = values
        values = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    else:
        box, polygons = None, (corners(values),)
    if not all(-SLACK <= value <= 1 + SLACK for value in values):
        raise ValueError(
            "the object reaches outside of the image. Numbers are shares of its width "
            "and height, between 0 and 1, not pixels"
        )
    return Shape(int(label), box, polygons, name=name)


def _named(names, yaml):
    if isinstance(names, dict):
        try:
            numbers = sorted((int(key), value) for key, value in names.items())
        except ValueError:
            numbers = []
        if [key for key, _ in numbers] != list(range(len(names))):
            raise ValueError(f"{display(yaml)}: `names` must count from 0 on.")
        names = [value for _, value in numbers]
    return checked_names(names if isinstance(names, list) else [], yaml)


def _of_yaml(text) -> dict:
    """The entries of a data.yaml: strings, and lists and dictionaries of strings."""
    entries, key = {}, None
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not line.strip() or line.strip() == "---":
            continue
        inner = line[0] in " \t" or line.startswith("- ")
        if inner and key is not None:
            item = line.strip()
            if item.startswith("- "):
                entries[key] = [*(entries[key] or []), _plain(item[2:])]
            elif isinstance(entries[key] or {}, dict):
                name, _, value = item.partition(":")
                entries[key] = {**(entries[key] or {}), _plain(name): _plain(value)}
            continue
        key, _, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if value[:1] in ("[", "{"):
            items = [item for item in value[1:-1].split(",") if item.strip()]
            if value[0] == "[":
                entries[key] = [_plain(item) for item in items]
            else:
                pairs = [item.partition(":") for item in items]
                entries[key] = {_plain(name): _plain(each) for name, _, each in pairs}
        else:
            entries[key] = _plain(value)
    return entries


def _plain(text):
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
