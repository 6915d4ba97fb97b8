"""From a recipe to a model that is ready for `fit`."""

import dataclasses
import math

import keras

import keras_vit.models
from keras_vit.models.listing import canonical_name
from keras_vit.pretraining import (
    MaskedPatchLoss,
    MaskedPatchPrediction,
    example_targets,
    masked_patch_metrics,
)
from keras_vit.training.layer_groups import freeze_layers
from keras_vit.training.losses import LabelAccuracy, build_loss, loss_dtype
from keras_vit.training.optimizers import build_optimizer

# The model "small": its training must fit into minutes on a laptop.
SMALL = {
    "num_layers": 4,
    "hidden_dim": 96,
    "mlp_dim": 192,
    "num_heads": 4,
    "dropout_rate": 0.1,
    "drop_path_rate": 0.1,
}

# The patches of a model "small": of about so many pixels, and at most about so many per
# side, or attention would cost more than a small run can pay.
PATCH_SIZE = 7
PATCHES_PER_SIDE = 8

# A model "small" resizes to this side where images are larger, or of many sizes.
SMALL_IMAGE_SIZE = 64

# Passed on only where they differ from the defaults: not every model has dropout.
OPTIONS = (
    "pooling",
    "attention_dropout_rate",
    "position_embedding",
    "representation_size",
    "weights",
)


def model_arguments(recipe, *, native_size, num_channels):
    """The arguments of the model's constructor that a recipe and its data decide.

    Args:
        recipe: A `Recipe`.
        native_size: `(height, width)` where all images of the data set have one
            size, else `None`.
        num_channels: Integer, channels of the data set's images.

    Returns:
        Dictionary of keyword arguments, without those that keep their default.
    """
    arguments = {
        "image_size": recipe.image_size,
        "patch_size": recipe.patch_size,
        "num_channels": recipe.num_channels or num_channels,
        "dropout_rate": recipe.dropout_rate,
        "drop_path_rate": recipe.drop_path_rate,
        "dtype": recipe.dtype,
    }
    defaults = {field.name: field.default for field in dataclasses.fields(recipe)}
    for name in OPTIONS:
        if getattr(recipe, name) != defaults[name]:
            arguments[name] = getattr(recipe, name)
    if recipe.model == "small":
        if recipe.image_size is None:
            fits = native_size is not None and max(native_size) <= SMALL_IMAGE_SIZE
            arguments["image_size"] = tuple(native_size) if fits else SMALL_IMAGE_SIZE
        if recipe.patch_size is None:
            arguments["patch_size"] = _patch_size(arguments["image_size"])
        for name, default in SMALL.items():
            value = getattr(recipe, name)
            arguments[name] = default if value is None else value
    return {name: value for name, value in arguments.items() if value is not None}


def check_model(recipe):
    """Raises a `ValueError` if there is no such model; costs nothing."""
    if recipe.model != "small":
        canonical_name(recipe.model)


def build_model(recipe, num_classes, arguments):
    """The model of a recipe, with the initial weights that its seed decides.

    Args:
        recipe: A `Recipe`.
        num_classes: Integer.
        arguments: What `model_arguments` returned.

    Raises:
        ValueError: if the model is unknown or its sizes contradict each other.
    """
    keras.utils.set_random_seed(recipe.seed)
    if recipe.masked_target is not None:
        model = _masked_model(recipe, arguments)
    elif recipe.model == "small":
        model = keras_vit.models.ViT(num_classes, name="vit_small", **arguments)
    else:
        model = _published_model(recipe, num_classes, arguments)
    if recipe.head_bias:
        _set_head_bias(model, recipe.head_bias)
    freeze_layers(model, recipe.freeze)
    return model


def _masked_model(recipe, arguments):
    backbone = recipe.model
    if backbone == "small":
        backbone = keras_vit.models.ViT(0, name="vit_small", **arguments)
        return MaskedPatchPrediction(backbone, recipe.masked_target)
    return _published(MaskedPatchPrediction, recipe, recipe.masked_target, arguments)


def _published_model(recipe, num_classes, arguments):
    return _published(keras_vit.models.build, recipe, num_classes, arguments)


def _published(make, recipe, second, arguments):
    try:
        return make(recipe.model, second, **arguments)
    except TypeError as error:  # an argument that this family does not have
        raise ValueError(f"{recipe.model} does not take this option: {error}") from None


def _set_head_bias(model, value):
    """Gives a new head the bias with which its first answers are "none of them".

    A head that came with the weights, whose kernel is not zero, keeps its own.
    """
    head = model.get_layer("head")
    if not keras.ops.convert_to_numpy(head.kernel).any():
        head.bias.assign(keras.ops.full(head.bias.shape, value))


def compile_model(model, recipe, *, total_steps, pretrained=None):
    """Compiles a model with the loss, metrics and optimizer of a recipe.

    Args:
        model: The model to fit.
        recipe: A `Recipe`.
        total_steps: Integer, the number of updates of the whole run.
        pretrained: The `MaskedPatchPrediction` whose layers `model` has, if it is
            another one. Not read where classes are learned.

    Returns:
        Whether the training step is compiled with XLA: `True`, `False` or `"auto"`
        for what Keras decides.
    """
    jit_compile = resolve_jit(recipe, model)
    if recipe.masked_target is None:
        objective = {
            "loss": build_loss(recipe),
            "metrics": [LabelAccuracy(name="accuracy")],
        }
        example = keras.ops.zeros((1,), "int32"), None
    else:
        pretrained = model if pretrained is None else pretrained
        objective = {
            "loss": MaskedPatchLoss(recipe.masked_target, dtype=loss_dtype(recipe)),
            "weighted_metrics": masked_patch_metrics(pretrained),
        }
        example = example_targets(pretrained)
    model.compile(
        optimizer=build_optimizer(recipe, model, total_steps=total_steps),
        jit_compile=jit_compile,
        **objective,
    )
    # On TensorFlow, `fit` builds optimizer and metrics inside its first update: too
    # late for a checkpoint to be restored into them.
    model.optimizer.build(model.trainable_variables)
    outputs = keras.ops.zeros((1, *model.output_shape[1:]))
    model.compute_metrics(None, example[0], outputs, example[1])
    model.reset_metrics()
    return jit_compile


def resolve_jit(recipe, model):
    """The `jit_compile` argument for a recipe's choice.

    Keras leaves XLA off on machines without an accelerator. A small model gains a
    third from it there, and its compilation takes seconds; that of a large model
    takes minutes.
    """
    if recipe.jit_compile != "auto":
        return recipe.jit_compile == "yes"
    if model.count_params() <= 2_000_000 and keras.backend.backend() == "tensorflow":
        return True
    return "auto"


def _patch_size(image_size):
    """The divisor of both sides that is nearest to the wanted size, by ratio."""
    sides = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    common = math.gcd(*sides)
    divisors = [d for d in range(1, common + 1) if common % d == 0]
    wanted = max(PATCH_SIZE, math.sqrt(math.prod(sides)) / PATCHES_PER_SIDE)
    return min(divisors, key=lambda d: abs(math.log(d / wanted)))
