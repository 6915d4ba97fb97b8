"""Folders of images that nobody has sorted: there is nothing to say of them."""

import logging
import os

import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.readers.folders import (
    SUFFIXES,
    Folder,
    has_images,
    images_below,
    split_folders,
)

logger = logging.getLogger(__name__)

# The class of every image without a label.
UNLABELLED = "unlabelled"


def scan_unlabelled(root: str) -> Folder:
    """Finds all images below a folder, in folders of any names and depths.

    Where there is a folder train, the images below it are the training images, those
    below val and test the others; see `folders.SPLIT_FOLDERS` for their names.

    Raises:
        ValueError: naming the folder, if it is not there or holds no images.
    """
    if not os.path.isdir(root):
        what = "a file, not a folder" if os.path.exists(root) else "not there"
        raise ValueError(f"{display(root)} is {what}. Name a folder of images.")
    splits = split_folders(root, has_images)
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
    """Says how many images lie beside the folders of the splits."""
    below = tuple(f"{folder}/" for folder in splits.values())
    others = [name for name in images_below(root) if not name.startswith(below)]
    if others:
        logger.warning(
            "%s: %d images, such as %s, are left out: they are not in %s. Rename the "
            "folder train if it is no split.",
            display(root),
            len(others),
            display(others[0]),
            " or ".join(below),
        )
