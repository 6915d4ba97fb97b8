"""Classification metrics, computed from labels and predictions.

Everything but the loss follows from three numbers per example: the true class, the
predicted class, and the predicted class's probability.
"""

import dataclasses
import statistics

import numpy as np

# Bins of the calibration error, as in Guo et al. (2017).
NUM_BINS = 15


def wilson_interval(correct, total, confidence=0.95):
    """The Wilson interval of a share, from counts.

    Unlike "plus or minus two standard errors" it stays within [0, 1], and is sensible
    where nothing or everything is right and for few examples.

    Args:
        correct: Integer, how many were right.
        total: Integer, of how many; at least 1.
        confidence: Float in `(0, 1)`. Defaults to 0.95.

    Returns:
        `(low, high)`.

    Example:

    >>> wilson_interval(8, 10)
    (0.49016247153664183, 0.9433178485456247)

    Reference: Wilson, 1927, "Probable inference, the law of succession, and
    statistical inference".
    """
    if not 0 <= correct <= total or total < 1 or not 0 < confidence < 1:
        raise ValueError(
            "`correct` must lie in [0, total], `total` be at least 1 and `confidence` "
            f"lie in (0, 1). Received: correct={correct}, total={total}, "
            f"confidence={confidence}"
        )
    z = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    share = correct / total
    centre = share + z * z / (2 * total)
    half = z * (share * (1 - share) / total + (z / (2 * total)) ** 2) ** 0.5
    scale = 1 + z * z / total
    # Exactly 0 and 1 at the ends, which rounding would miss.
    low = (centre - half) / scale if correct else 0.0
    return low, (centre + half) / scale if correct < total else 1.0


def ranks(scores, labels):
    """How many classes come before the true one, `(N,)`; 0 where it is predicted.

    Of equal scores the class with the lower number comes first, as for `argmax`.
    """
    rows = np.arange(len(labels))
    true = scores[rows, labels][:, None]
    earlier = np.arange(scores.shape[1]) < labels[:, None]
    return ((scores > true) | ((scores == true) & earlier)).sum(axis=1)


def top_k_accuracy(scores, labels, k=5):
    """The share of examples whose true class is among the `k` highest scores.

    Args:
        scores: Array `(N, K)`, probabilities or logits.
        labels: Integer array `(N,)`.
        k: Integer, less than the number of classes: otherwise every answer is right.

    Returns:
        Float in `[0, 1]`.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if not 1 <= k < scores.shape[1]:
        raise ValueError(
            "`k` must be at least 1 and less than the number of classes. "
            f"Received: k={k}, {scores.shape[1]} classes"
        )
    return float((ranks(scores, labels) < k).mean())


def real_accuracy(predictions, label_sets):
    """The share of images whose predicted class is one of several right ones.

    Images without a right class are left out, as in the published evaluation.

    Args:
        predictions: Integer array `(N,)`, predicted classes, or `(N, K)` scores.
        label_sets: For each image a collection of class numbers, empty where no class
            fits; such as the relabelled ImageNet validation set.

    Returns:
        Float in `[0, 1]`.

    Raises:
        ValueError: if the lengths differ, or no image has a label.

    Example:

    >>> real_accuracy([3, 1, 0], [[3, 4], [], [2]])
    0.5

    Reference: [Beyer et al., 2020](https://arxiv.org/abs/2006.07159).
    """
    predictions = np.asarray(predictions)
    if predictions.ndim == 2:
        predictions = predictions.argmax(axis=1)
    if len(predictions) != len(label_sets):
        raise ValueError(
            "There must be one set of labels for each prediction. Received: "
            f"{len(predictions)} predictions, {len(label_sets)} sets"
        )
    right = [
        int(predicted) in {int(label) for label in labels}
        for predicted, labels in zip(predictions, label_sets)
        if len(labels)
    ]
    if not right:
        raise ValueError("No image has a label. Received: empty sets only")
    return sum(right) / len(right)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The gap between probabilities and accuracy, bin by bin."""

    # Expected calibration error: the mean of |accuracy - confidence| over the bins,
    # weighted by their examples.
    error: float
    # Examples in each bin; bin m of M holds confidences in (m/M, (m+1)/M].
    counts: np.ndarray
    # Mean confidence and accuracy in each bin; NaN where it is empty.
    confidence: np.ndarray
    accuracy: np.ndarray


def calibration(confidences, correct, num_bins=NUM_BINS):
    """The expected calibration error (ECE), with bins of equal width.

    Args:
        confidences: Array `(N,)`, the probability of each predicted class, in [0, 1].
        correct: Boolean array `(N,)`, whether the prediction is right.
        num_bins: Integer. Defaults to 15.

    Returns:
        A `Calibration`.

    Reference: [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 2.
    """
    confidences = np.asarray(confidences, "float64")
    correct = np.asarray(correct, bool)
    bins = np.clip(np.ceil(confidences * num_bins) - 1, 0, num_bins - 1).astype(int)
    counts = np.bincount(bins, minlength=num_bins)
    sums = [np.bincount(bins, v, minlength=num_bins) for v in (confidences, correct)]
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (total / counts for total in sums)
    error = np.abs(sums[0] - sums[1]).sum() / max(1, len(bins))
    return Calibration(float(error), counts, confidence, accuracy)


def confusion_matrix(labels, predicted, num_classes):
    """Counts `(K, K)`: row the true class, column the predicted one."""
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    places = labels.astype("int64") * num_classes + predicted
    counts = np.bincount(places, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def class_table(confusion):
    """Support, precision, recall and F1 of each class.

    Args:
        confusion: Counts `(K, K)` as from `confusion_matrix`.

    Returns:
        List with a dictionary for each class: `support` (its examples), `precision`
        (the share of its predictions that are right), `recall` (the share of its
        examples that are found), `f1` (their harmonic mean). `None` where nothing was
        there to be divided by.
    """
    right, support = np.diag(confusion), confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    return [
        {
            "support": int(s),
            "precision": int(r) / int(p) if p else None,
            "recall": int(r) / int(s) if s else None,
            "f1": 2 * int(r) / int(p + s) if p + s else None,
        }
        for r, s, p in zip(right, support, predicted)
    ]


def worst_pairs(confusion, count=5):
    """The most frequent confusions: `(true, predicted, examples)`, largest first.

    Args:
        confusion: Counts `(K, K)` as from `confusion_matrix`.
        count: Integer, how many at most. Defaults to 5.
    """
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = [np.unravel_index(place, wrong.shape) for place in order]
    return [(int(t), int(p), int(wrong[t, p])) for t, p in pairs if wrong[t, p]]
