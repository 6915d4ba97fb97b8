"""BiT: a ResNet with pre-activation units, group norm and standardised kernels."""

import keras

from keras_vit.common.checks import check_choice
from keras_vit.layers import GroupNorm, PreActivationUnit, StandardizedConv2D
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head
from keras_vit.models.building.resnet import add_stages, check_resnet


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": a.dtype}
    x = StandardizedConv2D(
        int(64 * a.width_factor),
        7,
        strides=2,
        standardization=a.standardization,
        epsilon=a.standardization_epsilon,
        name="root_conv",
        **dtype,
    )(x)  # (B, H/2, W/2, F), F being 64 * width_factor
    # No norm and no ReLU here, so that a padded zero can win against values below it;
    # padding="same" would pad with -inf.
    x = keras.layers.ZeroPadding2D(1, name="root_padding", **dtype)(x)
    x = keras.layers.MaxPooling2D(3, 2, name="root_pooling", **dtype)(x)  # (B, H/4, ..)
    x = add_stages(x, PreActivationUnit, a)  # (B, H/32, W/32, 32 F) after four stages
    x = GroupNorm(epsilon=a.group_norm_epsilon, name="norm", **dtype)(x)
    x = keras.layers.ReLU(name="relu", **dtype)(x)
    if a.pooling == "gap":
        x = keras.layers.GlobalAveragePooling2D(name="pooling", **dtype)(x)  # (B, 32 F)
    return add_head(x, a)  # (B, K)


def _check(a):
    """Checks the arguments of a BiT, and makes plain numbers of them."""
    check_choice(a.pooling, ("gap", None), "pooling")
    check_resnet(a)
    if not a.num_blocks:
        raise ValueError(
            "`num_blocks` must name at least one stage. Received: num_blocks=()"
        )


@constructor("bit", _build, _check)
def BiT(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    width_factor=1,
    stage_widths=None,
    pooling="gap",
    group_norm_epsilon=1e-5,
    standardization="variance",
    standardization_epsilon=1e-10,
):
    """BiT ResNet of any size: pre-activation units, group norm, standardised kernels.

    Args:
        num_blocks: Sequence of integers, the number of units in each stage; every
            stage but the first halves the resolution and doubles the width.
        width_factor: Number, the width of every layer in multiples of ResNet-50's;
            a multiple of 0.5, because norms have 32 groups.
        stage_widths: Sequence of integers, the output channels of each stage, where
            they do not double; multiples of 128. Defaults to
            `256 * width_factor * 2 ** stage`, from stage 0.
        pooling: What the head reads: `"gap"` (the mean over the image) or `None`
            (every position of the last feature map).
        group_norm_epsilon: Float, of every group norm.
        standardization: How kernels are standardised: `"variance"` divides by
            `sqrt(variance + standardization_epsilon)`, as the official BiT;
            `"std"` by `sqrt(variance) + standardization_epsilon`; `None` not at
            all: see `keras_vit.fold_weight_standardization`.
        standardization_epsilon: Float. timm and Hugging Face use 1e-8.
        remat: Boolean, whether training keeps the input of each unit only and computes
            the rest again: the same gradients from less memory, and about a third more
            computation. Defaults to `False`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, standardisation and
            head compute in float32 at least. Defaults to Keras's global policy.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features
        `(batch, 256 * width_factor * 2 ** (stages - 1))`, or as wide as the last of
        `stage_widths`; with `pooling=None` one such row for each position:
        `(batch, rows, columns, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `root_conv`, `root_padding`,
        `root_pooling`, `stage1_unit01`, `stage1_unit02`, ..., `norm`, `relu`,
        `pooling` and `head`; `model.get_layer(name).output` reaches each of them.

    Raises:
        ValueError: if a size is not positive, an option is unknown, or aliases
            contradict each other.

    Example:

    >>> model = keras_vit.BiT(10, num_blocks=(1, 1, 1, 1), image_size=(75, 100))
    >>> model(keras.ops.zeros((1, 75, 100, 3))).shape
    (1, 10)

    Reference: [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370);
    `bit_pytorch/models.py: ResNetV2`.
    """
