"""Colours as classes, with three bits per channel."""

from keras import ops

BINS = 8  # of each channel, equally wide

# Of a bin. Means of 8-bit pixels that lie on a border come out up to 2e-6 below it,
# after a normalisation and back; those that don't lie 3e-5 away, up to 32x32 pixels.
_ROUNDING = 1e-5


def colour_classes(colours):
    """The class of each colour: `64 * red + 8 * green + blue`, a digit for each bin.

    The bin of a channel is `min(floor(8 * value), 7)`: its lower border belongs to it,
    and white to the last. Values outside [0, 1] count as black or white.

    Args:
        colours: Float tensor `(..., C)`, values in [0, 1].

    Returns:
        Integer tensor `(...)`, classes in `[0, 8 ** C)`: 512 of RGB, 8 of grey images.

    Example:

    >>> colour_classes(keras.ops.array([[1.0, 0.0, 0.125], [0.99, 0.1, 0.249]]))
    [449, 449]
    """
    bins = ops.floor(colours * BINS + _ROUNDING)
    bins = ops.cast(ops.clip(bins, 0, BINS - 1), "int32")
    channels = colours.shape[-1]
    digits = [BINS**place for place in reversed(range(channels))]
    return ops.sum(bins * ops.array(digits, "int32"), axis=-1)


def bin_colours(classes, channels):
    """The colours in the middle of the bins of classes.

    Args:
        classes: Integer tensor `(...)`, as `colour_classes` gives them.
        channels: Integer, the number of channels C.

    Returns:
        `float32` tensor `(..., C)`, values in (0, 1).
    """
    digits = [classes // BINS**place % BINS for place in reversed(range(channels))]
    return (ops.cast(ops.stack(digits, axis=-1), "float32") + 0.5) / BINS
