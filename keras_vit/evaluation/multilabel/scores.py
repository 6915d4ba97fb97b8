"""Numbers of several labels an image, from labels and probabilities `(N, K)`."""

import numpy as np


def average_precision(labels, scores, weights=None):
    """The average precision of one class.

    The sum over the thresholds, from the highest score down, of precision times the
    gain in recall; equal scores are one threshold. As scikit-learn's
    `average_precision_score`.

    Args:
        labels: 0 and 1 `(N,)`.
        scores: Array `(N,)`.
        weights: `None`, or how often each image counts: `(N,)`, or `(draws, N)`.

    Returns:
        Float, `None` without a positive; of draws an array, NaN without one.

    Example:

    >>> average_precision([1, 0, 1], [0.9, 0.5, 0.1])
    0.8333333333333333
    """
    right, wrong = _found(labels, scores, weights)
    total = right[..., -1:]
    counted = right + wrong
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(counted > 0, right / np.maximum(counted, 1), 0.0)
        gained = np.diff(right, axis=-1, prepend=0) / total
    value = np.where(total[..., 0] > 0, (precision * gained).sum(axis=-1), np.nan)
    return value if value.ndim else _number(value)


def roc_auc(labels, scores):
    """The area under the ROC curve of one class; equal scores count half.

    The probability that an image with the label has a higher score than one without.

    Args:
        labels, scores: As for `average_precision`.

    Returns:
        Float, `None` unless there are images with and without the label.
    """
    right, wrong = _found(labels, scores)
    if not right[-1] or not wrong[-1]:
        return None
    up, along = (np.r_[0, counts] / counts[-1] for counts in (right, wrong))
    return float((np.diff(along) * (up[1:] + up[:-1])).sum() / 2)


def precision_recall(labels, scores):
    """Precision and recall at every threshold, from the highest down: two arrays."""
    right, wrong = _found(labels, scores)
    return right / (right + wrong), right / max(1, right[-1])


def best_threshold(labels, scores):
    """The threshold of one class with the highest F1.

    It lies halfway between two scores; of several that are equally good, the one next
    to a half is taken.

    Args:
        labels: 0 and 1 `(N,)`.
        scores: Probabilities `(N,)`.

    Returns:
        Float in (0, 1): an image has the label whose score is at least so high. 0.5
        where no image has it.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, "float64")
    if not labels.any():
        return 0.5
    right, wrong = _found(labels, scores)
    f1 = 2 * right / (right + wrong + right[-1])
    levels = np.unique(scores)[::-1]
    cuts = (levels + np.r_[levels[1:], 0.0]) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])


def answers(labels, probabilities, thresholds):
    """Precision, recall and so on of the labels that are above their thresholds.

    Args:
        labels: 0 and 1 `(N, K)`.
        probabilities: Array `(N, K)`.
        thresholds: Array `(K,)`.

    Returns:
        Boolean arrays `(N, K)`: rightly found, falsely found, missed.
    """
    said, true = probabilities >= np.asarray(thresholds), np.asarray(labels) > 0
    return said & true, said & ~true, ~said & true


def f1_scores(right, false, missed):
    """`(micro F1, macro F1)` from counts of classes `(..., K)`.

    A class without a label and without an answer counts 0 in the mean, as in
    scikit-learn.
    """
    right, false, missed = (np.asarray(x, "float64") for x in (right, false, missed))
    every = np.maximum(2 * right + false + missed, 1e-9)
    totals = (x.sum(axis=-1) for x in (2 * right, every))
    above, below = totals
    return above / below, (2 * right / every).mean(axis=-1)


def _found(labels, scores, weights=None):
    """How many right and wrong ones have a score at least so high, descending."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    levels = scores[order]
    ends = np.r_[np.flatnonzero(np.diff(levels)), len(levels) - 1]
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights)
    weights = weights[..., order].astype("float64")
    flags = labels[order] > 0
    right = np.cumsum(weights * flags, axis=-1)[..., ends]
    return right, np.cumsum(weights * ~flags, axis=-1)[..., ends]


def _number(value):
    return None if np.isnan(value) else float(value)
