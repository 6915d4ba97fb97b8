"""New models from old ones: for another image size, for other classes."""

from keras_vit.checkpoints.names.vit import DETECTION_HEADS
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.vision_model import look_inside, settings_of


def with_image_size(model, image_size, *, kernel=None):
    """The same model for images of another size.

    Position embeddings are resized to the new grid of patches; every other weight
    is copied. The new model shares nothing with the old one, which stays as it is.

    Args:
        model: A model of this package.
        image_size: Integer or pair `(height, width)`, pixels, or `(None, None)` for
            a model that takes every size.
        kernel: `"official"`, `"bilinear"`, `"bicubic"` or `"bicubic_antialias"`; see
            `keras_vit.resize_position_embeddings`. Defaults to the model's
            `position_kernel`, which is that of the project its weights are from.

    Returns:
        A new model, not compiled, with the same metadata.

    Raises:
        ValueError: if the model was not made by this package or the size does not
            fit its patches.

    Example:

    >>> larger = keras_vit.with_image_size(model, (384, 512))
    """
    return _rebuilt(model, image_size=image_size, position_kernel=kernel)


def with_num_classes(model, num_classes):
    """The same model with a new head, all zeros, for other classes.

    The first loss is then exactly `ln(num_classes)`. Every other weight is copied;
    the new model shares nothing with the old one, which stays as it is.

    Args:
        model: A model of this package.
        num_classes: Integer, the number of classes; 0 for features.

    Returns:
        A new model, not compiled. Its metadata are the old one's without the names
        of the old classes.

    Raises:
        ValueError: if the model was not made by this package.

    Example:

    >>> model = keras_vit.with_num_classes(model, 10)
    """
    heads = ("head", *(path for paths in DETECTION_HEADS for path in paths))
    new = _rebuilt(model, num_classes=num_classes, skip=heads)
    new.metadata.pop("class_names", None)
    return new


def _rebuilt(model, **changes):
    if not settings_of(model).get("family"):
        raise ValueError(
            "`model` must be made by a constructor of keras_vit; a part cut out of "
            f"one does not know how it was built. Received: {model!r}."
            f"{look_inside(model)}"
        )
    changes.setdefault("name", model.name)
    new = from_checkpoint(model, **changes)
    new.metadata.update(model.metadata)
    new.trainable = model.trainable
    return new
