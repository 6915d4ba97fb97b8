"""Boxes to score, of a model or given, beside the objects of their images."""

import itertools
import os
import types

import keras
import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.pipeline.images import load_pixels
from keras_vit.evaluation.classes import match_classes
from keras_vit.inference.detecting import BoxFinder

_END = object()


def with_boxes(model_or_predictions, source, *, score, batch_size):
    """The names of the classes, and what was found in each image of a source.

    Args and errors as for `evaluate_detection`.

    Returns:
        `(class_names, found)`: a list, and an iterator of `(name, truth, said)`: a
        string, and two dictionaries as `CocoTally.update` takes, whose classes are
        numbers of `class_names`.
    """
    given = list(source.class_names)
    if isinstance(model_or_predictions, str | os.PathLike | keras.Model):
        options = {"score": score, "batch_size": batch_size}
        find = BoxFinder(model_or_predictions, **options)
        names, count = find.known_names, len(find.class_names)
        pairs, said_names = _found(find, source, batch_size), None
    else:
        predictions = iter(model_or_predictions)
        first = next(predictions, _END)
        predictions = itertools.chain([] if first is _END else [first], predictions)
        pairs = itertools.zip_longest(source.pairs(), predictions, fillvalue=_END)
        said_names = getattr(first, "class_names", None)
        names, count = _known(said_names), len(said_names or given)
    class_of = _class_of(names, count, source)
    class_of = None if names is None else class_of
    return names or given, _matched(pairs, class_of, said_names)


def _found(find, source, batch_size):
    """Each image of a source with what a model found in it."""
    pairs = iter(source.pairs())
    while some := list(itertools.islice(pairs, batch_size)):
        images = [load_pixels(i, find.num_channels).numpy() for i, _, _ in some]
        yield from zip(some, find(images))


def _known(names):
    """Names of classes; `None` for the numbers that `detect` gives without names."""
    numbers = names is None or names == [f"class {k}" for k in range(len(names))]
    return None if numbers else names


def _class_of(names, count, source):
    """The class of a model for each class of the data."""
    given = list(source.class_names)
    named = getattr(source, "name", type(source).__name__)
    facts = {"class_names": given, "num_classes": len(given), "name": named}
    return match_classes(names, count, types.SimpleNamespace(**facts, labels=None))


def _matched(pairs, class_of, said_names):
    """Yields what `with_boxes` does; raises where one of a pair is missing."""
    for count, (pair, said) in enumerate(pairs):
        if pair is _END or said is _END:
            raise ValueError(
                "There must be one prediction for each image. Received: "
                f"{'fewer' if said is _END else 'more'} predictions than images, "
                f"{count:,} of which have both."
            )
        _, truth, name = pair
        if not isinstance(said, dict):
            said = _checked(vars(said), said_names, name)
        if class_of is not None:
            classes = class_of[np.asarray(truth["classes"], int)]
            truth = {**truth, "classes": classes}
        yield str(name), truth, said


def _checked(said, names, image):
    """The `Detections` of an image as a dictionary; raises for those with an error."""
    if said.get("error") is not None:
        raise ValueError(f"{display(image)} has no boxes: {said['error']}")
    if said.get("class_names") != names:
        raise ValueError(
            f"All detections must have the same classes. Received: {names}, and for "
            f"{display(image)} {said.get('class_names')}"
        )
    return said
