"""Writes what a file says of its images and classes into the model that it fills."""

import dataclasses

from keras_vit.checkpoints.names.vit import DETECTION_HEADS, HEAD
from keras_vit.checkpoints.preparation import evaluation_json
from keras_vit.models.preprocessing import resolve_scaling
from keras_vit.models.pretrained.imagenet_names import (
    IMAGENET_SIZES,
    imagenet_classes,
)
from keras_vit.models.vision_model import (
    arguments_of,
    image_shape,
    settings_of,
    value_range_of,
)

# Families that answer for places of an image: to them its size and shape are known.
_OF_PLACES = ("detector", "segmenter", "unet", "yolos")


def describe(model, plan):
    """Writes `class_names` and `preprocessing` into the metadata of a new model.

    Args:
        model: The model, filled.
        plan: The `Plan` that filled it.
    """
    kernels = {HEAD[0], *(kernel for kernel, _ in DETECTION_HEADS)}
    if not kernels & set(plan.report.used):  # names of other classes
        model.metadata.pop("class_names", None)
    elif names := _class_names(plan.checkpoint, arguments_of(model).get("num_classes")):
        model.metadata["class_names"] = names
    steps = _evaluation(plan.checkpoint, model)
    if steps is not None:
        model.metadata["preprocessing"] = steps


def _class_names(checkpoint, count):
    """The names of the classes of a checkpoint's head, if they are as many.

    Official files do not name them, and those of 1000 and 21843 are of ImageNet. A
    model that this package saved without names may have learned any classes.
    """
    own = checkpoint.config.get("metadata") or {}
    names = checkpoint.class_names or own.get("class_names")
    if not names and count in IMAGENET_SIZES and not checkpoint.settings:
        return [name for _, name in imagenet_classes(count)]
    return list(names) if names and len(names) == count else None


def _evaluation(checkpoint, model):
    """The steps from an image file to what the model takes, where the file says it."""
    preparation, (height, width, channels) = checkpoint.preparation, image_shape(model)
    if preparation is None or channels not in (1, 3):
        return None
    family = settings_of(model).get("family")
    if None in (height, width) and family in _OF_PLACES:  # which sees images whole
        return None
    # Without its layer a model takes values that no step of this package makes.
    wanted = resolve_scaling(checkpoint.input_scaling, channels)
    if wanted is not None and arguments_of(model).get("input_scaling") is None:
        return None
    if preparation.image_size is None:
        size = (height or 224, width or 224)
        preparation = dataclasses.replace(preparation, image_size=size)
    return evaluation_json(
        preparation,
        (height, width),
        num_channels=channels,
        value_range=value_range_of(model),
    )
