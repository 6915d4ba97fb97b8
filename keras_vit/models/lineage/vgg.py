"""VGG: 3x3 convolutions in blocks, and dense layers."""

import keras

from keras_vit.common.checks import check_boolean, check_choice
from keras_vit.layers import BatchNorm
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head
from keras_vit.models.lineage.dense_layers import (
    add_dense_layers,
    check_dense_layers,
    check_known_size,
    flatten,
)


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": a.dtype}
    for block, (count, width) in enumerate(zip(a.num_convs, a.widths), start=1):
        for number in range(1, count + 1):
            x = _convolution(x, width, f"block{block}_conv{number}", a)  # (B, h, w, F)
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool", **dtype)(x)
    # (B, H/32, W/32, 512) after five blocks, rounded down
    if a.pooling == "flatten":
        x = flatten(x, a)  # (B, 7 * 7 * 512)
    elif a.pooling == "gap":
        x = keras.layers.GlobalAveragePooling2D(name="pooling", **dtype)(x)  # (B, 512)
    x = add_dense_layers(x, a)  # (B, 4096)
    return add_head(x, a)  # (B, K)


def _convolution(x, width, name, a):
    """A 3x3 convolution with ReLU, a batch norm between them if there is one."""
    dtype = {"dtype": a.dtype}
    x = keras.layers.Conv2D(
        width,
        3,
        padding="same",
        activation=None if a.batch_norm else "relu",
        kernel_initializer="he_normal",
        name=name,
        **dtype,
    )(x)
    if a.batch_norm:
        x = BatchNorm(name=f"{name}_bn", **dtype)(x)
        x = keras.layers.ReLU(name=f"{name}_relu", **dtype)(x)
    return x


def _check(a):
    """Checks the arguments of a VGG, and makes plain numbers of them."""
    check_choice(a.pooling, ("flatten", "gap", None), "pooling")
    check_boolean(batch_norm=a.batch_norm)
    arguments.refuse_remat(a)
    check_dense_layers(a)
    a.num_convs = arguments.integers(a.num_convs, "num_convs")
    a.widths = arguments.integers(a.widths, "widths")
    if not a.num_convs or len(a.num_convs) != len(a.widths):
        raise ValueError(
            "`num_convs` and `widths` must have one number for each block, and at "
            f"least one. Received: num_convs={tuple(a.num_convs)}, "
            f"widths={tuple(a.widths)}"
        )
    if a.pooling == "flatten":
        check_known_size(a, "Or pass pooling='gap', with hidden_dims=() if you like.")
    least = 2 ** len(a.num_convs)
    if any(side is not None and side < least for side in a.image_size):
        raise ValueError(
            f"`image_size` must be at least {least}: each of {len(a.num_convs)} blocks "
            f"halves it. Received: image_size={tuple(a.image_size)}. Enlarge the "
            f"images to {least}, or pass fewer blocks in `num_convs` and `widths`."
        )


@constructor("vgg", _build, _check)
def VGG(
    num_classes=arguments.UNSET,
    *,
    num_convs,
    widths=(64, 128, 256, 512, 512),
    hidden_dims=(4096, 4096),
    batch_norm=False,
    pooling="flatten",
    grid_size=7,
    dropout_rate=0.5,
):
    """VGG of any depth: blocks of 3x3 convolutions, then dense layers.

    VGG-16 has 13 convolutions and 3 dense layers, the head among them. Its 138,357,544
    parameters are 14,714,688 of the convolutions and 123,642,856 of the dense layers.

    Args:
        num_convs: Sequence of integers, the convolutions of each block; a maximum over
            2x2 positions follows each block, and halves the resolution.
        widths: Sequence of integers, the channels of each block.
        hidden_dims: Sequence of integers, the units of the dense layers before the
            head; `()` for none.
        batch_norm: Boolean, whether a batch norm follows each convolution, as in
            torchvision's `vgg16_bn`. The paper has none.
        pooling: What the dense layers read: `"flatten"` (all positions, side by side),
            `"gap"` (the mean over the positions) or `None` (each position by itself).
        grid_size: Integer or pair `(rows, columns)`, the positions that
            `pooling="flatten"` reads. A feature map of another size is averaged to
            it first, as in torchvision; at 224 pixels it is 7x7.
        dropout_rate: Float in `[0, 1)`, dropout after each dense layer but the head.
        remat: `False`: there are no residual blocks.

    Input shape: `(batch, height, width, num_channels)`, floats; at least 32 pixels,
        with five blocks.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dims[-1])`;
        without dense layers `(batch, 7 * 7 * 512)`, or with `"gap"` `(batch, 512)`.
        With `pooling=None` one such row for each position:
        `(batch, rows, columns, ...)`.

    Returns:
        A functional `keras.Model`. Its layers have the names of
        `keras.applications.VGG16`: `block1_conv1`, ..., `block1_pool`, ..., `flatten`,
        `fc1`, `fc2`; but the last is `head`.

    Raises:
        ValueError: if a size is not positive, an option is unknown, images are smaller
            than the blocks allow, or aliases contradict each other.

    Example:

    >>> model = keras_vit.VGG(
    ...     10, num_convs=(1, 1), widths=(8, 16), hidden_dims=(), pooling="gap",
    ...     image_size=32,
    ... )
    >>> model(keras.ops.zeros((1, 32, 32, 3))).shape
    (1, 10)

    Reference: [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556), table 1;
    `torchvision/models/vgg.py`. Kernels start as in
    [He et al., 2015](https://arxiv.org/abs/1502.01852), with which deep ones train from
    scratch.
    """
