"""Pools the evaluations of the folds of a cross-validation into one."""

import dataclasses

import numpy as np

from keras_vit.evaluation.measure import Evaluation
from keras_vit.evaluation.segmentation import SegmentationEvaluation

SHOWN = 6  # examples of masks


def pool(evaluations):
    """One evaluation of all images, each judged by the model that did not see it.

    Args:
        evaluations: A list of `Evaluation`, or of `SegmentationEvaluation`, of the
            test parts of the folds; no image is in two of them.

    Returns:
        An evaluation of their kind. `None` of boxes and of several labels an image:
        average precision orders all images by their scores, and those of several
        models cannot be compared.

    Raises:
        ValueError: if their classes differ.

    Example:

    >>> pool([keras_vit.evaluation.evaluate(f"cv/fold-{k}") for k in range(1, 6)])
    """
    first = evaluations[0]
    if any(found.class_names != first.class_names for found in evaluations):
        raise ValueError("Evaluations of different classes cannot be pooled.")
    if isinstance(first, SegmentationEvaluation):
        return _of_masks(evaluations)
    return _of_images(evaluations) if isinstance(first, Evaluation) else None


def _of_images(evaluations):
    first = evaluations[0]
    counts = np.array([found.num_examples for found in evaluations])
    starts = np.cumsum(counts) - counts
    mistakes = [
        dataclasses.replace(mistake, index=mistake.index + int(start))
        for found, start in zip(evaluations, starts)
        for mistake in found.mistakes
    ]
    most = max(len(found.mistakes) for found in evaluations)
    mistakes.sort(key=lambda mistake: (-mistake.confidence, mistake.index))
    columns = ("labels", "predicted", "confidences", "probabilities", "groups")
    return dataclasses.replace(
        first,
        data=_name(evaluations),
        num_examples=int(counts.sum()),
        mistakes=mistakes[:most],
        part=f"all images, each by the one of {len(counts)} models that did not see it",
        **{name: _mean(evaluations, name, counts) for name in _MEANS},
        **{name: _joined(evaluations, name) for name in columns},
    )


_MEANS = ("loss", "accuracy", "top5_accuracy")


def _mean(evaluations, name, counts):
    """The mean over all examples; `None` where it says nothing."""
    values = [getattr(found, name) for found in evaluations]
    if None in values:
        return None
    return float(np.average(values, weights=counts))


def _joined(evaluations, name):
    values = [getattr(found, name) for found in evaluations]
    return None if any(v is None for v in values) else np.concatenate(values)


def _name(evaluations):
    return f"{evaluations[0].data.rpartition(' fold ')[0]} {len(evaluations)} folds"


def _of_masks(evaluations):
    starts = np.cumsum([0, *(found.num_images for found in evaluations[:-1])])
    shown = {
        name: [
            dataclasses.replace(example, index=example.index + int(start))
            for found, start in zip(evaluations, starts)
            for example in getattr(found, name)
        ]
        for name in ("best", "worst")
    }
    pixels = np.array([found.confusion.sum() for found in evaluations])
    # Of 255 in the truth, whose pixels the confusion lacks.
    whole = pixels / (1 - np.array([found.ignored for found in evaluations]))
    return dataclasses.replace(
        evaluations[0],
        data=_name(evaluations),
        num_images=sum(found.num_images for found in evaluations),
        confusion=sum(found.confusion for found in evaluations),
        tallies=np.concatenate([found.tallies for found in evaluations]),
        ignored=float(1 - pixels.sum() / whole.sum()),
        best=sorted(shown["best"], key=lambda e: -e.dice)[:SHOWN],
        worst=sorted(shown["worst"], key=lambda e: e.dice)[:SHOWN],
        distances=_joined(evaluations, "distances"),
        groups=_joined(evaluations, "groups"),
    )
