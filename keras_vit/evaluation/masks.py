"""Metrics of segmentation: a confusion matrix over a set, and distances of borders."""

from dataclasses import dataclass

import numpy as np

from keras_vit.common.checks import check_positive, is_number

IGNORED = 255


@dataclass(frozen=True)
class MaskScores:
    """What a confusion matrix says of each class, and of all.

    A class that occurs neither in the truth nor in a prediction is NaN, and counts in
    no mean. One that is only predicted has IoU and Dice 0, and no accuracy (NaN).

    Attributes:
        iou: Array `(classes,)` in [0, 1]: overlap over union.
        dice: Array `(classes,)` in [0, 1]: twice the overlap over the sum of areas.
        accuracy: Array `(classes,)` in [0, 1]: the share of a class's pixels that are
            right (recall).
        support: Array `(classes,)`, int64, the pixels of each class in the truth.
        mean_iou: Float, over the classes that occur in truth or prediction.
        mean_dice: Float, likewise.
        mean_accuracy: Float, over the classes that occur in the truth.
        pixel_accuracy: Float, the share of all pixels that are right.
        frequency_weighted_iou: Float, the mean of `iou` weighted by `support`.
    """

    iou: np.ndarray
    dice: np.ndarray
    accuracy: np.ndarray
    support: np.ndarray
    mean_iou: float
    mean_dice: float
    mean_accuracy: float
    pixel_accuracy: float
    frequency_weighted_iou: float


class MaskConfusion:
    """Counts the pixels of each class by what was predicted, over a whole set.

    In int64, so that the result does not depend on batches or their order: scores of a
    set are those of its matrix, not means over its images.

    Args:
        num_classes: Integer.
        ignored: Integer, the label of pixels that do not count, or `None`.

    Example:

    >>> confusion = keras_vit.evaluation.MaskConfusion(2)
    >>> confusion.update([[0, 1], [1, 255]], [[0, 1], [0, 1]])
    >>> confusion.scores().mean_iou
    0.5
    """

    def __init__(self, num_classes, ignored=IGNORED):
        check_positive(num_classes=num_classes)
        self.num_classes = num_classes
        self.ignored = ignored
        self.matrix = np.zeros((num_classes, num_classes), "int64")

    def update(self, truth, said):
        """Counts the pixels of one mask or of many.

        Args:
            truth: Integer array of any shape, the classes.
            said: Integer array of the same shape, the predicted classes.

        Raises:
            ValueError: if shapes differ, or a class is not among `num_classes`;
                nothing is counted then.
        """
        truth, said = np.asarray(truth), np.asarray(said)
        if truth.shape != said.shape:
            raise ValueError(
                "A mask and its prediction must be of one shape. Received: truth of "
                f"{truth.shape}, prediction of {said.shape}. Of shares take "
                "`argmax(axis=-1)`; of another size, resize the prediction."
            )
        for name, mask in (("truth", truth), ("prediction", said)):
            if mask.dtype.kind not in "iub":
                raise ValueError(
                    "Masks must hold class numbers, integers. Received: a "
                    f"{name} of {mask.dtype}"
                )
        if self.ignored is not None:
            counted = truth != self.ignored
            truth, said = truth[counted], said[counted]
        for name, mask in (("truth", truth), ("prediction", said)):
            wrong = np.unique(mask[(mask < 0) | (mask >= self.num_classes)])
            if wrong.size:
                shown = ", ".join(map(str, wrong[:5]))
                raise ValueError(
                    f"Classes must be from 0 to {self.num_classes - 1}"
                    f"{f', or {self.ignored}' if name == 'truth' else ''}. Received: "
                    f"{shown} in a {name}."
                )
        truth, said = (mask.ravel().astype("int64") for mask in (truth, said))
        pairs = truth * self.num_classes + said
        counts = np.bincount(pairs, minlength=self.num_classes**2)
        self.matrix += counts.reshape(self.matrix.shape)

    def scores(self):
        """The `MaskScores` of all that was counted."""
        right, support = np.diag(self.matrix), self.matrix.sum(axis=1)
        return mask_scores(right, support, self.matrix.sum(axis=0))


def percentiles(values, count):
    """2.5 and 97.5 % of what is known in each column; NaN where nothing is.

    A single image has no spread.
    """
    bounds = []
    for column in values.reshape(len(values), -1).T:
        known = column[~np.isnan(column)]
        is_known = known.size and count > 1
        bounds.append(np.percentile(known, (2.5, 97.5)) if is_known else [np.nan] * 2)
    return np.reshape(bounds, (*values.shape[1:], 2))


def by_group(tallies, groups):
    """The sums of tallies `(N, ...)` over the images of each group, `(G, ...)`.

    Without groups (`None`), the tallies themselves.
    """
    if groups is None:
        return tallies
    names, index = np.unique(np.asarray(groups, str), return_inverse=True)
    sums = np.zeros((len(names), *tallies.shape[1:]), tallies.dtype)
    np.add.at(sums, index, tallies)
    return sums


