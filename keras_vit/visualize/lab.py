"""The inductive-bias lab: models under shifts, permuted patches and other strides."""

import dataclasses
import logging

import numpy as np

from keras_vit.common.tables import Table, as_csv
from keras_vit.devices import current
from keras_vit.evaluation.probes.features import feature_model
from keras_vit.models import from_checkpoint
from keras_vit.models.vision_model import settings_of
from keras_vit.visualize.anatomy import (
    checked_images,
    geometry,
    layer_named,
    patch_and_stride,
    reduction,
    to_array,
)
from keras_vit.visualize.changes import permute_patches, shift
from keras_vit.visualize.classes import head_of, logits

logger = logging.getLogger(__name__)

# Draws of a permutation whose mean is taken.
DRAWS = 3
# Strides that are tried give at most so many times as many patches.
MORE_PATCHES = 4
_BATCH = 64


@dataclasses.dataclass(frozen=True)
class Trial:
    """One model under one change."""

    model: str
    # "shift" (pixels), "permutation" (share of the patches) or "stride" (pixels).
    change: str
    amount: float
    # Share of right answers, in [0, 1].
    accuracy: float
    # See `feature_drift`.
    drift: float


class TrialTable(Table):
    """A list of `Trial` that prints as a table."""

    header = [field.name for field in dataclasses.fields(Trial)]
    left = 2

    def cells(self, trial):
        """The texts of one row."""
        numbers = (f"{trial.amount:g}", f"{trial.accuracy:.1%}", f"{trial.drift:.3f}")
        return [trial.model, trial.change, *numbers]

    def to_csv(self):
        """The table as CSV text, numbers in full."""
        return as_csv(self.header, map(dataclasses.astuple, self))


def feature_drift(before, after):
    """How far features have moved: the mean of one minus cosine similarity.

    The mean of `before` is taken off both first, so that the features of two images
    drawn at random are about 1 apart, whatever all features have in common. That makes
    models of different widths and scales comparable.

    Args:
        before: Array `(B, D)`, features of images.
        after: Array `(B, D)`, those of the same images, changed.

    Returns:
        Float: 0 where nothing moved, 1 where an image is like any other, at most 2.

    Raises:
        ValueError: if the shapes differ.

    Example:

    >>> keras_vit.visualize.feature_drift(np.eye(4), np.eye(4))
    0.0
    """
    before, after = (np.asarray(each, "float64") for each in (before, after))
    if before.shape != after.shape or before.ndim != 2:
        raise ValueError(
            "`before` and `after` must be features (B, D) of the same images. "
            f"Received: shapes {before.shape} and {after.shape}"
        )
    centre = before.mean(axis=0)
    before, after = before - centre, after - centre
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    products = (before * after).sum(axis=1)
    # Without any length there is no direction; nothing has moved if both have none.
    same = np.where((before == after).all(axis=1), 1.0, 0.0)
    cosines = np.divide(products, lengths, out=same, where=lengths > 0)
    return float(max(0.0, 1 - cosines.mean()))


