"""Targets of masked patch prediction: the paper's three, and their layout.

The pipeline gives for every patch the mean colours of its cells, in [0, 1]; the targets
differ in the cells, and in whether their colours are classes or numbers.
"""

from keras import ops

from keras_vit.common.checks import check_choice

# Cells along each side of a patch; 0 stands for every pixel.
TARGETS = {"mean_colour": 1, "colours_4x4": 4, "pixels": 0}


def check_target(target):
    """Raises a `ValueError` unless there is such a target."""
    check_choice(target, TARGETS, "target")


def cell_colours(colours, channels):
    """`(B, N, cells * cells * C)` with a row for each cell: `(B, N, cells * cells, C)`.

    Args:
        colours: Tensor of the pipeline's, or a prediction of the target `"pixels"`.
        channels: Integer C.
    """
    _, patches, values = colours.shape
    return ops.reshape(colours, (-1, patches, values // channels, channels))
