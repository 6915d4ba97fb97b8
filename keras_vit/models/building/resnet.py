"""What BiT and the stems of the hybrids have in common."""

import keras

from keras_vit.layers import (
    CropToMultiple,
    GroupNorm,
    PostActivationUnit,
    StandardizedConv2D,
)
from keras_vit.models.building import arguments
from keras_vit.models.building.ends import image_input

STANDARDIZATIONS = ("variance", "std", None)


def check_resnet(num_blocks, width_factor, **options):
    """Checks the arguments of a ResNet; those to replace, as plain values."""
    try:
        num_blocks = list(num_blocks)
    except TypeError:
        raise ValueError(
            "`num_blocks` must be a sequence, the number of units in each stage, "
            f"such as (3, 4, 6, 3). Received: num_blocks={num_blocks!r}"
        ) from None
    for units in num_blocks:
        arguments.check_positive(num_blocks=units)
    number = isinstance(width_factor, (int, float)) and width_factor > 0
    if not number or isinstance(width_factor, bool) or width_factor * 64 % 32:
        raise ValueError(
            "`width_factor` must be a positive multiple of 0.5: group norms divide "
            "each of their 64 * width_factor channels or more into 32 groups. "
            f"Received: width_factor={width_factor!r}"
        )
    arguments.check_choice(
        options["standardization"], STANDARDIZATIONS, "standardization"
    )
    return dict(
        num_blocks=[int(units) for units in num_blocks], width_factor=width_factor
    )


def hybrid_stem(a):
    """The input of a hybrid and the feature map that patches are cut from.

    Args:
        a: Namespace of the model's checked arguments, which gets its `stride`.

    Returns:
        `(images, x)`: symbolic tensors `(B, H, W, C)`.
    """
    layer = {"dtype": a.dtype}
    standardization = {"standardization": a.standardization}
    width = int(64 * a.width_factor)

    images, x = image_input(a)  # (B, H, W, C)
    x = StandardizedConv2D(
        width,
        7,
        strides=2,
        padding="same",
        epsilon=a.standardization_epsilon,
        name="root_conv",
        **standardization,
        **layer,
    )(x)
    x = GroupNorm(epsilon=a.group_norm_epsilon, name="root_norm", **layer)(x)
    x = keras.layers.ReLU(name="root_relu", **layer)(x)
    x = keras.layers.MaxPooling2D(3, 2, "same", name="root_pooling", **layer)(x)
    for stage, units in enumerate(a.num_blocks, start=1):
        for unit in range(1, units + 1):
            x = PostActivationUnit(
                width * 2 ** (stage - 1),
                strides=2 if stage > 1 and unit == 1 else 1,
                norm_epsilon=a.group_norm_epsilon,
                standardization_epsilon=a.standardization_epsilon,
                remat=a.remat,
                name=f"stage{stage}_unit{unit:02d}",
                **standardization,
                **layer,
            )(x)
    if any((size or 1) % patch for size, patch in zip(x.shape[1:3], a.patch_size)):
        x = CropToMultiple(a.patch_size, name="crop", **layer)(x)
    a.stride = a.patch_size
    return images, x
