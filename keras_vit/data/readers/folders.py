"""Folders of class folders: finds the files, and splits them.

Two layouts are read: `root/<class>/*.jpg`, and `root/<split>/<class>/*.jpg` with splits
named train, val (valid, validation) and test. Class folders may have folders in them.
What begins with a dot is left alone, and so are files that are no images by their name.
"""

import dataclasses
import hashlib
import logging
import os
import re
import unicodedata

import numpy as np

from keras_vit.common.wording import display

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
SUFFIXES += (".heic", ".heif", ".tif", ".tiff")
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}


UNLABELLED = "unlabelled"  # the class of every image without a label
LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Folder:
    """What `scan` found: paths relative to `root`, with forward slashes, sorted.

    `splits` maps a split's name to (files, labels); a folder without split folders has
    one split, "all".
    """

    root: str
    class_names: list[str]
    splits: dict[str, tuple[np.ndarray, np.ndarray]]


def scan(root: str, any_classes: bool = False) -> Folder:
    """Finds the classes and files of a folder.

    Args:
        root: Path.
        any_classes: Whether one class is enough, classes without images are left
            aside, and a part may lack classes or have further ones. For evaluation,
            which knows the model's classes.

    Raises:
        ValueError: naming the folder, if it is a file, has no images, no class folders,
            one class only, or an empty class.
    """
    _check_folder(root, "class folders")
    splits = _split_folders(root, _class_folders)
    if splits and "train" not in splits and not any_classes:
        raise ValueError(
            f"{display(root)} has {', '.join(splits.values())} but no train folder. "
            "Name the folder that training should use 'train'."
        )
    splits = splits or {"all": ""}
    parts = list(splits.values()) if any_classes else [next(iter(splits.values()))]
    names = {name for part in parts for name in _class_names(root, part, any_classes)}
    class_names = sorted(names)
    found = {
        split: _files_of(root, folder, class_names) for split, folder in splits.items()
    }
    return Folder(root, [display(name) for name in class_names], found)


def scan_unlabelled(root: str) -> Folder:
    """Finds all images below a folder, in folders of any names and depths.

    Where there is a folder train, the images below it are the training images, those
    below val and test the others; see `SPLIT_FOLDERS` for their names.

    Raises:
        ValueError: naming the folder, if it is not there or holds no images.
    """
    _check_folder(root, "images")
    splits = _split_folders(root, _has_images)
    splits = splits if "train" in splits else {"all": ""}
    if "train" in splits:
        _log_others(root, splits)
    found = {}
    for split, folder in splits.items():
        before = f"{folder}/" if folder else ""
        images = sorted(images_below(os.path.join(root, folder)))
        files = np.asarray([before + image for image in images], object)
        found[split] = files, np.zeros(len(files), np.int64)
    if not len(next(iter(found.values()))[0]):
        raise ValueError(
            f"{display(root)} holds no images: files that end in {', '.join(SUFFIXES)}."
        )
    return Folder(root, [UNLABELLED], found)


def _log_others(root, splits):
    """Logs how many images lie outside the folders of the splits."""
    below = tuple(f"{folder}/" for folder in splits.values())
    others = [name for name in images_below(root) if not name.startswith(below)]
    if others:
        LOGGER.warning(
            "%s: %d images, such as %s, are left out: they are not in %s. Rename the "
            "folder train if it is not a split.",
            display(root),
            len(others),
            display(others[0]),
            " or ".join(below),
        )


def _check_folder(root, kind):
    if not os.path.isdir(root):
        what = "a file, not a folder" if os.path.exists(root) else "not there"
        raise ValueError(f"{display(root)} is {what}. Name a folder of {kind}.")


def _split_folders(root, is_part):
    """The folders of the splits: `{split: name}`, where `is_part(path)` holds."""
    found = {}
    for split, names in SPLIT_FOLDERS.items():
        for name in _subfolders(root):
            if name.lower() in names and is_part(os.path.join(root, name)):
                found.setdefault(split, name)
    return found


def _subfolders(path):
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.is_dir() and not _hidden(e.name)]
    return sorted(names)


def _hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _class_folders(path):
    return [name for name in _subfolders(path) if _has_images(os.path.join(path, name))]


def _has_images(path):
    return next(images_below(path), None) is not None


def images_below(path):
    """Yields the relative paths of the images below a folder."""
    for folder, inner, files in os.walk(path, followlinks=True):
        inner[:] = [name for name in inner if not _hidden(name)]
        here = os.path.relpath(folder, path).replace(os.sep, "/")
        if here.count("/") > 20:
            raise ValueError(f"{display(folder)} leads back into itself.")
        for name in files:
            if name.lower().endswith(SUFFIXES) and not _hidden(name):
                yield name if here == "." else f"{here}/{name}"


