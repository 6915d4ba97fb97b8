"""The model of masked patch prediction: a backbone that predicts hidden patches."""

import math
from types import SimpleNamespace

import keras
from keras import ops

from keras_vit.models.building.ends import float_policy, image_input
from keras_vit.models.constructors import BUILDERS, build
from keras_vit.models.preprocessing import resolve_scaling
from keras_vit.models.pretrained.initial_values import forget, values_later
from keras_vit.models.pretrained.weights import load_weights, open_any
from keras_vit.models.vision_model import (
    VisionModel,
    grid_of_settings,
    settings_of,
    value_range_of,
)
from keras_vit.pretraining.colours import BINS
from keras_vit.pretraining.targets import TARGETS, check_target

_FAMILIES = ("vit", "hybrid")  # which have patches
_MOST_CHANNELS = 4  # whose colours are 4,096 classes


def MaskedPatchPrediction(
    backbone, target="mean_colour", *, weights=None, name=None, **arguments
):
    """A model that predicts the colours of patches it does not see.

    Half of the patches are corrupted by the data pipeline, and their colours predicted
    from their own output tokens. What the backbone learns that way, a classifier can
    start from: `keras_vit.ViT_B16(num_classes=10, weights=model)`.

    Args:
        backbone: Name of a published ViT or hybrid, such as `"ViT_B16"`, or a model of
            this package, whose weights are copied. Patches must not overlap, and must
            tile images of a known size.
        target: What is predicted of a patch: `"mean_colour"`, its mean colour in three
            bits a channel, one of 512 classes; `"colours_4x4"`, those of 4x4 cells;
            or `"pixels"`, every value. Images of one channel have 8 classes.
        weights: What the backbone starts from, as for `keras_vit.load_weights`.
            Defaults to `None`: random, or those of `backbone`.
        name: String, the name of the model.
        **arguments: Further arguments of the backbone's constructor, such as
            `image_size` and `dtype`, where it is given by its name.

    Inputs: A dictionary:

        - `"image"`: float tensor `(batch, height, width, channels)`;
        - `"shown"`: integer tensor `(batch, num_patches)`, the number of the patch that
          is seen in each place, -1 for the mask token.

        `keras_vit.data.steps.CorruptPatches` makes them, and the targets.

    Output shape: `(batch, num_patches, 512)`, logits; of `"colours_4x4"`
        `(batch, num_patches, 16, 512)`; of `"pixels"` `(batch, num_patches, P1 * P2 *
        channels)`, values from -1 (black) to 1 (white).

    Returns:
        A functional `keras.Model`, to be compiled with `keras_vit.MaskedPatchLoss` and
        `keras_vit.pretraining.masked_patch_metrics`.

    Raises:
        ValueError: if the backbone has no patches, they overlap, do not tile the images
            or are fewer than two, or there is no such target.

    Example:

    >>> model = keras_vit.MaskedPatchPrediction("ViT_S16", image_size=224)
    >>> model.compile(
    ...     keras.optimizers.Adam(2e-4),
    ...     loss=keras_vit.MaskedPatchLoss(),
    ...     weighted_metrics=keras_vit.pretraining.masked_patch_metrics(model),
    ... )
    >>> batches = keras_vit.data.corrupt_patches(batches, model, training=True)
    >>> model.fit(batches, steps_per_epoch=100)
    >>> classifier = keras_vit.ViT_S16(num_classes=10, weights=model)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    B.1.2.
    """
    check_target(target)
    if "num_classes" in arguments:
        raise ValueError(
            "Masked patch prediction has no classes: leave `num_classes` out. "
            f"Received: num_classes={arguments['num_classes']}"
        )
    settings = _settings(backbone, arguments)
    family = settings["family"]
    # Of the head nothing is used.
    own = {**settings["arguments"], "num_classes": 0, "representation_size": None}
    if isinstance(backbone, keras.Model):
        weights = backbone if weights is None else weights
    elif weights is not None and "input_scaling" not in arguments:
        weights = open_any(weights, family, own)
        scaling = weights.input_scaling
        own["input_scaling"] = resolve_scaling(scaling, own["num_channels"])
    model = _build(family, own, target, name)
    if weights is not None:
        load_weights(
            model,
            weights,
            skip=("head", "pre_logits", "pooling"),
            keep=("prediction", "patch_encoder/corruption"),
        )
    return model


def _settings(backbone, arguments):
    """Family and arguments of the backbone, after every check of theirs."""
    if not isinstance(backbone, keras.Model):
        with values_later():  # it is not the model that will be trained
            shape = build(backbone, 0, **arguments)
        forget(shape.variables)
        backbone, arguments = shape, {}
    if arguments:
        raise ValueError(
            "The model is built already; arguments are for a backbone given by its "
            f"name. Received: {arguments}"
        )
    settings = settings_of(backbone)
    if settings.get("family") not in _FAMILIES:
        raise ValueError(
            "Masked patch prediction needs the patches of a ViT or hybrid of "
            f"keras_vit. Received: {backbone.name!r} of the family "
            f"{settings.get('family')!r}"
        )
    return settings


