"""Looks names up in the catalog, without TFDS and without TensorFlow."""

import os

from keras_vit.data.sets.catalog import DATASETS, EMBEDDED, NOT_IN_TFDS, DatasetFacts

KNOWN = {**EMBEDDED, **DATASETS, **NOT_IN_TFDS}


def facts_of(name) -> DatasetFacts | None:
    """The row of a TFDS name, with or without configuration and version."""
    return DATASETS.get(str(name).partition(":")[0].partition("/")[0])


def missing_files(facts: DatasetFacts, folder) -> list[str]:
    """The files that must be placed by hand and are not in the folder."""
    return [n for n in facts.manual if not os.path.exists(os.path.join(folder, n))]


def num_training_images(name) -> int | None:
    """The training images of a data set; None of parts and of unknown ones.

    None, too, of a TFDS set without a test split: a part of it is cut off for the test.
    """
    splits = KNOWN[name].splits if name in KNOWN else {}
    is_cut = name in DATASETS and not {"test", "validation"} & splits.keys()
    return None if is_cut else splits.get("train")


def image_shape(name) -> tuple[int, int, int] | None:
    """Height, width and channels, where all images of a data set share them."""
    facts = KNOWN.get(name)
    if facts is None or facts.image_size is None:
        return None
    return (*facts.image_size, facts.num_channels)
