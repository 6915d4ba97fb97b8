"""Base classes of steps: small frozen objects that change images or batches."""

import math

from keras_vit.common.checks import is_integer, is_number
from keras_vit.common.wording import hint


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

    def on_masks(self, masks, seeds=None):
        """The masks of the images after the step, with the same draws.

        Steps that move pixels take the nearest one, and 255 where there is none; steps
        on values and steps that cover pixels change nothing.

        Args:
            masks: `uint8` tensor `(B, H, W)`, the class of each pixel, 255 not counted.
            seeds: `uint64` tensor `(B,)`, those of the images.

        Returns:
            `uint8` tensor `(B, height, width)`.

        Raises:
            ValueError: naming the step, if it makes no sense on masks.
        """
        raise refused(self, "masks")

    def on_boxes(self, boxes, size, seeds=None):
        """The boxes of the images after the step, with the same draws.

        Args:
            boxes: `float32` tensor `(B, M, 4)`: left, top, right, bottom in pixels,
                right and bottom exclusive.
            size: (height, width) of the images before the step.
            seeds: `uint64` tensor `(B,)`, those of the images.

        Returns:
            `float32` tensor `(B, M, 4)`. A box outside of what is left of the image has
            no width or no height.

        Raises:
            ValueError: naming the step, if it makes no sense on boxes.
        """
        raise refused(self, "boxes")


class ValueStep(Step):
    """Base of the steps that move no pixel: masks and boxes stay as they are."""

    def on_masks(self, masks, seeds=None):
        return masks

    def on_boxes(self, boxes, size, seeds=None):
        return boxes


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
        """What follows the cut."""
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


def refused(step, what: str) -> ValueError:
    """The error of a step that makes no sense on masks or boxes."""
    return ValueError(
        f"{type(step).__name__} cannot be done on {what}. Leave it out of `augment`."
    )


METHODS = ("bilinear", "nearest", "bicubic", "area")
METHODS += ("lanczos3", "lanczos5", "gaussian", "mitchellcubic")
MODES = ("constant", "reflect", "symmetric")
FORMS = ("big_vision", "bit")
FITS = ("stretch", "cover", "contain")
HALVES = ("down", "even")
PILLOW_METHODS = ("bilinear", "nearest", "bicubic", "lanczos3")


def _whole(least):
    return lambda value: is_integer(value) and value >= least


def _within(low, high):
    return lambda value: is_number(value) and low <= value <= high


def _several(value):
    return value if isinstance(value, tuple) else (value,)


# By field: what it must be, or the choices that there are.
RULES = {
    **dict.fromkeys(
        ("height", "width", "side", "patch_height", "patch_width"),
        (_whole(1), "must be a positive integer, pixels"),
    ),
    "pixels": (_whole(0), "must be an integer, 0 or more, pixels"),
    "num_layers": (_whole(0), "must be an integer, 0 or more"),
    "cells": (_whole(0), "must be 0 (every pixel) or a positive integer"),
    "probability": (_within(0, 1), "must lie in [0, 1]"),
    "value": (_within(0, 255), "must lie in [0, 255]"),
    "magnitude": (lambda value: 0 <= value <= 30, "must lie in [0, 30]"),
    "alpha": (lambda value: value >= 0, "must be 0 or more"),
    "rate": (lambda value: 0 <= value < 1, "must lie in [0, 1)"),
    "corruption_rate": (
        lambda value: 0 < value < 1,
        "must lie between 0 and 1, both excluded",
    ),
    "method": METHODS,
    "mode": MODES,
    "form": FORMS,
    "fit": FITS,
    "halves": HALVES,
    "border": (
        lambda value: (
            all(is_integer(v) and 0 <= v <= 255 for v in _several(value))
            and len(_several(value)) in (1, 3)
        ),
        "must be a whole number in [0, 255], or one for each channel",
    ),
}


def check(step, *fields):
    """Raises unless the fields of a step have values that `RULES` allows."""
    for field in fields:
        value, rule = getattr(step, field), RULES[field]
        if isinstance(rule[0], str):
            # To TensorFlow, the capital letters of a mode are the same.
            known = value in rule or (field == "mode" and str(value).lower() in rule)
            text, meant = f"must be one of {', '.join(rule)}", hint(value, rule)
        else:
            known, text, meant = rule[0](value), rule[1], ""
        if not known:
            raise ValueError(
                f"`{field}` of {type(step).__name__} {text}. "
                f"Received: {field}={value!r}.{meant}"
            )


def check_pillow(step):
    """Raises unless Pillow has the method of a step that resizes as it does."""
    if step.pillow and step.method not in PILLOW_METHODS:
        raise ValueError(
            f"`method` of {type(step).__name__} with pillow=True must be one of "
            f"{', '.join(PILLOW_METHODS)}. Received: method={step.method!r}"
        )


def check_range(step):
    """Raises unless black and white become two different numbers."""
    both = (step.low, step.high)
    if not all(is_number(v) and math.isfinite(v) for v in both) or both[0] == both[1]:
        raise ValueError(
            f"`low` and `high` of {type(step).__name__}, the values of black and "
            f"white, must be two different numbers. Received: low={step.low!r}, "
            f"high={step.high!r}"
        )
