"""AlexNet: five convolutions and dense layers, in its two forms."""

import keras

from keras_vit.common.checks import check_choice
from keras_vit.layers import LocalResponseNorm
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head
from keras_vit.models.lineage.dense_layers import (
    add_dense_layers,
    check_dense_layers,
    check_known_size,
    flatten,
)
from keras_vit.models.variants.alexnet import FIRST_PADDING, GROUPS, SIZES, WIDTHS

# Local response normalisation: the paper's, and that of Caffe, which divides alpha by
# the number of channels that are summed.
_LRN = {"paper": {"k": 2.0, "alpha": 1e-4}, "caffe": {"k": 1.0, "alpha": 1e-4 / 5}}


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": a.dtype}
    if padding := FIRST_PADDING[a.variant]:
        x = keras.layers.ZeroPadding2D(padding, name="conv1_padding", **dtype)(x)
    x = _convolution(x, 1, 11, a, strides=4, padding="valid")  # (B, 55, 55, F)
    x = _norm_and_pool(x, 1, a)  # (B, 27, 27, F)
    x = _convolution(x, 2, 5, a)
    x = _norm_and_pool(x, 2, a)  # (B, 13, 13, F)
    for number in (3, 4, 5):
        x = _convolution(x, number, 3, a)
    x = keras.layers.MaxPooling2D(3, 2, name="pool5", **dtype)(x)  # (B, 6, 6, F)
    x = flatten(x, a)  # (B, 6 * 6 * F)
    x = add_dense_layers(
        x,
        a,
        first=6,
        dropout_before=a.variant == "one_tower",
        **_initializers(a, ones=True),
    )  # (B, 4096)
    return add_head(x, a)  # (B, K)


def _convolution(x, number, kernel_size, a, strides=1, padding="same"):
    return keras.layers.Conv2D(
        a.widths[number - 1],
        kernel_size,
        strides=strides,
        padding=padding,
        groups=GROUPS[a.variant][number - 1],
        activation="relu",
        name=f"conv{number}",
        dtype=a.dtype,
        **_initializers(a, ones=number in (2, 4, 5)),
    )(x)


def _norm_and_pool(x, number, a):
    dtype = {"dtype": a.dtype}
    if a.variant == "2012" and a.lrn != "none":
        x = LocalResponseNorm(**_LRN[a.lrn], name=f"norm{number}", **dtype)(x)
    return keras.layers.MaxPooling2D(3, 2, name=f"pool{number}", **dtype)(x)


def _initializers(a, ones):
    """How weights start: as in the paper, or as suits ReLU."""
    if a.variant == "one_tower":
        return {"kernel_initializer": "he_normal"}
    return {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
        "bias_initializer": "ones" if ones else "zeros",
    }


def _check(a):
    """Checks the arguments of an AlexNet, and makes plain numbers of them."""
    check_choice(a.lrn, (*_LRN, "none"), "lrn")
    arguments.refuse_remat(a)
    check_dense_layers(a)
    a.widths = arguments.integers(a.widths or WIDTHS[a.variant], "widths", 5)
    groups = GROUPS[a.variant]
    if any(width % max(groups) for width in a.widths):
        raise ValueError(
            "`widths` must be even numbers, for two groups of channels. "
            f"Received: widths={tuple(a.widths)}, variant={a.variant!r}"
        )
    check_known_size(a, f"Pass image_size={SIZES[a.variant]}, for example.")
    least = 67 - 2 * FIRST_PADDING[a.variant]
    if min(a.image_size) < least:
        raise ValueError(
            f"`image_size` must be at least {least}: after three poolings nothing "
            f"would be left. Received: image_size={tuple(a.image_size)}. Enlarge the "
            f"images to {least} or more; {SIZES[a.variant]} is usual."
        )


def _size(options):
    """The default image size, which depends on the variant."""
    check_choice(options["variant"], tuple(SIZES), "variant")
    return SIZES[options["variant"]]


@constructor("alexnet", _build, _check, image_size=_size)
def AlexNet(
    num_classes=arguments.UNSET,
    *,
    variant="2012",
    widths=None,
    hidden_dims=(4096, 4096),
    lrn="paper",
    grid_size=6,
    dropout_rate=0.5,
):
    """AlexNet, as published in 2012 or as PyTorch users know it.

    These are two networks. `"2012"` is the one that won ImageNet's challenge: 96, 256,
    384, 384 and 256 channels, three convolutions in two groups, local response
    normalisation: 60,965,224 parameters. `"one_tower"` is that of "One weird trick"
    (2014), which torchvision calls AlexNet: 64, 192, 384, 256 and 256 channels, no
    groups, no normalisation: 61,100,840 parameters.

    The paper states images of 224 pixels; its sizes fit 227, as every implementation
    has it.

    Args:
        image_size: Integer or pair `(height, width)`, pixels. Defaults to 227, for
            `"one_tower"` to 224.
        variant: `"2012"` or `"one_tower"`.
        widths: Sequence of five integers, the channels of the convolutions. Defaults
            to those of the variant.
        hidden_dims: Sequence of integers, the units of the dense layers before the
            head.
        lrn: Local response normalisation of `"2012"`: `"paper"` (`k` 2, `alpha`
            1e-4), `"caffe"` (`k` 1, `alpha` 1e-4 / 5, of BVLC's weights) or `"none"`.
            It stands before the pooling; in BVLC's CaffeNet, which is
            another network, it stands behind.
        grid_size: Integer or pair `(rows, columns)`, the positions that the first
            dense layer reads. A feature map of another size is averaged to it first.
        dropout_rate: Float in `[0, 1)`: after each dense layer but the head, as in the
            paper; in `"one_tower"` before each, as in torchvision.
        remat: `False`: there are no residual blocks.

    Input shape: `(batch, height, width, num_channels)`, floats; at least 67 pixels, for
        `"one_tower"` 63.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dims[-1])`.

    Returns:
        A functional `keras.Model`. Its layers have Caffe's names: `conv1`, `norm1`,
        `pool1`, `conv2`, ..., `conv5`, `pool5`, `flatten`, `fc6`, `fc7`; but the last
        is `head`.

    Raises:
        ValueError: if an option is unknown, a size is not positive, images are too
            small, or aliases contradict each other.

    Example:

    >>> model = keras_vit.AlexNet(
    ...     10, widths=(4, 8, 8, 8, 8), hidden_dims=(16,), grid_size=1, image_size=67
    ... )
    >>> model(keras.ops.zeros((1, 67, 67, 3))).shape
    (1, 10)

    Reference: [Krizhevsky et al., 2012](https://papers.nips.cc/paper/4824);
    [Krizhevsky, 2014](https://arxiv.org/abs/1404.5997); Caffe's
    `models/bvlc_alexnet`; `torchvision/models/alexnet.py`.
    """