def mask_scores(right, support, said):
    """The `MaskScores` of counted pixels; of many sets at once, arrays in all fields.

    Args:
        right: Array `(..., classes)`, the pixels of each class that were found.
        support: Array of that shape, its pixels in the truth.
        said: Array of that shape, its pixels in the predictions.
    """
    right, support, said = map(np.asarray, (right, support, said))
    iou = _share(right, support + said - right)
    dice = _share(2 * right, support + said)
    accuracy = _share(right, support)
    total = support.sum(axis=-1)
    weighted = np.where(support > 0, support * iou, 0).sum(axis=-1)
    means = {
        "mean_iou": mean_of_known(iou),
        "mean_dice": mean_of_known(dice),
        "mean_accuracy": mean_of_known(accuracy),
        "pixel_accuracy": _share(right.sum(axis=-1), total),
        "frequency_weighted_iou": _share(weighted, total),
    }
    if iou.ndim == 1:
        means = {name: float(value) for name, value in means.items()}
    return MaskScores(iou, dice, accuracy, support, **means)


def _share(part, whole):
    """A fraction that is NaN where there is nothing."""
    whole = np.asarray(whole, "float64")
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)


def mean_of_known(values):
    """The mean, along the last axis, of what is not NaN; NaN where that is nothing."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def hausdorff_distance(truth, said, spacing=1.0, percentile=95.0):
    """How far the borders of two masks are apart, in all but the worst places.

    The percentile of all distances from a border to the other mask's, in both
    directions together; 100 gives the Hausdorff distance itself.

    Args:
        truth: Boolean array of any number of dimensions, one class of one image.
        said: Boolean array of the same shape.
        spacing: Float, or one for each dimension: the distance of neighbouring pixels,
            such as millimetres `(rows, columns)`.
        percentile: Float in [0, 100].

    Returns:
        Float, in the unit of `spacing`. NaN where both masks are empty, infinity where
        one is: leave the first out of a mean, and say how many there are of the second.

    Raises:
        ValueError: if an argument has another form.

    Example:

    >>> truth = np.eye(9, dtype=bool)
    >>> keras_vit.evaluation.hausdorff_distance(truth, np.roll(truth, 1, axis=1))
    1.0

    Reference: `medpy.metric.binary: hd95`, whose definitions these are.
    """
    if not is_number(percentile) or not 0 <= percentile <= 100:
        raise ValueError(
            "`percentile` must be a number from 0 to 100. Received: "
            f"percentile={percentile!r}"
        )
    there, back = surface_distances(truth, said, spacing)
    if there.size and back.size:
        return float(np.percentile(np.concatenate([there, back]), percentile))
    return float("inf") if np.any(truth) or np.any(said) else float("nan")


def surface_distances(truth, said, spacing=1.0):
    """Distances from each border to the other: of `said` to `truth`, and back.

    The border of a mask are its pixels with a neighbour in rows or columns that is
    outside of it, or of the image. Arguments as for `hausdorff_distance`. Both arrays
    are empty where a mask is.
    """
    truth, said = np.asarray(truth), np.asarray(said)
    if truth.shape != said.shape or {truth.dtype, said.dtype} != {np.dtype(bool)}:
        raise ValueError(
            "Masks must be boolean arrays of one shape, such as `mask == 3` for a "
            f"class. Received: {truth.dtype} of {truth.shape}, {said.dtype} of "
            f"{said.shape}"
        )
    scale = np.broadcast_to(np.asarray(spacing, "float64"), (truth.ndim,))
    if not (scale > 0).all():
        raise ValueError(
            f"`spacing` must be positive numbers. Received: spacing={spacing!r}"
        )
    ours, theirs = _border(said), _border(truth)
    if not (ours.any() and theirs.any()):
        return np.zeros(0), np.zeros(0)
    return _nearest(ours, theirs, scale), _nearest(theirs, ours, scale)


def _border(mask):
    """The pixels of a mask that have a neighbour outside."""
    padded = np.pad(mask, 1)
    inside = mask.copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            moved = np.roll(padded, step, axis)
            inside &= moved[(slice(1, -1),) * mask.ndim]
    return mask & ~inside


def _nearest(points, others, scale):
    """The distance of each point to the nearest of others; both are boolean arrays.

    First along the last axis, by running maxima; then over all lines of that axis. So
    it takes points times lines, where pair by pair it would be points times points.
    """
    width = points.shape[-1]
    lines = others.reshape(-1, width)
    used = np.flatnonzero(lines.any(axis=1))
    places = np.arange(width)
    before = np.maximum.accumulate(np.where(lines[used], places, -np.inf), axis=1)
    behind = np.where(lines[used], places, np.inf)[:, ::-1]
    behind = np.minimum.accumulate(behind, axis=1)[:, ::-1]
    along = np.minimum(places - before, behind - places) * scale[-1]
    along = np.square(along).T  # (width, lines)
    corners = np.argwhere(np.ones(points.shape[:-1], bool)) * scale[:-1]
    found, own = np.argwhere(points), []
    step = max(1, 2**22 // (len(used) * max(1, points.ndim - 1)))
    for start in range(0, len(found), step):
        some = found[start : start + step]
        across = (some[:, None, :-1] * scale[:-1]) - corners[used]
        square = np.square(across).sum(axis=-1) + along[some[:, -1]]
        own.append(np.sqrt(square.min(axis=1)))
    return np.concatenate(own)
