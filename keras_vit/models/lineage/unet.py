"""U-Net: a path down for what is there, a path up for where it is."""

import keras

from keras_vit.common.checks import check_boolean, check_choice, check_rate
from keras_vit.layers import BatchNorm, SizeCheck
from keras_vit.layers.maps.size_check import check_sides
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head


def _build(x, a):
    """The architecture, from images to logits or features of every pixel.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype, skips, deepest = {"dtype": a.dtype}, [], len(a.widths) - 1
    if None in a.image_size:
        x = SizeCheck(*_sizes(a), name="size_check", **dtype)(x)
    for level, width in enumerate(a.widths):
        name = f"down{level}"
        if level:
            x = keras.layers.MaxPooling2D(2, name=f"{name}_pooling", **dtype)(x)
        x = _two_convolutions(x, width, name, a)  # (B, h, w, width), halved each level
        if a.dropout_rate and level >= deepest - 1:
            drop = keras.layers.Dropout(a.dropout_rate, name=f"{name}_dropout", **dtype)
            x = drop(x)
        skips.append(x)
    skips.pop()
    for step, width in enumerate(a.upconv_widths, start=1):
        name, skip = f"up{step}", skips.pop()
        x = keras.layers.Conv2DTranspose(
            width, 2, 2, kernel_initializer=_init(), name=f"{name}_upconv", **dtype
        )(x)  # (B, 2 h, 2 w, width)
        if a.upconv_relu:
            x = keras.layers.ReLU(name=f"{name}_upconv_relu", **dtype)(x)
        x, skip = _fitted(x, skip, step, name, a)
        pair = [skip, x] if a.skip_first else [x, skip]
        x = keras.layers.Concatenate(name=f"{name}_concatenate", **dtype)(pair)
        x = _two_convolutions(x, a.widths[-1 - step], name, a)
    return add_head(x, a)  # (B, H - lost, W - lost, K)


def _two_convolutions(x, width, name, a):
    """Two convolutions, each with a norm where the model has norms, and a ReLU."""
    for i in (1, 2):
        conv = keras.layers.Conv2D(
            width,
            3,
            padding=a.padding,
            use_bias=not a.batch_norm,
            kernel_initializer=_init(),
            name=f"{name}_conv{i}",
            dtype=a.dtype,
        )
        x = conv(x)
        if a.batch_norm:
            x = BatchNorm(name=f"{name}_norm{i}", dtype=a.dtype)(x)
        x = keras.layers.ReLU(name=f"{name}_relu{i}", dtype=a.dtype)(x)
    return x


def _fitted(x, skip, step, name, a):
    """What was upsampled, and what it is joined with, of one size."""
    if a.padding == "valid":
        crop = keras.layers.Cropping2D(_lost(step), name=f"{name}_crop", dtype=a.dtype)
        return x, crop(skip)
    if None not in skip.shape[1:3] and x.shape[1:3] != skip.shape[1:3]:
        # Pooling has dropped a row or a column of an odd size.
        missing = [s - have for s, have in zip(skip.shape[1:3], x.shape[1:3])]
        sides = [(lost // 2, lost - lost // 2) for lost in missing]
        x = keras.layers.ZeroPadding2D(sides, name=f"{name}_padding", dtype=a.dtype)(x)
    return x, skip


def _init():
    """N(0, sqrt(2 / fan-in)): section 3 of the paper."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


def _lost(step):
    """The pixels that valid convolutions take from each side below a skip.

    4 in the first step, and 2 c + 8 where it was c: two convolutions down, two up.
    """
    return 6 * 2**step - 8


def _check(a):
    """Checks the arguments of a U-Net, and makes plain numbers of them."""
    arguments.refuse_remat(a)
    a.widths = arguments.integers(a.widths, "widths")
    if len(a.widths) < 2:
        raise ValueError(
            "`widths` must name at least two levels, such as (64, 128). "
            f"Received: widths={tuple(a.widths)}"
        )
    if a.upconv_widths is None:
        a.upconv_widths = a.widths[-2::-1]
    a.upconv_widths = arguments.integers(a.upconv_widths, "upconv_widths")
    if len(a.upconv_widths) != len(a.widths) - 1:
        raise ValueError(
            "`upconv_widths` must have one width for each step upwards, one fewer than "
            f"`widths`. Received: upconv_widths={tuple(a.upconv_widths)}, "
            f"widths={tuple(a.widths)}"
        )
    check_choice(a.padding, ("valid", "same"), "padding")
    check_boolean(
        batch_norm=a.batch_norm, skip_first=a.skip_first, upconv_relu=a.upconv_relu
    )
    check_rate(dropout_rate=a.dropout_rate)
    if a.padding == "valid" or None in a.image_size:
        check_sides(a.image_size, *_sizes(a))
    elif min(a.image_size) < (unit := _sizes(a)[0]):
        raise ValueError(
            f"`image_size` must be at least {unit} on each side: images are halved "
            f"{len(a.widths) - 1} times. Received: image_size={tuple(a.image_size)}. "
            f"Nearest: {unit} and {unit + 1}."
        )


