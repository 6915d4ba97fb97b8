"""LeNet-5: convolutions and subsampling, as published and as it is built today."""

import keras

from keras_vit.common.checks import check_choice
from keras_vit.layers import EuclideanRBF, PartialConv2D, Subsampling, scaled_tanh
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head, float_policy
from keras_vit.models.lineage.dense_layers import check_known_size
from keras_vit.models.variants.lenet import C3, border

_POOLINGS = {
    "average": keras.layers.AveragePooling2D,
    "max": keras.layers.MaxPooling2D,
}

# Of each variant what may be chosen, the default first.
_CHOICES = {
    "1998": {"activation": ("scaled_tanh",), "subsampling": ("sum",)},
    "modern": {"activation": ("tanh", "relu"), "subsampling": tuple(_POOLINGS)},
}


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images; sizes below are of 32 pixels.
        a: Namespace of the model's checked arguments.
    """
    if border(a.padding, a.image_size):
        x = keras.layers.ZeroPadding2D(2, name="border", dtype=a.dtype)(x)
    return (_published if a.variant == "1998" else _modern)(x, a)


def _published(x, a):
    dtype = {"dtype": a.dtype}

    def squash(x, name):
        return keras.layers.Activation(scaled_tanh, name=f"{name}_squash", **dtype)(x)

    def start(fan_in):
        uniform = keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)
        return {"kernel_initializer": uniform}

    area = 25 * x.shape[-1]
    x = keras.layers.Conv2D(6, 5, name="c1", **start(area), **dtype)(x)
    x = squash(x, "c1")  # (B, 28, 28, 6)
    x = Subsampling(2, name="s2", **dtype)(x)
    x = squash(x, "s2")  # (B, 14, 14, 6)
    x = PartialConv2D(C3, 5, name="c3", **dtype)(x)
    x = squash(x, "c3")  # (B, 10, 10, 16)
    x = Subsampling(2, name="s4", **dtype)(x)
    x = squash(x, "s4")  # (B, 5, 5, 16)
    x = keras.layers.Conv2D(120, 5, name="c5", **start(400), **dtype)(x)
    x = squash(x, "c5")  # (B, 1, 1, 120)
    x = keras.layers.Flatten(name="flatten", **dtype)(x)  # (B, 120)
    x = keras.layers.Dense(84, name="f6", **start(x.shape[-1]), **dtype)(x)
    x = squash(x, "f6")  # (B, 84)
    if a.num_classes:
        x = EuclideanRBF(
            a.num_classes,
            activation=a.classifier_activation,
            initial_codes="digits" if a.num_classes == 10 else "signs",
            name="head",
            dtype=float_policy(a.dtype),
        )(x)  # (B, K)
    return x


def _modern(x, a):
    act = {"activation": a.activation, "dtype": a.dtype}
    pool = _POOLINGS[a.subsampling]
    x = keras.layers.Conv2D(6, 5, name="c1", **act)(x)  # (B, 28, 28, 6)
    x = pool(2, name="s2", dtype=a.dtype)(x)  # (B, 14, 14, 6)
    x = keras.layers.Conv2D(16, 5, name="c3", **act)(x)  # (B, 10, 10, 16)
    x = pool(2, name="s4", dtype=a.dtype)(x)  # (B, 5, 5, 16)
    x = keras.layers.Flatten(name="flatten", dtype=a.dtype)(x)  # (B, 400)
    x = keras.layers.Dense(120, name="c5", **act)(x)  # (B, 120)
    x = keras.layers.Dense(84, name="f6", **act)(x)  # (B, 84)
    return add_head(x, a)  # (B, K)


def _check(a):
    """Checks the arguments of a LeNet-5, and makes plain values of them."""
    check_choice(a.variant, tuple(_CHOICES), "variant")
    check_choice(a.padding, ("auto", "valid", "same"), "padding")
    arguments.refuse_remat(a)
    for name, choices in _CHOICES[a.variant].items():
        value = getattr(a, name)
        setattr(a, name, choices[0] if value is None else value)
        if value not in (None, *choices):
            raise ValueError(
                f"`{name}` must be {' or '.join(map(repr, choices))} in a LeNet-5 of "
                f"variant={a.variant!r}. Received: {name}={value!r}"
            )
    check_known_size(a, "Pass image_size=32, for example.")
    _check_size(a)


def _check_size(a):
    """Raises for images of which pixels would be left out, naming the nearest sizes."""
    pad = border(a.padding, a.image_size)
    least = (32 if a.variant == "1998" else 16) - 2 * pad
    nearest = {}
    for side in a.image_size:
        below = side - side % 4
        if side < least:
            nearest[side] = f"{least}"
        elif side % 4:
            nearest[side] = f"{below} and {below + 4}"
    if nearest:
        padding = "a border of 2 pixels" if pad else "no border (padding='same' adds 2)"
        near = "; ".join(f"of {side}: {sizes}" for side, sizes in nearest.items())
        raise ValueError(
            f"`image_size` must be a multiple of 4, and at least {least} with "
            f"{padding}: two subsamplings halve what 5x5 convolutions leave. Received: "
            f"image_size={tuple(a.image_size)}. Nearest: {near}"
        )


@constructor("lenet", _build, _check, image_size=32, num_channels=1)
def LeNet5(
    num_classes=arguments.Unset(10),  # noqa: B008
    *,
    variant="1998",
    activation=None,
    subsampling=None,
    padding="auto",
):
    """LeNet-5, as published in 1998 or as it is built today.

    `"1998"` has partial connections in C3, subsampling with trainable coefficients, a
    scaled tanh after every layer, and distances to fixed codes as its output: 60,000
    trainable parameters and 340,908 connections. `"modern"` has whole convolutions,
    plain pooling, and a dense output: 61,706 parameters.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 10.
        image_size: Integer or pair `(height, width)`, pixels; multiples of 4, from 28
            for `"1998"`, from 12 for `"modern"`. Defaults to 32.
        num_channels: Integer, image channels. Defaults to 1.
        variant: `"1998"` or `"modern"`.
        activation: Of `"modern"`, after convolutions and dense layers: `"tanh"` (the
            default) or `"relu"`. `"1998"` has `"scaled_tanh"`.
        subsampling: Of `"modern"`: `"average"` (the default) or `"max"`. `"1998"` has
            `"sum"`, with trainable coefficients.
        padding: Of the first convolution: `"same"` (two pixels of zeros around the
            image), `"valid"`, or `"auto"`: `"same"` for images below 32 pixels, so
            that the 28 pixels of MNIST become the 32 that the network reads.
        remat: `False`: there are no residual blocks.

    Input shape: `(batch, height, width, num_channels)`, floats in [-1, 1]. The paper
        has -0.1 for the background and 1.175 for the ink:
        `input_scaling=(0.1 / 1.275, 1 / 1.275)`.

    Output shape: `(batch, num_classes)`, or features `(batch, 84)`. The outputs of
        `"1998"` are minus the distances, so that the largest wins as everywhere.

    Returns:
        A functional `keras.Model`. Its layers have the paper's names: `c1`, `s2`, `c3`,
        `s4`, `c5`, `f6`; but the last is `head`.

    Raises:
        ValueError: if an option is unknown or belongs to the other variant, a size is
            no multiple of 4, or aliases contradict each other.

    Example:

    >>> model = keras_vit.LeNet5(image_size=28)
    >>> model(keras.ops.zeros((1, 28, 28, 1))).shape
    (1, 10)

    The codes of `"1998"` are, with ten classes, 7x12 pictures of the digits: drawn for
    this package, as the paper prints its own (figure 3) and does not list them. See
    them by `keras_vit.visualize.plot_filters(codes, columns=10)`, with `codes` as
    `model.get_layer("head").codes.numpy().reshape(10, 12, 7, 1)`. With other numbers of
    classes they are random signs.

    The loss of equation 9 is softmax cross-entropy of these logits, but for the
    constant. Caffe's "LeNet" is another network, of 20 and 50 maps and 500 units.

    Reference: [LeCun et al., 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
    section II.
    """