def _build(family, arguments, target, name):
    a = SimpleNamespace(**arguments)
    _check(a, target)
    images, x = image_input(a)
    grid = grid_of_settings({"family": family, "arguments": arguments})
    height, width = a.image_size
    if height % grid[0] or width % grid[1]:
        raise ValueError(
            "Patches must tile the images. Received: "
            f"image_size={(height, width)}, in {grid[0]}x{grid[1]} patches"
        )
    count, patch = grid[0] * grid[1], (height // grid[0], width // grid[1])
    if count < 2:
        raise ValueError(
            "There must be two patches at least, one of them to be seen. Received: "
            f"image_size={(height, width)}, patches of {patch[0]}x{patch[1]} pixels"
        )
    shown = keras.Input((count,), dtype="int32", name="shown")
    every_token = SimpleNamespace(**{**arguments, "pooling": None})
    x = BUILDERS[family].build(x, every_token, shown)  # (B, prefix + N, D)
    x = _PatchTokens(a.class_token + a.register_tokens, dtype=a.dtype, name="tokens")(x)
    cells, channels = TARGETS[target], a.num_channels
    if target == "pixels":
        shape = (count, patch[0] * patch[1] * channels)
    else:
        shape = (count, *((cells**2,) if cells > 1 else ()), BINS**channels)
    units = BINS**channels * cells**2 if cells else shape[-1]
    # Zeros, as in a classifier's head: every colour is equally likely at first.
    dtype = float_policy(a.dtype)
    x = keras.layers.Dense(
        units, kernel_initializer="zeros", dtype=dtype, name="prediction"
    )(x)
    if shape != (count, units):
        x = keras.layers.Reshape(shape, dtype=dtype, name="cells")(x)
    inputs = {"image": images, "shown": shown}
    model = VisionModel(inputs, x, name=name or "masked_patch_prediction")
    model.settings.update(family=family, arguments=arguments)
    model.settings["pretraining"] = dict(
        target=target,
        cells=cells,
        grid=list(grid),
        patch_size=list(patch),
        num_channels=channels,
        value_range=list(value_range_of(model)),
    )
    return model


def _check(a, target):
    if None in a.image_size:
        raise ValueError(
            "Masked patch prediction needs images of a known size. Received: "
            f"image_size={tuple(a.image_size)}"
        )
    if getattr(a, "stride", a.patch_size) != a.patch_size:
        raise ValueError(
            "Patches must not overlap, or what is hidden would be seen in their "
            f"neighbours. Received: stride={a.stride}, patch_size={a.patch_size}"
        )
    if target != "pixels" and a.num_channels > _MOST_CHANNELS:
        raise ValueError(
            f"The colours of {a.num_channels} channels are {BINS**a.num_channels:,} "
            f"classes. Use target='pixels'. Received: target={target!r}"
        )


@keras.saving.register_keras_serializable(package="keras_vit")
class _PatchTokens(keras.layers.Layer):
    """The tokens of the patches, without class and register tokens."""

    def __init__(self, skip, **kwargs):
        super().__init__(**kwargs)
        self.skip = skip

    def call(self, inputs):
        return inputs[:, self.skip :]

    def compute_output_shape(self, input_shape):
        batch, tokens, width = input_shape
        return (batch, tokens - self.skip, width)

    def get_config(self):
        return {**super().get_config(), "skip": self.skip}


def is_pretraining(model):
    """Whether a model is one of masked patch prediction."""
    return "pretraining" in settings_of(model)


def example_targets(model):
    """Colours and weights of one image, zeros: what metrics are built with."""
    facts = model.settings["pretraining"]
    count, pixels = math.prod(facts["grid"]), math.prod(facts["patch_size"])
    values = (facts["cells"] ** 2 or pixels) * facts["num_channels"]
    return ops.zeros((1, count, values)), ops.zeros((1, count))


def corruption_step(model, corruption_rate=0.5):
    """The step that ends the pipeline of a `MaskedPatchPrediction`.

    Args:
        model: The model.
        corruption_rate: Share of the patches, in (0, 1). Defaults to `0.5`.

    Returns:
        A `keras_vit.data.steps.CorruptPatches`, for
        `keras_vit.data.preprocessing(..., last_step=...)`.
    """
    from keras_vit.data.steps import CorruptPatches  # needs TensorFlow

    facts = model.settings["pretraining"]
    return CorruptPatches(
        *facts["patch_size"], corruption_rate, facts["cells"], *facts["value_range"]
    )