def _class_names(root, split_folder, any_classes):
    path = os.path.join(root, split_folder) if split_folder else root
    shown = display(path)
    names = _subfolders(path)
    if not names:
        images = list(images_below(path))
        raise ValueError(
            f"{shown} holds {len(images)} images and no class folders, so the images "
            "have no labels. Sort them into one folder per class: "
            f"{display(os.path.join(path, 'cat', 'photo.jpg'))}"
            if images
            else f"{shown} is empty: no class folders and no images "
            f"({', '.join(SUFFIXES)}) in it."
        )
    empty = [name for name in names if not _has_images(os.path.join(path, name))]
    if len(empty) == len(names):
        raise ValueError(
            f"{shown} has no images in its folders ({', '.join(map(display, names))}); "
            f"images are the files that end in {', '.join(SUFFIXES)}."
        )
    if any_classes:
        return [name for name in names if name not in empty]
    if empty:
        raise ValueError(
            f"Every class folder must hold an image. Empty ones in {shown}: "
            f"{', '.join(map(display, empty))}. Remove them, or put images in."
        )
    if len(names) < 2:
        inner = os.path.join(path, names[0])
        raise ValueError(
            f"{shown} has only one class, {display(names[0])!r}: there is nothing to "
            "tell apart. Put a folder of other images beside it"
            + (f", or name {inner} itself." if _class_folders(inner) else ".")
        )
    return names


def _files_of(root, split_folder, class_names):
    path = os.path.join(root, split_folder) if split_folder else root
    unknown = [n for n in _class_folders(path) if n not in class_names]
    if unknown:
        raise ValueError(
            f"{display(path)} has classes that the training folder lacks: "
            f"{', '.join(map(display, unknown))}. "
            f"Known classes: {', '.join(map(display, class_names))}"
        )
    files, labels = [], []
    for label, name in enumerate(class_names):
        folder = os.path.join(path, name)
        here = f"{split_folder}/{name}" if split_folder else name
        images = [f"{here}/{image}" for image in sorted(images_below(folder))]
        files += images
        labels += [label] * len(images)
    if not files:
        raise ValueError(f"{display(path)} holds no images.")
    return np.asarray(files, object), np.asarray(labels, np.int64)


def stratified(files, labels, fraction: float, seed: int):
    """Splits files in two: each class by itself, chosen by a hash of their names.

    The choice depends on the names and the seed only, not on the order of a file
    system. A class with two images or more has at least one in both parts; a single
    image goes into the first.

    Args:
        files: Relative paths, array of strings.
        labels: Integer array, one per file.
        fraction: Share of the second part, in (0, 1).
        seed: Integer.

    Returns:
        (first, second): sorted integer arrays, places in `files`.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            "`test_fraction` must lie between 0 and 1, both excluded. "
            f"Received: test_fraction={fraction}"
        )
    second = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            continue
        count = min(max(1, round(len(members) * fraction)), len(members) - 1)
        second.append(hash_order(files, seed, members)[:count])
    second = np.sort(np.concatenate(second)) if second else np.zeros(0, np.int64)
    if not len(second):
        raise ValueError(
            "No class has two images, so no test images can be set apart. "
            f"Received: {len(files)} images."
        )
    first = np.setdiff1d(np.arange(len(files)), second)
    return first, second


def hash_order(files, seed: int, members) -> np.ndarray:
    """`members` (places in `files`) in an order that depends on names and seed only."""

    def key(place):
        # macOS writes é as two characters, Linux as one.
        name = unicodedata.normalize("NFC", str(files[place]))
        text = f"{seed}/{name}".encode("utf-8", "surrogateescape")
        return hashlib.sha256(text).digest()

    return np.asarray(sorted(members, key=key), np.int64)


def slice_of(size: int, brackets: str) -> slice:
    """The slice that TFDS's brackets mean: `[:80%]`, `[10:20]`, `[-25%:]`."""
    match = re.fullmatch(r"\[(-?\d+%?)?:(-?\d+%?)?\]", brackets.replace(" ", ""))
    if match is None:
        raise ValueError(
            "Part of a split is written as in TFDS: 'train[:80%]', 'train[100:200]'. "
            f"Received: {brackets!r}"
        )

    def place(text):
        if text is None or not text.endswith("%"):
            return None if text is None else int(text)
        percent = int(text[:-1])
        return round(size * percent / 100)

    return slice(*(place(text) for text in match.groups()))


def peek(root: str, files, count: int = 32):
    """What a few images look like from their headers.

    Returns:
        (shape, channels): (H, W, C) if those looked at agree, else None; and 1 if all
        of them are grey, else 3.
    """
    from PIL import Image

    places = np.unique(np.linspace(0, len(files) - 1, count).astype(int))
    shapes = set()
    for place in places:
        try:
            with Image.open(os.path.join(root, files[place])) as image:
                grey = image.mode in ("1", "L", "LA", "I;16", "I")
                shapes.add((image.height, image.width, 1 if grey else 3))
        except (OSError, ValueError):  # broken, or HEIC: found out when it is read
            continue
    channels = 1 if shapes and all(shape[-1] == 1 for shape in shapes) else 3
    return (shapes.pop() if len(shapes) == 1 else None), channels
