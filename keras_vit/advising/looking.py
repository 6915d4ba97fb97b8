"""Looks at the labels of a run once more, through the features of its model."""

import dataclasses
import functools

import keras
import numpy as np

from keras_vit.advising.neighbours import nearest, suspicious
from keras_vit.data.showing import sample
from keras_vit.evaluation.classes import match_classes
from keras_vit.evaluation.forward import forward, steps_of
from keras_vit.evaluation.probes.features import feature_model
from keras_vit.inference.loaded import (
    class_probabilities,
    known_class_names,
    output_kind,
)

# Images of each part that are looked at, evenly spaced. Their features take 4 bytes for
# each number; to compare them takes seconds.
LIMIT = 10_000


@dataclasses.dataclass(frozen=True)
class Suspect:
    """An image whose label the model and its neighbours dispute."""

    # The part of the data, its place among the images looked at, and its name.
    part: str
    place: int
    name: str
    # The class that it was given, and the one that the model suggests.
    label: str
    suggested: str
    # The probability of the suggestion, and how many of the neighbours have its class.
    confidence: float
    agree: int
    neighbours: int


@dataclasses.dataclass(frozen=True)
class Looked:
    """What was found; nothing of the images is kept."""

    num_images: int
    suspicious: list
    # Part to the `Source` of the images that were looked at.
    sources: dict


def look_at_images(model, parts, batch_size=64, limit=LIMIT, progress=None):
    """Features and answers of a model for all images, and the labels they dispute.

    One forward pass over at most `limit` images of each part: with three parts of
    their sizes about what a third of an epoch of training takes, or less.

    Args:
        model: A Keras model that ends in scores of classes.
        parts: Dictionary of part to `keras_vit.data.Source`.
        batch_size: Integer.
        limit: Integer.
        progress: `None`, or a function of (images done, images in all).

    Returns:
        A `Looked`, or `None` where the model has no features or too few images.
    """
    try:
        both = _with_features(model)
    except ValueError:
        return None
    kind, steps = output_kind(model), steps_of(model)
    names, width = known_class_names(model), model.output_shape[-1]
    sources = {part: sample(source, limit) for part, source in parts.items()}
    total = sum(source.num_examples for source in sources.values())
    columns, where, done = [], [], 0
    for part, source in sources.items():
        class_of = match_classes(names, width, source)
        report = progress and functools.partial(_after, progress, done, total)
        for _, labels, outputs in forward(both, source, steps, batch_size, report):
            shares = class_probabilities(outputs[:, -width:], kind)
            predicted = shares.argmax(axis=-1)
            confidences = shares[np.arange(len(shares)), predicted]
            features = outputs[:, :-width].astype("float32")
            labels = class_of[labels]
            own = shares[np.arange(len(shares)), labels]
            columns.append((features, labels, predicted, confidences, own))
        where += [(part, place) for place in range(source.num_examples)]
        done += source.num_examples
    if len(where) < 3:
        return None
    columns = list(map(np.concatenate, zip(*columns)))
    features, labels, predicted, confidences, own = columns
    places, _ = nearest(features)
    doubted, agree = suspicious(labels, predicted, own, places)
    shown = names or next(iter(sources.values())).class_names
    ids = {part: _names(source) for part, source in sources.items()}
    suspects = [
        Suspect(
            *where[i],
            name=ids[where[i][0]][where[i][1]],
            label=shown[labels[i]],
            suggested=shown[predicted[i]],
            confidence=float(confidences[i]),
            agree=int(agree[i]),
            neighbours=places.shape[1],
        )
        for i in doubted
    ]
    return Looked(len(where), suspects, sources)


def _after(progress, before, total, count, _):
    progress(before + count, total)


def _with_features(model):
    """A model whose outputs are its features and then its scores, `(B, D + K)`."""
    features = keras.ops.cast(feature_model(model).output, "float32")
    if features is model.output:
        raise ValueError("The model has no head.")
    scores = keras.ops.cast(model.output, "float32")
    both = keras.ops.concatenate([features, scores], axis=-1)
    return keras.Model(model.inputs[0], both, name=f"{model.name}_advice")


def _names(source):
    """A name for each image, as people know it."""
    if source.files is not None:
        return source.files
    return source.file_names() or [f"example {i}" for i in range(source.num_examples)]
