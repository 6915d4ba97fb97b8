"""What a step of a pipeline is: small frozen objects that change images or batches."""

import difflib
import math
import numbers


class Step:
    """Base of the steps on images: images in, images out.

    A step takes a batch of images of one size, `(B, H, W, C)` with C 1 or 3 and values
    in [0, 255] (`uint8`, or `float32` after a resize), and one random seed per image, a
    `uint64` tensor `(B,)`; most steps ignore it. Each image gets what it would get
    alone. The fields are plain numbers and strings, so that a list of steps can be
    written down as JSON or as text.

    Attributes:
        batched: Whether it works on a batch at once, or only on batches of one.
        random: Whether it uses the seeds.
        greyscale_first: Whether a grey image may be repeated to three channels after
            the step as well as before it, with the same result.
        moves: Whether it only moves pixels to other places.
        truncates: Whether the first thing that it does is to make them `uint8`. That
            can as well be done before steps that only move them, which costs less.
    """

    batched = True
    random = False
    greyscale_first = True
    moves = False
    truncates = False

    def __call__(self, images, seeds=None):
        raise NotImplementedError

    def output_size(self, size):
        """(H, W) after the step, from (H, W) before it; None where unknown."""
        return size


class Crop(Step):
    """Base of the steps that cut a rectangle out of an image, and may resize it.

    They can say which rectangle before the image is decoded, so that the rest of a JPEG
    need not be.
    """

    def window(self, height, width, seeds):
        """(top, left, height, width) of what is cut out: `int32` `(4,)`.

        Args:
            height: Scalar `int32`, of one whole image.
            width: Scalar `int32`.
            seeds: `uint64` tensor `(1,)`.
        """
        raise NotImplementedError

    def finish(self, images):
        """What follows on the cutting."""
        return images


class BatchStep:
    """Base of the steps on whole batches: they see images and labels together.

    They come after the value range and make integer labels one-hot. Where one draw is
    for the whole batch, its seed is that of the first image.

    Attributes:
        random: Whether it uses the seeds.
        last: Whether no step can follow, because no images and labels come out.
    """

    random = False
    last = False

    def __call__(self, images, labels, num_classes, seeds=None):
        """(images, labels) after the step.

        Args:
            images: `float32` tensor `(B, H, W, C)`.
            labels: Integer tensor `(B,)`, or `float32` `(B, num_classes)`.
            num_classes: Integer.
            seeds: `uint64` tensor `(B,)`, of the images.

        Returns:
            Tensors of the same shapes and dtypes, the labels `float32`
            `(B, num_classes)`.
        """
        raise NotImplementedError


METHODS = (
    *("bilinear", "nearest", "bicubic", "area"),
    *("lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
)
MODES = ("constant", "reflect", "symmetric")


def check_lengths(step, *fields, least=1):
    """Raises unless the fields are integers of `least` or more, pixels."""
    for field in fields:
        value = getattr(step, field)
        if not isinstance(value, numbers.Integral) or value < least:
            kind = "a positive integer" if least else "an integer, 0 or more"
            raise _error(step, field, f"must be {kind}, pixels")


def check_method(step):
    """Raises unless TensorFlow can resize so."""
    _check_name(step, "method", METHODS)


def check_mode(step):
    """Raises unless TensorFlow can pad so."""
    if not isinstance(step.mode, str) or step.mode.lower() not in MODES:
        _check_name(step, "mode", MODES)  # to TensorFlow, capital letters are the same


def check_probability(step):
    """Raises unless the probability is one."""
    if not _is_number(step.probability) or not 0 <= step.probability <= 1:
        raise _error(step, "probability", "must lie in [0, 1]")


def check_pixel(step, field="value"):
    """Raises unless the field is a value that a pixel can have."""
    value = getattr(step, field)
    if not _is_number(value) or not 0 <= value <= 255:
        raise _error(step, field, "must lie in [0, 255]")


def check_range(step):
    """Raises unless black and white become two different numbers."""
    both = (step.low, step.high)
    if not all(map(_is_number, both)) or step.low == step.high:
        raise ValueError(
            f"`low` and `high` of {type(step).__name__}, the values of black and "
            f"white, must be two different numbers. Received: low={step.low!r}, "
            f"high={step.high!r}"
        )


def _is_number(value):
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _check_name(step, field, known):
    name = getattr(step, field)
    if name in known:
        return
    close = difflib.get_close_matches(str(name), known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise _error(step, field, f"must be one of {', '.join(known)}", hint)


def _error(step, field, rule, hint=""):
    return ValueError(
        f"`{field}` of {type(step).__name__} {rule}. "
        f"Received: {field}={getattr(step, field)!r}.{hint}"
    )
