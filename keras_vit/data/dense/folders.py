"""Folders of images and masks, matched by their names."""

import os

from keras_vit.common.wording import display
from keras_vit.data.dense.class_lists import class_names_in, colours_in
from keras_vit.data.dense.found import Found
from keras_vit.data.dense.mask_files import MaskFiles
from keras_vit.data.readers.folders import SPLIT_FOLDERS
from keras_vit.data.readers.walking import images_below

# Their names, in small letters.
IMAGES = ("images", "image", "imgs", "img", "jpegimages")
MASKS = ("masks", "mask", "segmentationclass", "segmentations", "annotations", "labels")
# What tools put behind the name of an image in that of its mask.
ENDINGS = ("_mask", "_masks", "-mask", "_segmentation", "_seg", "_labels", "_label")
ENDINGS += ("_gt", "_L")
NAMED = 5  # files in an error


def scan_masks(root: str) -> Found | None:
    """The images and masks of a folder, or `None` if it has no such folders.

    Read are `root/images` and `root/masks`, `root/<split>/images` and
    `root/<split>/masks`, and `root/images/<split>` and `root/masks/<split>`.

    Raises:
        ValueError: naming images without a mask, masks without an image, an empty
            folder, and two files that belong to one name.
    """
    parts = _parts(root)
    if not parts:
        return None
    splits = {split: _matched(root, images, masks) for split, images, masks in parts}
    names, colours = class_names_in(root), None
    table = colours_in(root)
    if table is not None:
        names, colours = table
    how = "Name all classes in classes.txt, or write class numbers into the masks."
    reader = MaskFiles(root, names and len(names), colours, how)
    return Found(root, "images and masks", names, splits, reader)


def _parts(root):
    """(split, folder of images, folder of masks) of each part."""
    inside = _folders(root)
    images, masks = _first(inside, IMAGES), _first(inside, MASKS)
    if images and masks and _holds_images(os.path.join(root, masks)):
        pairs = {
            split: (
                _first(_folders(os.path.join(root, images)), names),
                _first(_folders(os.path.join(root, masks)), names),
            )
            for split, names in SPLIT_FOLDERS.items()
        }
        pairs = {split: pair for split, pair in pairs.items() if all(pair)}
        if "train" in pairs:
            return [
                (split, f"{images}/{first}", f"{masks}/{second}")
                for split, (first, second) in pairs.items()
            ]
        return [("all", images, masks)]
    found = []
    for split, names in SPLIT_FOLDERS.items():
        part = _first(inside, names)
        if part:
            below = _folders(os.path.join(root, part))
            images, masks = _first(below, IMAGES), _first(below, MASKS)
            if images and masks and _holds_images(os.path.join(root, part, masks)):
                found.append((split, f"{part}/{images}", f"{part}/{masks}"))
    return found


def _folders(path):
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []


def _first(folders, names):
    """The folder whose name comes first among some names, or `None`."""
    by_name = {folder.lower(): folder for folder in reversed(folders)}
    return next((by_name[name] for name in names if name in by_name), None)


def _holds_images(path):
    return next(images_below(path), None) is not None


def _matched(root, images, masks):
    """The mask of each image: a dictionary of paths relative to the root."""
    pictures = _by_stem(root, images)
    found = _by_stem(root, masks)
    if not pictures or not found:
        empty = os.path.join(root, masks if pictures else images)
        raise ValueError(f"{display(empty)} holds no images. Put the files in.")
    shorter = {_without_ending(stem, pictures): stem for stem in found}
    where = f"in {display(os.path.join(root, images))}"
    alone = sorted(pictures.keys() - shorter.keys())
    if alone:
        raise ValueError(
            f"{_some(alone, 'image', 'images')} {where} without a mask of the same "
            f"name in {display(os.path.join(root, masks))}. Add the masks, all 0 where "
            "nothing is to be seen, or remove the images."
        )
    alone = sorted(shorter.keys() - pictures.keys())
    if alone:
        raise ValueError(
            f"{_some(alone, 'mask', 'masks')} in {display(os.path.join(root, masks))} "
            f"without an image of the same name {where}. Add the images, or remove the "
            "masks."
        )
    return {pictures[stem]: found[shorter[stem]] for stem in sorted(pictures)}


def _some(names, one, many):
    shown = ", ".join(map(display, names[:NAMED]))
    more = ", ..." if len(names) > NAMED else ""
    return f"{len(names):,} {one if len(names) == 1 else many} ({shown}{more})"


def _without_ending(stem, known):
    if stem in known:
        return stem
    for ending in ENDINGS:
        if stem.endswith(ending) and stem.removesuffix(ending) in known:
            return stem.removesuffix(ending)
    return stem


def _by_stem(root, folder):
    found = {}
    for file in images_below(os.path.join(root, folder)):
        stem = os.path.splitext(file)[0]
        if stem in found:
            raise ValueError(
                f"{display(os.path.join(root, folder))} has two files named {stem}: "
                f"{display(os.path.basename(found[stem]))} and {display(file)}. "
                "Rename or remove one."
            )
        found[stem] = f"{folder}/{file}"
    return found
