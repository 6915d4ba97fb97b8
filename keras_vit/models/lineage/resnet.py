"""ResNet: residual units with batch norm."""

import keras

from keras_vit.common.checks import check_boolean, check_choice, check_positive
from keras_vit.layers import BatchNorm, ResNetUnit
from keras_vit.layers.convolution.resnet_unit import STRIDED, he_normal
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": a.dtype}
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad", **dtype)(x)
    x = keras.layers.Conv2D(
        a.stem_width,
        7,
        strides=2,
        use_bias=False,
        kernel_initializer=he_normal(),
        name="conv1_conv",
        **dtype,
    )(x)  # (B, H/2, W/2, F)
    norm = (a.batch_norm_momentum, a.batch_norm_epsilon)
    x = BatchNorm(*norm, name="conv1_bn", **dtype)(x)
    x = keras.layers.ReLU(name="conv1_relu", **dtype)(x)
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad", **dtype)(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1_pool", **dtype)(x)  # (B, H/4, ..)
    for stage, (units, width) in enumerate(zip(a.num_blocks, a.stage_widths)):
        for unit in range(units):
            x = ResNetUnit(
                width,
                strides=2 if stage and unit == 0 else 1,
                bottleneck=a.bottleneck,
                stride_in=a.stride_in,
                batch_norm_momentum=a.batch_norm_momentum,
                batch_norm_epsilon=a.batch_norm_epsilon,
                remat=a.remat,
                name=f"conv{stage + 2}_block{unit + 1}",
                **dtype,
            )(x)  # (B, H/32, W/32, 2048) after four stages
    if a.pooling == "gap":
        x = keras.layers.GlobalAveragePooling2D(name="pooling", **dtype)(x)  # (B, 2048)
    return add_head(x, a)  # (B, K)


def _check(a):
    """Checks the arguments of a ResNet, and makes plain numbers of them."""
    check_choice(a.pooling, ("gap", None), "pooling")
    check_choice(a.stride_in, STRIDED, "stride_in")
    check_boolean(bottleneck=a.bottleneck)
    check_positive(stem_width=a.stem_width)
    arguments.check_batch_norm(a)
    a.num_blocks = arguments.integers(a.num_blocks, "num_blocks")
    a.stage_widths = arguments.integers(a.stage_widths, "stage_widths")
    if not a.num_blocks or len(a.num_blocks) != len(a.stage_widths):
        raise ValueError(
            "`stage_widths` must have one width for each stage of `num_blocks`, and at "
            f"least one. Received: num_blocks={a.num_blocks}, "
            f"stage_widths={a.stage_widths}"
        )
    if a.bottleneck and any(width % 4 for width in a.stage_widths):
        raise ValueError(
            "`stage_widths` of bottlenecks must be multiples of 4: their inside has a "
            f"quarter of the channels. Received: stage_widths={a.stage_widths}"
        )
    if not a.bottleneck and a.stride_in != "3x3":
        raise ValueError(
            "`stride_in` must be '3x3' where `bottleneck` is False: there is no other "
            f"convolution. Received: stride_in={a.stride_in!r}"
        )


@constructor("resnet", _build, _check)
def ResNet(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    stage_widths,
    bottleneck=True,
    stem_width=64,
    stride_in="3x3",
    pooling="gap",
    batch_norm_momentum=0.9,
    batch_norm_epsilon=1e-5,
):
    """ResNet of any size: residual units with batch norm.

    ResNet-50 of the paper, of Caffe and of `keras.applications` (v1) has its stride in
    the first 1x1 convolution of a stage; that of torchvision, timm and most files of
    the Hugging Face hub (v1.5) in the 3x3 one. Names, shapes and counts are the same,
    outputs are not: `stride_in` is a fact of the weights, which `weights` decide.

    Args:
        num_blocks: Sequence of integers, the units of each stage; every stage but the
            first halves the resolution.
        stage_widths: Sequence of integers, the output channels of each stage.
        bottleneck: Boolean, whether a unit has convolutions 1x1, 3x3, 1x1, of which
            the first two have a quarter of the channels, or two of 3x3, as in ResNet-18
            and 34.
        stem_width: Integer, the channels of the first convolution.
        stride_in: Which convolution of a bottleneck has the stride: `"3x3"` (v1.5) or
            `"1x1"` (v1). Defaults to what `weights` were trained with, without them
            to `"3x3"`.
        pooling: What the head reads: `"gap"` (the mean over the image) or `None`
            (every position of the last feature map).
        batch_norm_momentum: Float in `[0, 1)`, the share of the moving statistics that
            a step of training keeps. PyTorch counts the other share.
        batch_norm_epsilon: Float, of every batch norm. Defaults to that of `weights`,
            without them to `1e-5`; `keras.applications` has `1.001e-5`.
        remat: Boolean, whether training keeps the input of each unit only and computes
            the rest again: the same gradients from less memory, and about a third more
            computation. Defaults to `False`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Statistics of batch norms and
            the head compute in float32 at least. Defaults to Keras's global policy.

    Input shape: `(batch, height, width, num_channels)`, floats; any size.

    Output shape: `(batch, num_classes)`, or features `(batch, stage_widths[-1])`; with
        `pooling=None` one such row for each position: `(batch, rows, columns, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `conv1_pad`, `conv1_conv`,
        `conv1_bn`, `conv1_relu`, `pool1_pad`, `pool1_pool`, then the units
        `conv2_block1`, `conv2_block2`, ..., `pooling` and `head`. Layers within a unit
        have the names of `keras.applications` too: `1_conv`, `1_bn`, ..., and `0_conv`
        and `0_bn` in the shortcut.

    Raises:
        ValueError: if a size is not positive, an option is unknown, or aliases
            contradict each other.

    Example:

    >>> model = keras_vit.ResNet(
    ...     10, num_blocks=(1, 1), stage_widths=(32, 64), image_size=(75, 100)
    ... )
    >>> model.get_layer("conv3_block1").output.shape
    (None, 10, 13, 64)

    Reference: [He et al., 2016](https://arxiv.org/abs/1512.03385), table 1;
    `torchvision/models/resnet.py`, `keras/applications/resnet.py`.
    """
