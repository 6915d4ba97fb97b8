"""COCO's json: boxes, polygons, run lengths and crowds of many images in one file."""

import json
import math
import mmap
import os

from keras_vit.common.regular import read_regular
from keras_vit.common.wording import canonical, display
from keras_vit.data.dense.class_lists import checked_names
from keras_vit.data.dense.found import (
    Found,
    files_in,
    folders_in,
    left_aside,
    relative,
    some,
    split_folder,
    split_of,
    splits_aside,
)
from keras_vit.data.dense.polygons import corners
from keras_vit.data.dense.shapes import Shape, ShapeReader, Shapes
from keras_vit.data.readers.folders import SPLIT_FOLDERS

MOST = 2**31  # bytes of a file
PARTS = ("images", "annotations", "categories")
# Files of COCO that hold something else, and are large.
OTHERS = ("captions", "person_keypoints", "panoptic", "image_info", "stuff_")


def scan_coco(path: str) -> Found | None:
    """The images and objects of a json of COCO, or of a folder with some, or `None`.

    Read are `<name>.json` and `annotations/<name>.json`, where the name may speak of a
    split ("train.json", "instances_val2017.json"), and `<split>/<name>.json`. Images
    lie beside the file, in `images`, or in a folder of the split.

    Raises:
        ValueError: naming the file, if it is broken, an image is missing or comes
            twice, or the files do not agree on the classes.
    """
    files = _files(path)
    if not files:
        return None
    root = path if os.path.isdir(path) else os.path.dirname(path)
    names, splits, notes = None, {}, []
    for split, file in files.items():
        entries = _read(file)
        known = _categories(entries, file)
        if names is None:
            names = checked_names(known.values(), file)
        new = [name for name in known.values() if name not in names]
        if new:
            raise ValueError(
                f"{display(file)} has classes that the first file lacks: "
                f"{some(new, 'class', 'classes')}. Known: {', '.join(names[:20])}"
            )
        numbers = {key: names.index(name) for key, name in known.items()}
        splits[split], note = _images(entries, file, root, split, numbers)
        notes += [note] if note else []
        for other in splits.keys() - {split}:
            _check_apart(files[other], splits[other], file, splits[split])
    notes += left_aside(root, splits)
    notes += splits_aside(root, {f for part in splits.values() for f in part}, "a json")
    return Found(root, "COCO json", names, splits, ShapeReader("coco"), tuple(notes))


def coco_ids(path: str) -> tuple[dict, dict]:
    """The ids of the images of a json of COCO by file name, of its classes by name.

    Images are not looked for.

    Raises:
        ValueError: naming the file, if it is broken, or something comes twice.
    """
    entries = _read(path)
    classes = {name: key for key, name in _categories(entries, path).items()}
    try:
        pairs = [(str(row["file_name"]), row["id"]) for row in entries["images"]]
    except (KeyError, TypeError):
        raise ValueError(
            f"{display(path)}: an image needs an id and a file_name"
        ) from None
    _check_once((name for name, _ in pairs), "images of the file_name", path)
    return dict(pairs), classes


def _files(path):
    """The file of each split."""
    if os.path.isfile(path):
        return {"all": path} if path.lower().endswith(".json") and _is(path) else {}
    named, others = {}, []
    for folder in (path, *(os.path.join(path, n) for n in ("annotations",))):
        for name in files_in(folder, ".json"):
            file = os.path.join(folder, name)
            if name.startswith(OTHERS) or not _is(file):
                continue
            split = split_of(os.path.splitext(name)[0])
            if split:
                named.setdefault(split, []).append(file)
            else:
                others.append(file)
    folders = folders_in(path)
    for split in SPLIT_FOLDERS:
        folder = split_folder(folders, split)
        inside = folder and os.path.join(path, folder)
        for name in files_in(inside, ".json") if folder else ():
            if split not in named and _is(os.path.join(inside, name)):
                named[split] = [os.path.join(inside, name)]
    found = named or ({"all": others} if others else {})
    several = [files for files in found.values() if len(files) > 1]
    if several:
        raise ValueError(
            f"{display(path)} has several files of COCO for one part: "
            f"{', '.join(map(display, several[0]))}. Name the file itself."
        )
    order = [split for split in (*SPLIT_FOLDERS, "all") if split in found]
    return {split: found[split][0] for split in order}


def _is(path):
    """Whether a file looks like COCO's json, without reading it as such."""
    if not os.path.getsize(path):
        return False
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        if not data[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
            return False
        return all(data.find(f'"{part}"'.encode()) >= 0 for part in PARTS[:2])


def _read(path):
    try:
        entries = json.loads(read_regular(path, MOST))
        if all(isinstance(entries[part], list) for part in PARTS):
            return entries
        reason = "a part is no list"
    except KeyError as error:
        reason = f"it has no {error}"
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error)
    raise ValueError(
        f"{display(path)} must hold the lists images, annotations and categories of "
        f"COCO: {reason}"
    )


