"""What is predicted of a patch: the paper's three targets, and how they are laid out.

The pipeline gives for every patch the mean colours of its cells, in [0, 1]; the targets
differ in the cells, and in whether their colours are classes or numbers.
"""

import difflib

from keras import ops

# Cells along each side of a patch; 0 stands for every pixel.
TARGETS = {"mean_colour": 1, "colours_4x4": 4, "pixels": 0}


def check_target(target):
    """Raises a `ValueError` unless there is such a target."""
    if target not in TARGETS:
        close = difflib.get_close_matches(str(target), TARGETS, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"`target` must be one of {', '.join(map(repr, TARGETS))}. "
            f"Received: target={target!r}.{hint}"
        )


def cell_colours(colours, channels):
    """`(B, N, cells * cells * C)` with a row for each cell: `(B, N, cells * cells, C)`.

    Args:
        colours: Tensor of the pipeline's, or a prediction of the target `"pixels"`.
        channels: Integer C.
    """
    _, patches, values = colours.shape
    return ops.reshape(colours, (-1, patches, values // channels, channels))