def _sizes(a):
    """Sides of images that the network takes, for `SizeCheck`.

    Padded ones of a known size are padded once more where the two that are joined
    differ, and take every size.
    """
    unit = 2 ** (len(a.widths) - 1)
    if a.padding == "same":
        return unit, 0, 1
    # Every size before a pooling is even, and a pixel at least is left at the end.
    to_the_bottom, to_the_end = 4 * (unit - 1), 12 * unit - 8
    return unit, to_the_bottom, -(-(to_the_end + 1 - to_the_bottom) // unit)


@constructor("unet", _build, _check, image_size=572, num_channels=1)
def UNet(
    num_classes=arguments.Unset(2),  # noqa: B008
    *,
    widths=(64, 128, 256, 512, 1024),
    padding="valid",
    batch_norm=False,
    skip_first=False,
    upconv_relu=False,
    upconv_widths=None,
    dropout_rate=0.0,
):
    """U-Net, a class for every pixel (2015, and the padded form of today).

    By default the network of the paper's figure 1: five levels, valid convolutions,
    31,030,658 parameters with one channel and two classes. The output is smaller than
    the image: 92 pixels are lost at each side, and `keras_vit.predict_tiles` predicts
    images of any size by tiles that overlap. With `padding="same",
    batch_norm=True, skip_first=True` it is the form that most code has.

    It learns from arrays by `fit`, with the loss
    `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`, masks of the
    output's size, and the middle of `keras_vit.unet_weight_map` as `sample_weight`.
    The paper's recipe: SGD with momentum 0.99, one tile of 572 pixels a batch, elastic
    deformations.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 2.
        image_size: Integer or pair `(height, width)`, pixels; `(None, None)` for a
            model that takes images of every size of these: with `padding="valid"`
            sides of `16 k + 60`, k at least 8, for five levels; with
            `padding="same"` multiples of 16 (where the size is given, every size from
            16 on). Defaults to 572.
        num_channels: Integer, image channels. Defaults to 1.
        widths: Sequence of integers, the channels of each level, the full size first.
        padding: `"valid"` (the paper: outputs are smaller) or `"same"`.
        batch_norm: Boolean, whether a batch norm follows each convolution, which then
            has no bias. The paper has none.
        skip_first: Boolean, the order in which channels are joined: those of the path
            down first (milesial's), or those that were upsampled (the release).
        upconv_relu: Boolean, whether a ReLU follows each up-convolution, as in the
            released network and not in the paper's text.
        upconv_widths: Sequence of integers, the channels of each up-convolution, the
            deepest first. Defaults to those of the level that it leads to. The last
            one of the released network has 128.
        dropout_rate: Float in `[0, 1)`, dropout at the end of the two deepest levels,
            0.5 in the release.
        remat: `False`: there are no residual blocks.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, height - 184, width - 184, num_classes)` for five levels of
        valid convolutions, `(batch, height, width, num_classes)` with
        `padding="same"`; features have `widths[0]` channels.

    Returns:
        A functional `keras.Model`. Its layers are `down0_conv1`, `down0_relu1`, ...,
        `down0_relu2`, `down1_pooling`, ..., `up1_upconv`, `up1_concatenate`,
        `up1_conv1`, ..., `head`; `up1` is the deepest step.
        `model.get_layer(name).output` reaches each of them.

    Raises:
        ValueError: if the network cannot take an image of the size (the message names
            the nearest sizes), or an option is unknown.

    Example:

    >>> model = keras_vit.UNet(2, widths=(8, 16, 32), image_size=92)
    >>> model(keras.ops.zeros((1, 92, 92, 1))).shape
    (1, 52, 52, 2)

    Reference: [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597);
    `u-net-release/phseg_v5.prototxt`; `milesial/Pytorch-UNet`.
    """