def _categories(entries, path):
    """The names of the classes by their ids, in the order of these."""
    try:
        rows = entries["categories"]
        pairs = [(int(row["id"]), canonical(str(row["name"]))) for row in rows]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{display(path)}: every category must have an id and a name"
        ) from None
    _check_once((key for key, _ in pairs), "categories of the id", path)
    return dict(sorted(pairs))


def _check_once(values, what, path):
    """Raises if one of the values comes twice: annotations would be lost."""
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(
                f"{display(path)} lists two {what} {display(value)}. Make them one, or "
                "give each its own."
            )
        seen.add(value)


def _check_apart(first, its, second, others):
    """Raises if the files of two splits list the same image."""
    shared = sorted(its.keys() & others.keys())
    if shared:
        raise ValueError(
            f"{display(first)} and {display(second)} both list "
            f"{some(shared, 'image', 'images')}. Each image belongs to one split: "
            "remove it from the other."
        )


def _images(entries, path, root, split, numbers):
    """(the objects of each image by its path, a note or None)."""
    source = display(path)
    try:
        _check_once((row["id"] for row in entries["images"]), "images of the id", path)
        rows = {row["id"]: (row, []) for row in entries["images"]}
        names = [str(row["file_name"]) for row, _ in rows.values()]
    except (KeyError, TypeError):
        raise ValueError(f"{source}: an image needs an id and a file_name") from None
    if not rows:
        raise ValueError(f"{source} lists no images.")
    _check_once(map(os.path.normpath, names), "images of the file_name", path)
    folder = _folder(path, root, split, names)
    alone = 0
    for row in entries["annotations"]:
        shape, image = _shape(row, source, numbers)
        if image in rows:
            rows[image][1].append(shape)
        else:
            alone += 1
    found = {}
    for row, shapes in rows.values():
        file = relative(os.path.join(folder, row["file_name"]), root)
        try:
            size = (int(row["height"]), int(row["width"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            size = None
        found[file] = Shapes(f"{source} of {row['file_name']}", tuple(shapes), size)
    note = f"{source}: {alone:,} annotations are of images that it does not list."
    return found, note if alone else None


def _shape(row, source, numbers):
    """(a `Shape`, the image's id)."""
    name = "an annotation"
    try:
        name = f"the annotation {row.get('id', '')}".rstrip()
        if row["category_id"] not in numbers:
            raise ValueError(
                f"{source}: {name} is of the category {row['category_id']}, which is "
                "not listed. Add it to the categories"
            )
        box, segmentation = row.get("bbox"), row.get("segmentation")
        box = tuple(float(value) for value in box) if box else None
        if box is not None and len(box) != 4:
            raise ValueError(f"{source}: {name} has a bbox of {len(box)} numbers")
        polygons = runs = None
        if isinstance(segmentation, dict):
            runs = segmentation
        elif segmentation:
            polygons = tuple(corners(points) for points in segmentation)
        crowd = bool(row.get("iscrowd", 0))
        label, area = numbers[row["category_id"]], row.get("area")
        area = None if area is None else float(area)
        if area is not None and not 0 <= area < math.inf:
            raise ValueError(f"{source}: {name} has an area of {area:g}")
        return Shape(label, box, polygons, runs, crowd, name, area), row["image_id"]
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"has no {error}" if type(error) is KeyError else str(error)
    except ValueError as error:
        reason = str(error)
        if reason.startswith(source):
            raise
    raise ValueError(f"{source}: {name} {reason}")


def _folder(path, root, split, names):
    """The folder that the images lie in."""
    here = os.path.dirname(path)
    above = os.path.dirname(os.path.abspath(here))
    stem = os.path.splitext(os.path.basename(path))[0]
    last = stem.rpartition("_")[2]  # train2017
    folders = []
    for base in (here, root, above):
        folders += [base, os.path.join(base, "images")]
        for inner in (base, os.path.join(base, "images")):
            part = split != "all" and split_folder(folders_in(inner), split)
            folders += [os.path.join(inner, each) for each in (last, part) if each]
    for folder in dict.fromkeys(folders):
        if os.path.isfile(os.path.join(folder, names[0])):
            break
    else:
        raise ValueError(
            f"{display(path)} lists {display(names[0])}, which is neither beside it "
            "nor in a folder images there. Put the images into images."
        )
    absent = [n for n in names if not os.path.isfile(os.path.join(folder, n))]
    if absent:
        raise ValueError(
            f"{display(path)} lists {some(absent, 'image', 'images')} that are not in "
            f"{display(folder)}. Add them, or remove them from the list."
        )
    return folder
