"""Non-maximum suppression: of boxes on one object, only the best is kept."""

import numpy as np

from keras_vit.boxes.overlaps import box_iou
from keras_vit.common.checks import is_number


def nms(boxes, scores, threshold, classes=None):
    """The boxes to keep: none overlaps a better one by more than a threshold.

    Args:
        boxes: Array `(N, 4)` of the form `"corners"`.
        scores: Array `(N,)`, the larger the better.
        threshold: Float in [0, 1], the IoU that two kept boxes may have.
        classes: Integer array `(N,)`, or `None`. Boxes of different classes do not
            suppress each other.

    Returns:
        Integer array, the places of the boxes that are kept, the best first; of equal
        scores, the first first.

    Raises:
        ValueError: if there are other numbers of scores or classes than of boxes.

    Example:

    >>> keras_vit.boxes.nms([[0, 0, 4, 4], [0, 0, 4, 5]], [0.6, 0.9], threshold=0.5)
    array([1])
    """
    boxes, scores = np.asarray(boxes).reshape(-1, 4), np.asarray(scores)
    classes = np.zeros(len(boxes), int) if classes is None else np.asarray(classes)
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise ValueError(
            "`threshold` must be a number from 0 to 1, an IoU. Received: "
            f"threshold={threshold!r}"
        )
    if not scores.shape == classes.shape == (len(boxes),):
        raise ValueError(
            "Each box must have one score, and one class if any. Received: "
            f"{len(boxes)} boxes, scores of shape {scores.shape}, classes of shape "
            f"{classes.shape}"
        )
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        near = box_iou(boxes[best], boxes[order]) > threshold
        order = order[~(near & (classes[order] == classes[best]))]
    return np.asarray(kept, "int64")
