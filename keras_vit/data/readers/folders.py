"""Folders of class folders: what their images are, and how they are split.

Two layouts are read: `root/<class>/*.jpg`, and `root/<split>/<class>/*.jpg` with splits
named train, val (valid, validation) and test. Class folders may have folders in them.
What begins with a dot is left alone, what systems, archives and runs leave behind
(`leftovers.py`), and files that are no images by their name.
"""

import collections
import dataclasses
import hashlib
import os
import re

import numpy as np

from keras_vit.common.wording import canonical, display
from keras_vit.data.readers.leftovers import RUNS, SEARCHES
from keras_vit.data.readers.strata import strata
from keras_vit.data.readers.walking import SUFFIXES, walk

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}


UNLABELLED = "unlabelled"  # the class of every image without a label


@dataclasses.dataclass(frozen=True)
class Folder:
    """What `scan` found: paths relative to `root`, with forward slashes, sorted.

    `splits` maps a split's name to (files, labels); a folder without split folders has
    one split, "all". Class names are in the Unicode form NFC. What a user should know
    of it stands in `notes`, and in `warnings` what looks like a mistake: sentences.
    """

    root: str
    class_names: list[str]
    splits: dict[str, tuple[np.ndarray, np.ndarray]]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def scan(root: str, any_classes: bool = False) -> Folder:
    """Finds the classes and files of a folder.

    Folders whose names differ only in how Unicode writes a letter are one class: macOS
    writes é as two characters, others as one.

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
    tree = walk(root)
    splits = _split_folders(
        tree, lambda name: any(tree.below.get(f"{name}/{n}") for n in _in(tree, name))
    )
    if splits and "train" not in splits and not any_classes:
        raise ValueError(
            f"{display(root)} has {', '.join(splits.values())} but no train folder. "
            "Name the folder that training should use 'train'."
        )
    splits = splits or {"all": ""}
    parts = list(splits.values()) if any_classes else [next(iter(splits.values()))]
    names = {n for part in parts for n in _class_names(tree, root, part, any_classes)}
    class_names = list(dict.fromkeys(map(canonical, sorted(names))))
    found = {
        split: _files_of(tree, root, folder, class_names)
        for split, folder in splits.items()
    }
    notes = [tree.aside.sentence(root), _two_forms(root, names)]
    return Folder(
        root,
        [display(name) for name in class_names],
        found,
        tuple(filter(None, notes)),
        _left_out(tree, root, splits, found),
    )


def scan_unlabelled(root: str) -> Folder:
    """Finds all images below a folder, in folders of any names and depths.

    Where there is a folder train, the images below it are the training images, those
    below val and test the others; see `SPLIT_FOLDERS` for their names.

    Raises:
        ValueError: naming the folder, if it is not there or holds no images.
    """
    _check_folder(root, "images")
    tree = walk(root)
    splits = _split_folders(tree, tree.below.get)
    splits = splits if "train" in splits else {"all": ""}
    found = {}
    for split, folder in splits.items():
        files = np.asarray(tree.below[folder] if folder else tree.images, object)
        found[split] = files, np.zeros(len(files), np.int64)
    note = tree.aside.sentence(root)
    if not tree.images:
        raise ValueError(
            f"{display(root)} holds no images: files that end in {', '.join(SUFFIXES)}."
            + (f" {note}" if note else "")
        )
    notes = () if note is None else (note,)
    warnings = _left_out(tree, root, splits, found)
    return Folder(root, [UNLABELLED], found, notes, warnings)


def _two_forms(root, names):
    """A sentence about folders that are one class, or None."""
    forms = collections.Counter(map(canonical, names))
    same = [display(name) for name, count in forms.items() if count > 1]
    if not same:
        return None
    return (
        f"{display(root)}: {', '.join(same)} is written in two Unicode forms: both "
        "folders are one class."
    )


def _left_out(tree, root, splits, found):
    """A sentence about the images that are in no part, if there are any."""
    used = set().union(*(files for files, _ in found.values()))
    if len(used) == len(tree.images):
        return ()
    others = [image for image in tree.images if image not in used]
    parts = [f"{folder}/" for folder in splits.values() if folder]
    some = f"{len(others):,} images, such as" if len(others) > 1 else "the image"
    are = "are left out: they are" if len(others) > 1 else "is left out: it is"
    if parts:
        where = f"not in {' or '.join(parts)}"
        what = "Rename the folder train if it is not a split."
    else:
        where, what = "in no class folder", "Put into one what belongs to a class."
    in_parts = any(image.startswith(tuple(parts)) for image in others)
    if parts and in_parts:
        where = f"in no class folder of {' or '.join(parts)}"
    name = display(others[0]) + "," * (len(others) > 1)
    return (f"{display(root)}: {some} {name} {are} {where}. {what}",)


def _check_folder(root, kind):
    if not os.path.isdir(root):
        what = "a file, not a folder" if os.path.exists(root) else "not there"
        raise ValueError(f"{display(root)} is {what}. Name a folder of {kind}.")


def _split_folders(tree, is_part):
    """The folders of the splits: `{split: name}`, where `is_part(name)` holds."""
    found = {}
    for split, names in SPLIT_FOLDERS.items():
        for name in _in(tree, ""):
            if name.lower() in names and is_part(name):
                found.setdefault(split, name)
    return found


def _in(tree, folder):
    """The names of the folders in a folder, sorted."""
    return tree.folders.get(folder, [])


def _joined(folder, name):
    return f"{folder}/{name}" if folder else name


def _class_names(tree, root, folder, any_classes):
    """The names of the class folders of a part, sorted."""
    path = os.path.join(root, folder) if folder else root
    shown, below = display(path), tree.below
    note = tree.aside.sentence(root)
    note = f" {note}" if note else ""
    names = [name for name in _in(tree, folder) if not _only_runs(tree, folder, name)]
    if not names:
        images = len(below.get(folder, ()) if folder else tree.images)
        raise ValueError(
            f"{shown} holds {images} images and no class folders, so the images "
            "have no labels. Sort them into one folder per class: "
            f"{display(os.path.join(path, 'cat', 'photo.jpg'))}{note}"
            if images
            else f"{shown} is empty: no class folders and no images "
            f"({', '.join(SUFFIXES)}) in it.{note}"
        )
    empty = [name for name in names if not below.get(_joined(folder, name))]
    if len(empty) == len(names):
        raise ValueError(
            f"{shown} has no images in its folders ({', '.join(map(display, names))}); "
            f"images are the files that end in {', '.join(SUFFIXES)}.{note}"
        )
    if any_classes:
        return [name for name in names if name not in empty]
    if empty:
        raise ValueError(
            f"Every class folder must hold an image. Empty ones in {shown}: "
            f"{', '.join(map(display, empty))}. Remove them, or put images in.{note}"
        )
    if len({canonical(name) for name in names}) < 2:
        inner = os.path.join(path, names[0])
        here = _joined(folder, names[0]) + "/"
        deep = any("/" in i.removeprefix(here) for i in below[here[:-1]])
        raise ValueError(
            f"{shown} has only one class, {display(names[0])!r}: there is nothing to "
            "tell apart. Put a folder of other images beside it"
            + (f", or name {display(inner)} itself." if deep else ".")
            + note
        )
    return names


def _only_runs(tree, folder, name):
    """Whether a folder holds runs of this package and no images, or is left of them."""
    path = _joined(folder, name)
    if tree.below.get(path):
        return False
    return path in (RUNS, SEARCHES) or any(
        run.startswith(f"{path}/") for run in tree.aside.runs
    )


def _files_of(tree, root, part, class_names):
    folders = {}
    for name in _in(tree, part):
        if tree.below.get(_joined(part, name)):
            folders.setdefault(canonical(name), []).append(_joined(part, name))
    path = os.path.join(root, part) if part else root
    unknown = [name for name in folders if name not in class_names]
    if unknown:
        raise ValueError(
            f"{display(path)} has classes that the training folder lacks: "
            f"{', '.join(map(display, unknown))}. "
            f"Known classes: {', '.join(map(display, class_names))}"
        )
    files, labels = [], []
    for label, name in enumerate(class_names):
        images = [image for f in folders.get(name, ()) for image in tree.below[f]]
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
        labels: Integer array, one per file, or `(N, classes)`; see `strata`.
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
    second, labels = [], strata(labels)
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
        text = f"{seed}/{canonical(files[place])}".encode("utf-8", "surrogateescape")
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
