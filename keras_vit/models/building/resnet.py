"""Stages and checks that BiT and the ResNets of the hybrids share."""

from keras_vit.common.checks import check_choice, is_number
from keras_vit.layers.convolution.stages import stage_widths
from keras_vit.layers.convolution.standardized_conv import STANDARDIZATIONS
from keras_vit.models.building import arguments

_WIDTH_UNIT = 128  # four times the 32 groups of a norm


def add_stages(x, unit, a):
    """The residual units of all stages, `(B, H, W, C)` to `(B, h, w, 4 * filters)`.

    Every stage but the first halves the resolution, and the shortcut of every stage's
    first unit has a convolution.

    Args:
        x: Symbolic tensor.
        unit: Layer class, `PreActivationUnit` or `PostActivationUnit`.
        a: Namespace of the model's checked arguments.
    """
    widths = stage_widths(a.num_blocks, a.width_factor, a.stage_widths)
    for stage, (units, width) in enumerate(zip(a.num_blocks, widths), start=1):
        for number in range(1, units + 1):
            x = unit(
                width // 4,
                strides=2 if stage > 1 and number == 1 else 1,
                norm_epsilon=a.group_norm_epsilon,
                standardization=a.standardization,
                standardization_epsilon=a.standardization_epsilon,
                projects=number == 1 or None,
                remat=a.remat,
                name=f"stage{stage}_unit{number:02d}",
                dtype=a.dtype,
            )(x)
    return x


def check_resnet(a):
    """Checks the arguments of a ResNet, and makes plain numbers of them."""
    a.num_blocks = arguments.integers(a.num_blocks, "num_blocks")
    factor = a.width_factor
    if not is_number(factor) or factor <= 0 or factor * 64 % 32:
        raise ValueError(
            "`width_factor` must be a positive multiple of 0.5: group norms divide "
            "each of their 64 * width_factor channels or more into 32 groups. "
            f"Received: width_factor={factor!r}"
        )
    check_choice(a.standardization, STANDARDIZATIONS, "standardization")
    if a.stage_widths is not None:
        a.stage_widths = _stage_widths(a)


def _stage_widths(a):
    """`stage_widths` as a list of integers."""
    widths = arguments.integers(a.stage_widths, "stage_widths", len(a.num_blocks))
    if any(width % _WIDTH_UNIT for width in widths):
        raise ValueError(
            f"`stage_widths` must be multiples of {_WIDTH_UNIT}: group norms divide a "
            f"quarter of them into {_WIDTH_UNIT // 4} groups. Received: "
            f"stage_widths={widths}"
        )
    return widths
