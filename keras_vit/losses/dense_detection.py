"""The loss of a dense detector: which places have an object, and what they miss."""

import keras
from keras import ops

from keras_vit.common.checks import is_number
from keras_vit.losses.objects import (
    giou_loss,
    in_float32,
    nan_if_unknown,
    sigmoid_focal,
)

RADIUS = 1.5  # of the central part of a box, in strides
NEAR = 4.0  # where a level's objects begin: strides to the farthest side of the box
LEVELS = 5  # at most, of a detector


@keras.saving.register_keras_serializable(package="keras_vit")
class DenseDetectionLoss(keras.losses.Loss):
    """The loss of a `keras_vit.Detector`: focal, GIoU and centreness.

    A place has an object if it lies in the central part of its box, at most 1.5
    strides from the middle, and if the box is of the size of its level: its farthest
    side 4 strides away or more (less in the finest level), and less than 4 strides of
    the next level. Of several boxes the smallest counts. There, and only there, boxes
    and centreness are learned. Classes are learned at every place, but for those in
    crowd regions.

    Each image's sum is divided by the number of its places with an object (at least
    1), and images are averaged, as in torchvision's RetinaNet. So the loss does not
    depend on how a batch is split over devices or in time, and is finite where there
    is no object.

    Args:
        alpha: Float in `(0, 1)`, the focal loss's weight of what is there; what is not
            there has `1 - alpha`.
        gamma: Float, not negative, how much less easy places count.
        box_weight: Float, the weight of the boxes' part.
        centreness_weight: Float, the weight of the centreness's part.

    Call arguments:
        y_true: Dictionary: `"boxes"`, `(batch, M, 4)`, left, top, right and bottom in
            pixels of the network's image; `"classes"`, `(batch, M)`, from 0, -1 where
            there is no object; `"crowd"`, `(batch, M)`, true for regions that are
            neither object nor background (may be left out).
        y_pred: What the detector gives.

    Returns:
        A scalar. With `reduction=None` a number for each image. NaN where a class is
        none of the model's.

    Example:

    >>> model = keras_vit.Detector("ViT_Ti16", 3, image_size=96)
    >>> model.compile("adamw", loss=keras_vit.losses.DenseDetectionLoss())
    >>> boxes = np.array([[[8.0, 8.0, 40.0, 72.0]]], "float32")
    >>> y = {"boxes": boxes, "classes": np.array([[2]])}
    >>> model.fit(np.zeros((1, 96, 96, 3), "float32"), y)

    Reference: [Tian et al., 2019](https://arxiv.org/abs/1904.01355), sections 3.1 and
    3.3; [Lin et al., 2017](https://arxiv.org/abs/1708.02002);
    [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630).
    """

    of_all_outputs = True  # see `models.vision_model.JointLossModel`

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        box_weight=1.0,
        centreness_weight=1.0,
        name="dense_detection",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if not is_number(alpha) or not 0 < alpha < 1:
            raise ValueError(
                f"`alpha` must be a number between 0 and 1. Received: alpha={alpha!r}"
            )
        weights = {"gamma": gamma, "box_weight": box_weight}
        weights["centreness_weight"] = centreness_weight
        for argument, value in weights.items():
            if not is_number(value) or value < 0:
                raise ValueError(
                    f"`{argument}` must be a number, not negative. Received: "
                    f"{argument}={value!r}"
                )
        self.alpha = alpha
        self.gamma = gamma
        self.box_weight = box_weight
        self.centreness_weight = centreness_weight

    def call(self, y_true, y_pred):
        _check(y_true, y_pred)
        parts = self.parts(y_true, y_pred)
        return (
            parts["classes"]
            + self.box_weight * parts["boxes"]
            + self.centreness_weight * parts["centreness"]
        )

    def parts(self, y_true, y_pred):
        """Dictionary of the parts `classes`, `boxes`, `centreness`, each `(batch,)`."""
        logits = in_float32(y_pred["logits"])
        dtype = keras.backend.standardize_dtype(logits.dtype)
        boxes, centreness, points = (
            ops.cast(y_pred[name], dtype) for name in ("boxes", "centreness", "points")
        )
        classes, wanted, has, counts = targets(y_true, points, dtype)
        number = ops.maximum(ops.sum(has, axis=1), 1.0)  # (B,)
        there = ops.one_hot(ops.cast(classes, "int32"), logits.shape[-1], dtype=dtype)
        there = there * ops.expand_dims(has, -1)  # (B, P, K)
        focal = sigmoid_focal(there, logits, self.alpha, self.gamma)
        focal = ops.sum(ops.sum(focal, axis=-1) * counts, axis=1) / number
        given = ops.convert_to_tensor(y_true["classes"])
        unknown = nan_if_unknown(given, logits.shape[-1])
        focal = focal + ops.cast(ops.sum(unknown, axis=1), dtype)
        # Where there is no object, boxes are compared with themselves.
        known = ops.expand_dims(has, -1) > 0
        wanted = ops.where(known, wanted, ops.stop_gradient(boxes))
        middle = has * _centreness(points, wanted)
        weight = ops.sum(middle, axis=1)
        giou = ops.sum(middle * giou_loss(boxes, wanted), axis=1) / ops.where(
            weight > 0, weight, 1.0
        )
        near = sigmoid_focal(middle, centreness, alpha=None, gamma=0.0) * has
        return {
            "classes": focal,
            "boxes": giou,
            "centreness": ops.sum(near, axis=1) / number,
        }

    def get_config(self):
        own = ("alpha", "gamma", "box_weight", "centreness_weight")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def targets(y_true, points, dtype="float32"):
    """What each place should say.

    Args:
        y_true: As for `DenseDetectionLoss`.
        points: Tensor `(B, P, 3)`, x, y and stride.
        dtype: String, of the result.

    Returns:
        Four tensors: classes `(B, P)`, any where there is no object; boxes
        `(B, P, 4)`; `(B, P)` of 0 and 1, whether there is an object; `(B, P)`, whether
        a place counts as one with or without an object.
    """
    boxes = ops.cast(y_true["boxes"], dtype)
    classes = ops.cast(y_true["classes"], dtype)
    crowd = y_true.get("crowd")
    crowd = ops.zeros_like(classes) if crowd is None else ops.cast(crowd, dtype)
    # One more, which is none, so that there is one to choose.
    boxes = ops.pad(boxes, ((0, 0), (0, 1), (0, 0)))
    classes = ops.pad(classes, ((0, 0), (0, 1)), constant_values=-1)
    crowd = ops.pad(crowd, ((0, 0), (0, 1)))
    real = ops.expand_dims((classes >= 0) & (crowd == 0), 1)  # (B, 1, M)
    crowd = ops.expand_dims((classes >= 0) & (crowd > 0), 1)
    x, y, stride = (points[..., i : i + 1] for i in range(3))  # (B, P, 1)
    left, top, right, bottom = (
        ops.expand_dims(boxes[..., i], 1) for i in range(4)
    )  # (B, 1, M)
    sides = [x - left, y - top, right - x, bottom - y]  # (B, P, M)
    inside = ops.minimum(
        ops.minimum(sides[0], sides[1]), ops.minimum(sides[2], sides[3])
    )
    farthest = ops.maximum(
        ops.maximum(sides[0], sides[1]), ops.maximum(sides[2], sides[3])
    )
    aside = ops.maximum(
        ops.abs(x - (left + right) / 2), ops.abs(y - (top + bottom) / 2)
    )
    nearest, coarser = _neighbours(stride)
    of_level = (farthest >= NEAR * nearest) & (farthest < NEAR * coarser)
    mine = (inside > 0) & (aside < RADIUS * stride) & of_level & real
    area = (right - left) * (bottom - top) + ops.zeros_like(inside)
    area = ops.where(mine, area, float("inf"))
    chosen = ops.argmin(area, axis=-1)  # (B, P)
    has = ops.cast(ops.any(mine, axis=-1), dtype)
    in_crowd = ops.cast(ops.any((inside > 0) & crowd, axis=-1), dtype)
    of_object = ops.take_along_axis(classes, chosen, axis=1)
    wanted = ops.take_along_axis(boxes, ops.expand_dims(chosen, -1), axis=1)
    return of_object, wanted, has, ops.maximum(has, 1.0 - in_crowd)


