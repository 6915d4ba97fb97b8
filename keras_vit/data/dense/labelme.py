"""LabelMe's json: the polygons, rectangles and circles of one image in one file."""

import json
import math
import os

import numpy as np

from keras_vit.common.regular import read_regular
from keras_vit.common.wording import canonical, display
from keras_vit.data.dense.class_lists import BACKGROUND, NOT_COUNTED, class_names_in
from keras_vit.data.dense.found import (
    Found,
    files_in,
    folders_in,
    image_beside,
    left_aside,
    relative,
    some,
    split_folder,
    splits_aside,
)
from keras_vit.data.dense.polygons import corners
from keras_vit.data.dense.shapes import IGNORED, Shape, ShapeReader, Shapes
from keras_vit.data.readers.folders import SPLIT_FOLDERS

MOST = 2**28  # bytes of a file, which may hold its image
FOLDERS = ("", "annotations", "labels", "json", "images")
CORNERS = 64  # of the polygon that stands for a circle


def scan_labelme(root: str) -> Found | None:
    """The images and objects of LabelMe's files, or `None` if a folder has none.

    Read are json files in the root, or in annotations, labels, json or images, or in a
    folder of each split. The image is the file's `imagePath`, or has the same name.
    Shapes of one `group_id` and class are one object. The classes are those of
    classes.txt or labels.txt, or all names, sorted; "_background_" is no object, and
    "__ignore__" and "void" are not counted.

    Raises:
        ValueError: naming files that are broken, lack their image, share one, or have
            another class than classes.txt.
    """
    if not os.path.isdir(root):
        return None
    listed = (_files(os.path.join(root, folder)) for folder in FOLDERS)
    parts = {"all": next(filter(None, listed), [])}
    if not parts["all"]:
        inside = folders_in(root)
        parts = {split: split_folder(inside, split) for split in SPLIT_FOLDERS}
        parts = {k: _files(os.path.join(root, v)) for k, v in parts.items() if v}
    read = {
        split: [_read(path) for path in paths]
        for split, paths in parts.items()
        if paths
    }
    if not read:
        return None
    found = {s[0] for part in read.values() for *_, shapes in part for s in shapes}
    names = class_names_in(root)
    names = sorted(found) if names is None else names
    unknown = sorted(name for name in found - set(names) if _special(name) is None)
    if unknown:
        raise ValueError(
            f"{display(root)}: the files of LabelMe have classes that classes.txt "
            f"lacks: {some(unknown, 'class', 'classes')}. Add them, or remove "
            "classes.txt."
        )
    names = [name for name in names if _special(name) is None]
    if not names:
        raise ValueError(f"{display(root)}: no file of LabelMe names an object.")
    splits, known = {}, {}
    for split, part in read.items():
        splits[split] = {}
        for entry in part:
            file, shapes = _image(entry, root, names)
            if file in known:
                raise ValueError(
                    f"{known[file].source} and {shapes.source} are both of the image "
                    f"{display(file)}. Make them one file, or correct its imagePath."
                )
            known[file] = splits[split][file] = shapes
    notes = left_aside(root, splits) + splits_aside(root, known, "json files")
    return Found(root, "LabelMe json", names, splits, ShapeReader(), notes)


def _files(folder):
    """The paths of the files of LabelMe in a folder."""
    paths = [os.path.join(folder, name) for name in files_in(folder, ".json")]
    return [path for path in paths if _is(path)]


def _is(path):
    with open(path, "rb") as file:
        head = file.read(4096)
        file.seek(max(0, os.path.getsize(path) - 4096))
        return b'"shapes"' in head + file.read(4096)


def _read(path):
    """(path, the image's path or None, size or None, [(class, kind, points, group)])"""
    try:
        entries = json.loads(read_regular(path, MOST))
        shapes = []
        for shape in entries["shapes"]:
            kind = shape.get("shape_type") or "polygon"
            group = shape.get("group_id")
            name = canonical(str(shape["label"]).strip())
            shapes.append((name, kind, shape["points"], group))
        image = entries.get("imagePath")
        size = entries.get("imageHeight"), entries.get("imageWidth")
        size = tuple(map(int, size)) if all(size) else None
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        reason = f"it has no {error}" if type(error) is KeyError else error
        raise ValueError(f"{display(path)} is no file of LabelMe: {reason}.") from None
    return path, str(image) if image else None, size, shapes


def _special(name):
    """-1 for the background, 255 for what is not counted, else `None`."""
    if name.lower() in BACKGROUND:
        return -1
    return IGNORED if name.lower() in NOT_COUNTED else None


def _image(entry, root, names):
    """(the image's path relative to the root, its `Shapes`)."""
    path, image, size, entries = entry
    folder = os.path.dirname(path)
    file = image and os.path.join(folder, image.replace("\\", "/"))
    if not file or not os.path.isfile(file):
        stem = os.path.splitext(os.path.basename(path))[0]
        near = [folder, os.path.join(root, "images"), root]
        file = image_beside([*near, os.path.join(folder, "..", "images")], stem)
    if file is None:
        raise ValueError(
            f"{display(path)}: its image {display(image or '')} is not there, nor one "
            "of the same name beside it or in images."
        )
    parts = {}
    for number, (name, kind, points, group) in enumerate(entries):
        special = _special(name)
        label = names.index(name) if special is None else special
        try:
            polygon = _polygon(kind, points)
        except ValueError as error:
            raise ValueError(f"{display(path)}, shape {number + 1}: {error}.") from None
        key = (number,) if group is None else (group, name)
        parts.setdefault(key, (label, f"shape {number + 1}", []))[2].append(
            (kind, polygon)
        )
    shapes = tuple(
        Shape(label, _box(drawn), tuple(p for _, p in drawn), name=name)
        for label, name, drawn in parts.values()
    )
    return relative(file, root), Shapes(display(path), shapes, size)


def _box(drawn):
    """The box of a rectangle as it was drawn; of other shapes their pixels tell."""
    if len(drawn) > 1 or drawn[0][0] != "rectangle":
        return None
    (_, points) = drawn[0]
    return (*points.min(0).tolist(), *points.max(0).tolist())


def _polygon(kind, points):
    points = np.asarray(points, np.float64)
    if kind == "polygon":
        return corners(points)
    if kind == "rectangle" and points.shape == (4, 2):
        return corners(points)
    if points.shape != (2, 2):
        raise ValueError(
            f"the shape {kind!r} is no polygon, rectangle or circle. Draw one of these"
        )
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        return corners([x0, y0, x1, y0, x1, y1, x0, y1])
    if kind == "circle":
        center, radius = points[0], math.dist(*points)
        angles = np.arange(CORNERS) * (2 * math.pi / CORNERS)
        return corners(center + radius * np.stack([np.cos(angles), np.sin(angles)], 1))
    raise ValueError(
        f"the shape {kind!r} is no polygon, rectangle or circle. Draw one of these"
    )
