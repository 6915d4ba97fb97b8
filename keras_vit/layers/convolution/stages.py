"""The widths of a ResNet's stages, and what tells those of an EfficientNet apart."""

_BOTTLENECK = 4  # the output of a unit is this much wider than its inner convolutions
_ROOT = 64  # channels of the first convolution, times `width_factor`


def stage_widths(num_blocks, width_factor, widths=None):
    """The output channels of each stage, as a list.

    Args:
        num_blocks: Sequence, the residual units of each stage.
        width_factor: Number, the width in multiples of ResNet-50's.
        widths: The result, where it is given; by default stages double.
    """
    if widths is not None:
        return list(widths)
    first = int(_BOTTLENECK * _ROOT * width_factor)
    return [first * 2**stage for stage in range(len(num_blocks))]


# Of the seven stages of every EfficientNet: expansion, kernel size and stride of the
# depthwise convolution. Tan and Le (2019), table 1.
MBCONV_STAGES = (
    (1, 3, 1),
    (6, 3, 2),
    (6, 5, 2),
    (6, 3, 2),
    (6, 5, 1),
    (6, 5, 2),
    (6, 3, 1),
)
