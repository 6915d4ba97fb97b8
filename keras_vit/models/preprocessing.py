"""Scales pixels to the values that models expect, and those to what weights want."""

import numpy as np
from keras import ops

from keras_vit.checkpoints.preparation import SCALINGS
from keras_vit.common.checks import is_number
from keras_vit.common.wording import hint

FROM_WEIGHTS = "weights"  # the value of `input_scaling` that leaves it to the weights


def preprocess_input(x):
    """Scales pixels from `[0, 255]` to `[-1, 1]`, what every model here expects.

    `x / 127.5 - 1`; no mean or standard deviation is involved.

    Args:
        x: Array or tensor of pixels in `[0, 255]`, any shape, integers or floats.

    Returns:
        The same shape; floats stay in their type, integers become float32.

    Example:

    >>> keras_vit.preprocess_input(np.array([0, 255], "uint8"))

    Reference: `vit_jax/input_pipeline.py`.
    """
    x = ops.convert_to_tensor(x)
    if not ops.is_tensor(x) or "float" not in str(x.dtype):
        x = ops.cast(x, "float32")
    return x / 127.5 - 1.0


def resolve_scaling(scaling, num_channels):
    """`input_scaling` of a constructor as what its model keeps.

    Args:
        scaling: `None`; one of `SCALINGS`; or a pair `(mean, deviation)` of numbers or
            sequences of one number for each channel. Three numbers for images of one
            channel are replaced by their mean, as in timm. `"weights"`, where there
            are none, is `None`.
        num_channels: Integer, of the images.

    Returns:
        `[[mean, ...], [deviation, ...]]`, or `None` where images in [-1, 1] need no
        scaling.

    Raises:
        ValueError: if the name is unknown, or the numbers do not fit.
    """
    if scaling is None:
        return None
    if isinstance(scaling, str):
        if scaling == FROM_WEIGHTS:
            return None
        if scaling not in SCALINGS:
            raise ValueError(
                f"`input_scaling` must be one of {', '.join(map(repr, SCALINGS))}, "
                "`(mean, deviation)` of images in [0, 1], None, or 'weights' for what "
                f"the weights were trained with. Received: input_scaling={scaling!r}."
                f"{hint(scaling, (*SCALINGS, FROM_WEIGHTS))}"
            )
        scaling = SCALINGS[scaling]
    try:
        mean, deviation = scaling
    except (TypeError, ValueError):
        raise ValueError(
            "`input_scaling` must be a pair `(mean, deviation)`, each a number or one "
            f"number for each channel. Received: input_scaling={scaling!r}"
        ) from None
    mean = _each_channel(mean, num_channels, scaling)
    deviation = _each_channel(deviation, num_channels, scaling)
    fits = all(0 <= m <= 1 for m in mean) and all(0 < d < np.inf for d in deviation)
    if not fits:
        raise ValueError(
            "`input_scaling` must have means in [0, 1] and deviations above 0, in "
            "units of images in [0, 1]: divide those of pixels in [0, 255] by 255. "
            f"Received: mean={mean}, deviation={deviation}"
        )
    return None if {*mean, *deviation} == {0.5} else [mean, deviation]


def _each_channel(values, num_channels, scaling):
    """A number, or a sequence of them, as one float for each channel."""
    numbers = [values] if is_number(values) else values
    try:
        numbers = [float(v) if is_number(v) else None for v in numbers]
    except TypeError:
        numbers = []
    if not numbers or None in numbers:
        raise ValueError(
            "`input_scaling` must be a pair `(mean, deviation)`, each a number or one "
            f"number for each channel. Received: input_scaling={scaling!r}"
        )
    if len(numbers) == 3 and num_channels == 1:
        numbers = [sum(numbers) / 3]
    if len(set(numbers)) == 1:
        return numbers[:1] * num_channels
    if len(numbers) != num_channels:
        raise ValueError(
            "`input_scaling` must have one number for each channel of the images. "
            f"Received: {len(numbers)} numbers {tuple(numbers)} for images of "
            f"{num_channels} channels. Pass `input_scaling=(mean, deviation)` with "
            f"{num_channels} numbers each, or None for images that need no scaling."
        )
    return numbers


def scaling_text(scaling):
    """The kept `input_scaling` of a model, for people."""
    mean, deviation = (", ".join(f"{n:g}" for n in each) for each in scaling)
    return f"mean {mean}; deviation {deviation}"
