"""Matches the classes of model and data by their names."""

import numpy as np

from keras_vit.common.wording import class_key
from keras_vit.models import imagenet_classes
from keras_vit.models.pretrained.imagenet_names import IMAGENET_SIZES

# Names that a message lists.
LISTED = 10


def match_classes(names, outputs, source):
    """The class of a model for each class of a source.

    Names are what counts, not their number or order. Of classes without images in the
    source nothing is asked. Published files of ImageNet name no classes themselves:
    data whose names are the numbers of the outputs are in their order.

    Args:
        names: List of the model's class names, or `None` where it has none: then its
            classes are those of the source, in the same order.
        outputs: Integer, the number of the model's classes.
        source: A `keras_vit.data.Source`.

    Returns:
        Integer array, one for each class of the source; -1 for one that has no images
        and that the model lacks.

    Raises:
        ValueError: naming the classes with images that the model lacks.
    """
    given = source.class_names
    if names is None:
        if outputs != len(given):
            raise ValueError(
                f"The model does not say what its {outputs:,} classes are called, so "
                "the data must have as many, in the model's order. Received: "
                f"{source.name}, of {_counted(given)}. Name the model's classes in "
                "model.metadata['class_names'], or give other data."
            )
        return np.arange(outputs)
    numbers = outputs in IMAGENET_SIZES and given == list(map(str, range(outputs)))
    if numbers or list(names) == given:
        return np.arange(outputs)
    exact, known = {}, {}
    for number, name in enumerate(names):  # of equal ones, the first counts
        exact.setdefault(name, number)
        known.setdefault(class_key(name), number)
    found = np.asarray([exact.get(n, known.get(class_key(n), -1)) for n in given])
    used = _used(source)
    unknown = [given[place] for place in used if found[place] < 0]
    if unknown:
        there = set(found[used].tolist())
        missing = [name for n, name in enumerate(names) if n not in there]
        raise ValueError(
            f"{source.name} has {_counted(unknown)} that the model does not know. "
            + (f"Without images there: {_listed(missing)}. " if missing else "")
            + f"The model has {len(names):,} classes. Rename what means the same, and "
            "leave the rest out of the data."
        )
    return found


def imagenet_names(names, outputs, source):
    """The synsets of a model of ImageNet's classes, where the data are named so.

    Published files name no classes, or name them by words.

    Args:
        names, outputs, source: As for `match_classes`.

    Returns:
        List of strings such as `"n01440764"`, or `None`.
    """
    if outputs not in IMAGENET_SIZES:
        return None
    synsets, words = zip(*imagenet_classes(outputs))
    if names is not None and list(names) != list(words):
        return None
    known, used = set(synsets), [source.class_names[n] for n in _used(source)]
    return list(synsets) if all(name in known for name in used) else None


def _used(source):
    """The numbers of the classes that have images; all where nothing was read yet."""
    labels = source.labels
    if isinstance(labels, np.ndarray) and labels.ndim > 1:  # several an image
        return np.flatnonzero(labels.any(axis=0))
    return range(source.num_classes) if labels is None else np.unique(labels)


def _counted(names):
    return f"{len(names):,} class{'es' * (len(names) != 1)} ({_listed(names)})"


def _listed(names):
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
