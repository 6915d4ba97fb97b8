"""Classification metrics, computed from labels and predictions.

Everything but the loss follows from three numbers per example: the true class, the
predicted class, and the predicted class's probability.
"""

import dataclasses
import statistics

import numpy as np

# Sets of groups that are drawn for an interval.
RESAMPLES = 2000

# Classes are called unequal where the largest has so many times the examples of the
# smallest: the balanced accuracy then comes first.
UNEQUAL = 2.0
# Bins of the calibration error, as in Guo et al. (2017).
NUM_BINS = 15


def grouped_interval(right, groups, seed=0):
    """The 95 % interval of a share whose examples come in groups, by bootstrap.

    Groups are drawn, not examples: those of one patient or video are alike, so that an
    interval over single images would be too narrow. Percentiles of 2,000 resamples.

    Args:
        right: Booleans `(N,)`.
        groups: Strings `(N,)`, the group of each example; two or more different ones.
        seed: Integer.

    Returns:
        `(low, high)`.

    Example:

    >>> grouped_interval([True, True, False, False], ["a", "a", "b", "b"])
    (0.0, 1.0)

    Reference: Field and Welsh, 2007, "Bootstrapping clustered data".
    """
    names, index = np.unique(np.asarray(groups, str), return_inverse=True)
    number = len(names)
    if number < 2:
        raise ValueError(f"An interval needs two groups. Received: {number}")
    sizes = np.bincount(index)
    hits = np.bincount(index, np.asarray(right, float))
    random = np.random.default_rng(seed)
    drawn = random.multinomial(number, np.full(number, 1 / number), RESAMPLES)
    low, high = np.percentile((drawn @ hits) / (drawn @ sizes), (2.5, 97.5))
    return float(low), float(high)


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
    return Counts(labels, predicted, num_classes).matrix()


class Counts:
    """Which classes are taken for which: what occurred, for any number of classes.

    Nothing of the size classes times classes is made.

    Args:
        labels: Integer array `(N,)`, the true classes.
        predicted: Integer array `(N,)`.
        num_classes: Integer.

    Attributes:
        support: Examples of each class, `(K,)`.
        predicted: Predictions of each class, `(K,)`.
        right: Right predictions of each class, `(K,)`.
    """

    def __init__(self, labels, predicted, num_classes):
        labels, predicted = np.asarray(labels), np.asarray(predicted)
        places = labels.astype("int64") * num_classes + predicted
        found, counts = np.unique(places, return_counts=True)
        self._set(*np.divmod(found, num_classes), counts, num_classes)

    @classmethod
    def of_matrix(cls, confusion):
        """From counts `(K, K)` as `confusion_matrix` gives."""
        counts = cls.__new__(cls)
        cells = np.nonzero(confusion)
        counts._set(*cells, confusion[cells], len(confusion))
        return counts

    def _set(self, true, predicted, counts, num_classes):
        self._cells, size = (true, predicted, counts), {"minlength": num_classes}
        self.support, self.predicted, self.right = (
            np.bincount(classes, counts * weights, **size).astype("int64")
            for classes, weights in (
                (true, 1),
                (predicted, 1),
                (true, true == predicted),
            )
        )

    def table(self):
        """As `class_table`."""
        return [
            {
                "support": int(s),
                "precision": int(r) / int(p) if p else None,
                "recall": int(r) / int(s) if s else None,
                "f1": 2 * int(r) / int(p + s) if p + s else None,
            }
            for r, s, p in zip(self.right, self.support, self.predicted)
        ]

    @property
    def balanced_accuracy(self):
        """The mean recall of the classes that have examples, as scikit-learn has it."""
        here = self.support > 0
        return float((self.right[here] / self.support[here]).mean())

    @property
    def imbalance(self):
        """Examples of the largest class over those of the smallest that has any."""
        here = self.support[self.support > 0]
        return float(here.max() / here.min())

    def worst_pairs(self, count):
        """As the function `worst_pairs`."""
        true, predicted, examples = self._cells
        wrong = np.flatnonzero(true != predicted)
        order = wrong[np.argsort(-examples[wrong], kind="stable")][:count]
        return [tuple(int(cell[place]) for cell in self._cells) for place in order]

    def worst_classes(self, count):
        """The numbers of the classes with the most mistakes, in their own order."""
        order = np.argsort(self.right - self.support, kind="stable")
        return np.sort(order[:count])

    def cells(self, most=None):
        """`(true, predicted, examples)` of what occurred, in the order of the classes.

        Args:
            most: Integer, only so many of the most frequent; `None` for all.
        """
        order = np.argsort(-self._cells[2], kind="stable")[:most]
        return tuple(cell[np.sort(order)] for cell in self._cells)

    def matrix(self, classes=None):
        """Counts `(K, K)`; of some classes only, others in one further column.

        Args:
            classes: Integer array, the classes that get a row and a column; `None` for
                all, without a further column.
        """
        true, predicted, examples = self._cells
        size = len(self.support)
        if classes is None:
            counts = np.zeros((size, size), "int64")
            counts[true, predicted] = examples
            return counts
        place = np.full(size, len(classes))
        place[classes] = np.arange(len(classes))
        counts = np.zeros((len(classes) + 1, len(classes) + 1), "int64")
        np.add.at(counts, (place[true], place[predicted]), examples)
        return counts[:-1]


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
    return Counts.of_matrix(confusion).table()


def worst_pairs(confusion, count=5):
    """The most frequent confusions: `(true, predicted, examples)`, largest first.

    Args:
        confusion: Counts `(K, K)` as from `confusion_matrix`.
        count: Integer, how many at most. Defaults to 5.
    """
    return Counts.of_matrix(confusion).worst_pairs(count)
