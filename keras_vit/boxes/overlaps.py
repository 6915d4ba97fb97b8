"""Areas of boxes, and how far two overlap: IoU and its generalisation."""

import numpy as np

from keras_vit.boxes.forms import floats, parts


def box_areas(boxes):
    """Areas `(...)` of boxes `(..., 4)` of the form `"corners"`."""
    left, top, right, bottom = parts(floats(boxes)[0])
    return (right - left) * (bottom - top)


def box_iou(boxes, others):
    """Overlap over union of boxes of the form `"corners"`, in [0, 1].

    Args:
        boxes: `(..., 4)`, an array or a tensor of Keras.
        others: `(..., 4)`; the leading axes broadcast. All pairs of N and M boxes are
            `box_iou(boxes[:, None], others)`, `(N, M)`.

    Returns:
        `(...)`. 0 where neither box has an area.
    """
    _, both, union, xp = _shared(boxes, others)
    return both / xp.where(union > 0, union, xp.ones_like(union))


def box_giou(boxes, others):
    """Generalised IoU, in [-1, 1]: the IoU, less the share of the hull that is empty.

    Arguments as for `box_iou`. What boxes without any area give is finite.

    Reference: [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630).
    """
    (boxes, others), both, union, xp = _shared(boxes, others)
    least, most = boxes[..., :2], boxes[..., 2:]
    least = xp.minimum(least, others[..., :2])
    sides = xp.maximum(most, others[..., 2:]) - least
    hull = sides[..., 0] * sides[..., 1]
    one = xp.ones_like(union)
    iou = both / xp.where(union > 0, union, one)
    return iou - (hull - union) / xp.where(hull > 0, hull, one)


def _shared(boxes, others):
    """Both kinds of boxes, their overlaps, their unions, and who computes."""
    (boxes, xp), (others, other_xp) = floats(boxes), floats(others)
    if xp is np:
        xp = other_xp
    least = xp.maximum(boxes[..., :2], others[..., :2])
    sides = xp.minimum(boxes[..., 2:], others[..., 2:]) - least
    sides = xp.maximum(sides, 0.0)
    both = sides[..., 0] * sides[..., 1]
    return (boxes, others), both, box_areas(boxes) + box_areas(others) - both, xp
