"""Runs that learn a class for every pixel: their model, loss, metrics and weights."""

import tensorflow as tf
from keras import ops

from keras_vit.data.graphs import as_written
from keras_vit.losses import (
    CrossentropyDice,
    PixelCrossentropy,
    PixelDice,
    PixelFocal,
)
from keras_vit.models.backbones import BACKBONES
from keras_vit.models.pretrained.weights import family_of_weights
from keras_vit.models.segmentation.segmenter import FAMILY, Segmenter
from keras_vit.training.model_arguments import family_of
from keras_vit.training.optimizers.losses import loss_dtype
from keras_vit.training.optimizers.pixel_metrics import (
    NOT_COUNTED,
    PixelAccuracy,
    PixelMeanIoU,
)
from keras_vit.training.replicas import num_replicas

# The losses that are a mean over pixels: each pixel gets a weight of 0 or 1, by which
# the mean of a whole batch can be put together from those of its parts.
BY_PIXELS = ("crossentropy", "focal")


def check_segmentation(recipe):
    """Raises a `ValueError` if a recipe's model has no map, or no place for a head."""
    family = family_of(recipe.model)
    if family == "unet" and recipe.head is not None:
        raise ValueError(
            "A UNet gives a class to every pixel by itself, without another head. "
            f"Received: model={recipe.model!r}, head={recipe.head!r}. Leave the head "
            "out."
        )
    if family not in ("unet", *BACKBONES):
        raise ValueError(
            "Segmentation needs a model with a feature map, of the families unet, "
            f"{', '.join(BACKBONES)}. Received: model={recipe.model!r}, of the family "
            f"{family!r}"
        )


def continues(recipe, arguments):
    """Whether the weights of a run are those of a whole segmenter."""
    weights = arguments.get("weights")
    return weights is not None and family_of_weights(weights) == FAMILY


def build_segmenter(recipe, backbone, num_classes, arguments):
    """A new head on a backbone.

    Args:
        recipe: A `Recipe`.
        backbone: A model, or the name of one.
        num_classes: Integer.
        arguments: Those of the constructor, if it is a name.
    """
    head = recipe.head or "linear"
    return Segmenter(backbone, num_classes, head=head, **arguments)


def pixel_objective(recipe, model, class_weights=None):
    """Loss and metrics for `compile`; targets and weights of one image.

    Args:
        recipe: A `Recipe`.
        model: The model.
        class_weights: A number for each class, by which the losses of its pixels are
            multiplied, or `None`.

    Raises:
        ValueError: if the loss cannot be put together from those of replicas.
    """
    replicas = num_replicas(model)
    if recipe.pixel_loss == "crossentropy_dice" and replicas > 1:
        raise ValueError(
            "This loss divides by areas of the whole batch, of which each replica has "
            f"a part. Received: pixel_loss='crossentropy_dice', {replicas} replicas. "
            "Use pixel_loss='dice' or 'crossentropy', one device, or "
            "KERAS_BACKEND=jax."
        )
    height, width, num_classes = model.output_shape[1:]
    weights = None
    if recipe.pixel_loss in BY_PIXELS:
        weights = ops.ones((1, height, width))
    metrics = [PixelAccuracy(num_classes), PixelMeanIoU(num_classes)]
    example = ops.zeros((1, height, width), "int32"), weights
    return {"loss": _loss(recipe, class_weights), "weighted_metrics": metrics}, example


def _loss(recipe, class_weights):
    dtype = loss_dtype(recipe)
    by_weight = {"ignore_class": None, "reduction": "mean_with_sample_weight"}
    match recipe.pixel_loss:
        case "crossentropy":
            # The mean is over pixels, which does not depend on how a batch is split.
            return PixelCrossentropy(
                class_weights=class_weights,
                label_smoothing=recipe.label_smoothing,
                over_weights=False,
                dtype=dtype,
                **by_weight,
            )
        case "focal":
            gamma = recipe.focal_gamma
            return PixelFocal(
                gamma=gamma, class_weights=class_weights, dtype=dtype, **by_weight
            )
        case "dice":
            return PixelDice(NOT_COUNTED, dtype=dtype)
    return CrossentropyDice(NOT_COUNTED, dtype=dtype)


def with_weights(batches, recipe):
    """Batches of a run, with a weight for every pixel where the loss needs them.

    Args:
        batches: Dataset of (images, masks), or of (images, masks, weights of images).
        recipe: The `Recipe` of the run.

    Returns:
        The same of other tasks and losses; else a dataset of (images, masks, weights
        `(batch, height, width)`), 0 where a pixel is not labelled.
    """
    if recipe.task != "segmentation" or recipe.pixel_loss not in BY_PIXELS:
        return batches

    @as_written
    def weighted(images, masks, weights=None):
        counted = tf.cast(tf.not_equal(masks, NOT_COUNTED), tf.float32)
        if weights is not None:
            counted *= weights[:, None, None]
        return images, masks, counted

    return batches.map(weighted)