def inductive_bias(
    models,
    images,
    labels,
    *,
    patch_size=None,
    shifts=tuple(range(9)),
    shares=(0.0, 0.125, 0.25, 0.5, 0.75, 1.0),
    strides=None,
    seed=0,
):
    """The inductive bias of models: accuracy and feature drift under three changes.

    Images are shifted (the mean over up, down, left and right); some of their patches
    change places (the mean over three draws); and a ViT gets the same weights with
    another distance between its patches, positions resized. Convolutions know that
    images are the same when they are shifted and that neighbours belong together; a
    Vision Transformer learns both from the images.

    Args:
        models: Dictionary from names to classifiers of this package, for images of one
            size.
        images: Array `(B, H, W, C)`, as the models take them.
        labels: Integer array `(B,)`.
        patch_size: Integer or pair `(height, width)`, pixels, of the patches that
            change places. Defaults to those of the first ViT.
        shifts: Integers, pixels; 0 is the unchanged image.
        shares: Floats in `[0, 1]`, of the patches that change places.
        strides: Integers, pixels. Defaults to those at which the patches still reach
            from edge to edge, with at most four times as many of them.
        seed: Integer, decides the permutations.

    Returns:
        A list of `Trial`, which prints as a table and has `to_csv()`. Strides are of
        ViTs only.

    Raises:
        ValueError: if a model has no head, takes other images, or there are not as
            many labels as images.

    Example:

    >>> trials = keras_vit.visualize.inductive_bias({"ViT": vit, "BiT": bit}, x, y)
    >>> print(trials)
    >>> keras_vit.visualize.plot_inductive_bias(trials).savefig("lab.png")

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section
    3.1, "Inductive bias".
    """
    labels = np.asarray(labels)
    if not models or labels.shape != np.shape(images)[:1]:
        raise ValueError(
            "`models` must hold at least one model, and `labels` a number for each "
            f"image. Received: {len(models)} models, images of shape "
            f"{np.shape(images)}, labels of shape {labels.shape}"
        )
    for model in models.values():
        head_of(model, "inductive_bias")
        images = checked_images(model, images)
    patch_size = patch_size or _patch_size(models.values())
    trials = TrialTable()
    for name, model in models.items():
        logger.info("%s: shifts, permutations and strides.", name)
        subject = _Subject(name, model, images, labels)
        for by in shifts:
            ways = [(by, 0), (-by, 0), (0, by), (0, -by)] if by else [(0, 0)]
            trials.append(
                subject.trial("shift", by, [shift(images, *way) for way in ways])
            )
        for share in shares:
            draws = [
                permute_patches(images, patch_size, share, seed=seed + draw)
                for draw in range(DRAWS if share else 1)
            ]
            trials.append(subject.trial("permutation", share, draws))
        if _is_vit(model):
            for stride in _strides(model, images) if strides is None else strides:
                other = from_checkpoint(model, stride=stride)
                trials.append(subject.trial("stride", stride, [images], other))
    return trials


class _Subject:
    """A model, and its features of the unchanged images."""

    def __init__(self, name, model, images, labels):
        self.name, self.labels = name, labels
        self.run = _runner(model)
        self.features, _ = self.run(images)

    def trial(self, change, amount, batches, model=None):
        """The mean over several ways to change the images."""
        run = self.run if model is None else _runner(model)
        found = [run(images) for images in batches]
        accuracy = np.mean([np.mean(answers == self.labels) for _, answers in found])
        drift = np.mean([feature_drift(self.features, after) for after, _ in found])
        return Trial(self.name, change, float(amount), float(accuracy), float(drift))


def _runner(model):
    """A function from images to features `(B, D)` and answers `(B,)`."""
    head, features = head_of(model, "inductive_bias"), feature_model(model)

    def run(images):
        starts = range(0, len(images), _BATCH)
        parts = [current().outputs(features, images[i : i + _BATCH]) for i in starts]
        values = np.concatenate(parts)
        return values, to_array(logits(head, values)).argmax(axis=-1)

    return run


def _is_vit(model):
    return settings_of(model).get("family") == "vit"


def _patch_size(models):
    for model in models:
        if _is_vit(model):
            return patch_and_stride(model)[0]
    for model in models:
        if layer_named(model, "patch_encoder"):
            return tuple(reduction(model) * n for n in patch_and_stride(model)[0])
    raise ValueError("`patch_size` must be given where no model has patches.")


def _strides(model, images):
    """Distances at which the patches of a ViT reach from edge to edge, descending."""
    patch = patch_and_stride(model)[0]
    usual = np.prod(geometry(model, images).grid)
    rests = [side - size for side, size in zip(images.shape[1:3], patch)]
    return [
        stride
        for stride in range(min(patch), 0, -1)
        if not any(rest % stride for rest in rests)
        and np.prod([rest // stride + 1 for rest in rests]) <= MORE_PATCHES * usual
    ]
