"""The head of a model, its logits, and the classes that a view explains."""

import numpy as np
from keras import ops

from keras_vit.models.vision_model import look_inside
from keras_vit.visualize.anatomy import check_floating, layer_named


def head_of(model, view):
    """The classifier of a model.

    Raises:
        ValueError: if it has none.
    """
    head = layer_named(model, "head")
    if head is None:
        raise ValueError(
            f"{view} needs a model with classes. Received: {model.name!r}, without "
            "layer 'head'. Use attention_rollout or feature_colours instead."
            f"{look_inside(model)}"
        )
    return head


def logits(head, features):
    """What a head makes of features `(..., width)`, before its activation."""
    # Not the layer's output: an activation would mix the classes.
    kernel = ops.convert_to_tensor(head.kernel)
    check_floating(kernel, "head")
    features = ops.cast(features, kernel.dtype)
    return ops.matmul(features, kernel) + ops.convert_to_tensor(head.bias)


def chosen_classes(class_index, scores):
    """A class for each image.

    Args:
        class_index: Integer, a sequence of them, or `None` for the best scores.
        scores: Array `(B, K)`.
    """
    count, number = scores.shape
    if class_index is None:
        return scores.argmax(axis=1)
    classes = np.asarray(class_index)
    whole = classes.dtype.kind in "iu" and classes.shape in ((), (count,))
    if not whole or classes.min() < 0 or classes.max() >= number:
        raise ValueError(
            f"`class_index` must be an integer from 0 to {number - 1}, or one for each "
            f"of the {count} images. Received: class_index={class_index}"
        )
    return np.broadcast_to(classes, (count,))
