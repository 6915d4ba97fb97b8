"""Finds data sets with masks, and makes sources of them."""

import logging

import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.dense import folders
from keras_vit.data.dense.looking import class_names_of, look_at_masks
from keras_vit.data.dense.sources import MaskSource
from keras_vit.data.dense.stores import store_of

LOGGER = logging.getLogger(__name__)

TASKS = ("segmentation",)
LAYOUTS = "images/ and masks/ with equal names, or train/ and test/ with these in each"


def found_in(place):
    """The images and annotations at a place; looked for once.

    Args:
        place: A `keras_vit.data.places.Place`.

    Raises:
        ValueError: if nothing is there that can be read, saying what can.
    """
    return place.once(("dense", "found"), _find, place)


def _find(place):
    found = folders.scan_masks(str(place.path))
    if found is None:
        raise ValueError(f"{place} holds no images with masks. Read are {LAYOUTS}.")
    return found


def splits_of(place, task: str) -> dict[str, int]:
    """The splits of a set with masks, and their numbers of images."""
    found = found_in(place)
    return {split: len(part) for split, part in found.splits.items()}


def load(place, task: str, part, *, skip: bool = False) -> MaskSource:
    """A source of images with masks.

    Args:
        place: A `Place` of a folder.
        task: One of `TASKS`.
        part: Function from the splits, `{split: (files, labels)}`, to (name, files,
            labels) of the part that is wanted.
        skip: Whether what cannot be read is left out.
    """
    found = found_in(place)
    key = ("dense", "masks", skip)
    look, names = place.once(key, _looked, found, display(place), skip)
    splits = {
        split: (np.asarray(list(known), object), np.zeros(len(known), np.int64))
        for split, known in found.splits.items()
    }
    split, files, _ = part(splits)
    broken = dict(look.broken)
    left = [file for file in files if file not in broken]
    skipped = [(display(f), broken[f]) for f in files if f in broken]
    if skipped:
        LOGGER.warning(
            "%d of %d images are left out: %s", len(skipped), len(files), skipped[0][1]
        )
    if not left:
        raise ValueError(f"{place}: no image of the split {split!r} can be read.")
    reader = found.reader.with_classes(len(names))
    store = store_of(found.root, left, found.annotations, reader, look.shape)
    return MaskSource(store, display(place), split, names, look.num_channels, skipped)


def _looked(found, name, skip):
    look = look_at_masks(found, name, skip=skip)
    names = class_names_of(found, look, name)
    for note in (*found.notes, *look.notes(name, names)):
        LOGGER.info("%s", note)
    return look, names