def _neighbours(stride):
    """Strides from which and to which a level has its objects, each `(B, P, 1)`.

    The level's own and that of the next one: levels may leave strides out. The finest
    level begins at none, the coarsest one ends nowhere.
    """
    level = ops.min(stride, axis=1, keepdims=True)  # (B, 1, 1)
    nearest = ops.where(stride > level, stride, 0.0)
    coarser = ops.full_like(stride, float("inf"))
    for _ in range(LEVELS - 1):
        after = ops.where(stride > level, stride, float("inf"))
        after = ops.min(after, axis=1, keepdims=True)
        coarser = ops.where(stride == level, after, coarser)
        level = after
    return nearest, coarser


def _centreness(points, boxes):
    """1 in the middle of a box, 0 at its sides, `(B, P)`."""
    pairs = []
    for axis in range(2):
        low = points[..., axis] - boxes[..., axis]
        high = boxes[..., 2 + axis] - points[..., axis]
        low, high = ops.maximum(low, 0.0), ops.maximum(high, 0.0)
        most = ops.maximum(low, high)
        pairs.append(ops.minimum(low, high) / ops.where(most > 0, most, 1.0))
    return ops.stop_gradient(ops.sqrt(pairs[0] * pairs[1]))


def _check(y_true, y_pred):
    for name, found, wanted in (
        ("y_true", y_true, ("boxes", "classes")),
        ("y_pred", y_pred, ("logits", "boxes", "centreness", "points")),
    ):
        if not isinstance(found, dict) or not set(wanted) <= set(found):
            keys = sorted(found) if isinstance(found, dict) else type(found).__name__
            raise ValueError(
                f"`{name}` must be a dictionary with {', '.join(map(repr, wanted))}. "
                f"Received: {keys}"
            )
