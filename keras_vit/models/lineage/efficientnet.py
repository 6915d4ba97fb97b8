"""EfficientNet: inverted bottlenecks that grow in width, depth and image size."""

import keras

from keras_vit.common.checks import check_choice, check_positive, check_rate
from keras_vit.layers import BatchNorm, MBConv
from keras_vit.layers.convolution.mbconv import PADDINGS, kernel_initializer
from keras_vit.layers.convolution.stages import MBCONV_STAGES
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head

# Of batch norms: Google's, which pad as TensorFlow does, and PyTorch's own.
_EPSILONS = {"same": 1e-3, "symmetric": 1e-5}


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": a.dtype}
    symmetric = a.padding == "symmetric"
    if symmetric:
        x = keras.layers.ZeroPadding2D(1, name="stem_conv_pad", **dtype)(x)
    padding = "valid" if symmetric else "same"
    x = _conv(a.stem_width, 3, "stem_conv", a, strides=2, padding=padding)(x)
    x = _norm("stem_bn", a)(x)
    x = keras.layers.Activation("silu", name="stem_activation", **dtype)(x)
    number, count = 0, sum(a.num_blocks)
    for stage, (expansion, kernel_size, strides) in enumerate(MBCONV_STAGES):
        for block in range(a.num_blocks[stage]):
            x = MBConv(
                a.stage_widths[stage],
                kernel_size,
                strides if block == 0 else 1,
                expansion=expansion,
                padding=a.padding,
                batch_norm_momentum=a.batch_norm_momentum,
                batch_norm_epsilon=a.batch_norm_epsilon,
                drop_path_rate=a.drop_path_rate * number / count,
                remat=a.remat,
                name=f"block{stage + 1}{chr(ord('a') + block)}",
                **dtype,
            )(x)  # (B, H/2, ..) in stage 1; H/4, H/8, H/16, H/16, H/32, H/32
            number += 1
    x = _conv(a.top_width, 1, "top_conv", a)(x)  # (B, H/32, W/32, F)
    x = _norm("top_bn", a)(x)
    x = keras.layers.Activation("silu", name="top_activation", **dtype)(x)
    if a.pooling == "gap":
        x = keras.layers.GlobalAveragePooling2D(name="pooling", **dtype)(x)  # (B, F)
    if a.num_classes:
        x = keras.layers.Dropout(a.dropout_rate, name="top_dropout", **dtype)(x)
    return add_head(x, a)  # (B, K)


def _conv(filters, kernel_size, name, a, **options):
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        use_bias=False,
        kernel_initializer=kernel_initializer(),
        dtype=a.dtype,
        name=name,
        **options,
    )


def _norm(name, a):
    return BatchNorm(
        a.batch_norm_momentum, a.batch_norm_epsilon, dtype=a.dtype, name=name
    )


def _check(a):
    """Checks the arguments of an EfficientNet, and makes plain numbers of them."""
    check_choice(a.pooling, ("gap", None), "pooling")
    check_choice(a.padding, PADDINGS, "padding")
    stages = len(MBCONV_STAGES)
    a.num_blocks = arguments.integers(a.num_blocks, "num_blocks", stages)
    a.stage_widths = arguments.integers(a.stage_widths, "stage_widths", stages)
    if max(a.num_blocks) > 26:
        raise ValueError(
            "`num_blocks` must be at most 26 in each stage: blocks are named by "
            f"letters, as in Keras. Received: num_blocks={tuple(a.num_blocks)}"
        )
    check_positive(stem_width=a.stem_width, top_width=a.top_width)
    check_rate(dropout_rate=a.dropout_rate, drop_path_rate=a.drop_path_rate)
    if a.batch_norm_epsilon is None:
        a.batch_norm_epsilon = _EPSILONS[a.padding]
    arguments.check_batch_norm(a)


@constructor("efficientnet", _build, _check)
def EfficientNet(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    stage_widths,
    stem_width=32,
    top_width=1280,
    pooling="gap",
    padding="same",
    dropout_rate=0.2,
    drop_path_rate=0.2,
    batch_norm_momentum=0.99,
    batch_norm_epsilon=None,
):
    """EfficientNet of any size: seven stages of MBConv blocks.

    The published networks are B0 and what one rule makes of it, which widens, deepens
    and enlarges the images together: `keras_vit.EfficientNetB0` to `EfficientNetB8`,
    and `EfficientNetL2` of Noisy Student.

    Args:
        num_blocks: Sequence of seven integers, the blocks of each stage. Kernels,
            strides and expansion of the stages are the published ones.
        stage_widths: Sequence of seven integers, the output channels of each stage.
        stem_width: Integer, the channels of the first convolution.
        top_width: Integer, the channels of the last convolution: of the features.
        pooling: What the head reads: `"gap"` (the mean over the image) or `None`
            (every position of the last feature map).
        padding: `"same"`, which is uneven where an even size meets stride 2: Google's
            weights, timm's `tf_efficientnet_*`, Keras and Hugging Face; or
            `"symmetric"`: torchvision, and timm's own `efficientnet_*`. A fact of the
            weights.
        dropout_rate: Float in `[0, 1)`, dropout before the head.
        drop_path_rate: Float in `[0, 1)`, stochastic depth; block `i` of `n` has
            `drop_path_rate * i / n`, from 0.
        batch_norm_momentum: Float in `[0, 1)`; see `keras_vit.layers.BatchNorm`.
        batch_norm_epsilon: Float, of every batch norm. Defaults to that of `weights`,
            without them to 1e-3 with `padding="same"` and to 1e-5 otherwise, as those
            who pad in these ways have it.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features `(batch, top_width)`; with
        `pooling=None` one such row for each position: `(batch, rows, columns, ...)`,
        a position for each 32 pixels.

    Returns:
        A functional `keras.Model`. Its layers are `stem_conv`, `stem_bn`,
        `stem_activation`, `block1a`, `block2a`, `block2b`, ..., `top_conv`, `top_bn`,
        `top_activation`, `pooling`, `top_dropout` and `head`;
        `model.get_layer(name).output` reaches each of them. With symmetric padding
        `stem_conv_pad` is the first.

    Raises:
        ValueError: if a size is not positive, an option is unknown, or aliases
            contradict each other.

    Example:

    >>> sizes = {"num_blocks": (1,) * 7, "stage_widths": (8, 8, 16, 16, 24, 24, 32)}
    >>> model = keras_vit.EfficientNet(10, **sizes, image_size=(64, 96))
    >>> model(keras.ops.zeros((1, 64, 96, 3))).shape
    (1, 10)

    Reference: [Tan and Le, 2019](https://arxiv.org/abs/1905.11946);
    [Xie et al., 2020](https://arxiv.org/abs/1911.04252) (Noisy Student, L2);
    `efficientnet/efficientnet_model.py` and `efficientnet_builder.py` in
    tensorflow/tpu.
    """
