"""Losses of a dense detector: focal loss of its classes, GIoU loss of its boxes."""

import keras
from keras import ops

from keras_vit.boxes import box_giou


def sigmoid_focal(targets, logits, alpha=0.25, gamma=2.0):
    """Focal loss of every logit of a sigmoid: cross-entropy that counts easy ones less.

    The sum over all, divided by the number of objects of the whole batch, is the loss
    of RetinaNet and FCOS; `keras_vit.losses.global_sum` gives that number on several
    devices.

    Args:
        targets: Float tensor, 1 where the class is there, else 0.
        logits: Float tensor of the same shape.
        alpha: Float in [0, 1], the weight of targets 1; those of 0 have `1 - alpha`.
            `None`: all count alike.
        gamma: Float, at least 0; with 0 it is the cross-entropy.

    Returns:
        Tensor of the same shape, not reduced; in float32 at least.

    Reference: [Lin et al., 2017](https://arxiv.org/abs/1708.02002), equation 5.
    """
    logits = in_float32(logits)
    targets = ops.cast(targets, logits.dtype)
    size = ops.abs(logits)
    crossentropy = ops.maximum(logits, 0.0) - logits * targets
    crossentropy = crossentropy + ops.log1p(ops.exp(-size))
    # Not 1 - p of the target's class, which loses the digits of an easy one.
    missed = ops.sigmoid(logits) * (1 - targets) + ops.sigmoid(-logits) * targets
    # The gradient of a power at 0 is not finite.
    missed = ops.maximum(missed, keras.config.epsilon())
    values = crossentropy * ops.power(missed, gamma)
    if alpha is None:
        return values
    return values * (alpha * targets + (1 - alpha) * (1 - targets))


def giou_loss(boxes, others):
    """`1 - GIoU` of boxes and those that they should be, in [0, 2].

    Args:
        boxes: Float tensor `(..., 4)` of the form `"corners"`, in any unit.
        others: Float tensor, whose leading axes broadcast.

    Returns:
        Tensor `(...)`, not reduced; in float32 at least. Finite for boxes without area.

    Reference: [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630).
    """
    return 1.0 - box_giou(in_float32(boxes), in_float32(others))


def in_float32(values):
    """A tensor of float32, or of float64 where it was that."""
    values = ops.convert_to_tensor(values)
    return ops.cast(values, keras.backend.result_type(values.dtype, "float32"))


def nan_if_unknown(classes, num_classes):
    """NaN where a number is that of no class, else 0: a loss that says so.

    Without it such a number would count as no class, and be learned.

    Args:
        classes: Integer or float tensor, of any shape. Below 0: no object.
        num_classes: Integer, the classes of the model.

    Returns:
        Float32 tensor of the same shape.
    """
    return ops.where(classes >= num_classes, float("nan"), 0.0)
