"""How many pixels an image may have: the one place that decides it."""

import contextlib
import os
import threading

VARIABLE = "KERAS_VIT_MAX_PIXELS"
# Of an image in colour, 600 MB once it is decoded. The largest photos of today's
# cameras have 150 million pixels.
DEFAULT = 200_000_000


def max_pixels() -> int:
    """The most pixels that an image may have, height times width.

    The environment variable `KERAS_VIT_MAX_PIXELS`, or 200 million.

    Raises:
        ValueError: if the variable is no positive whole number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT
    digits = text.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:18]) < 2**40):
        raise ValueError(
            f"The environment variable {VARIABLE} must be a positive whole number, the "
            f"most pixels that an image may have. Received: {text!r}. Unset it for "
            f"{DEFAULT:,}."
        )
    return int(digits)


def check_pixels(height: int, width: int):
    """Raises if an image has more pixels than `max_pixels` allows.

    Args:
        height: Integer, pixels.
        width: Integer, pixels.

    Raises:
        ValueError: with the size, the limit and the variable that raises it.
    """
    most = max_pixels()
    if height * width > most:
        raise ValueError(
            f"an image of {height:,} x {width:,} pixels (height x width), "
            f"{height * width:,} in all, more than the limit of {most:,}; set the "
            f"environment variable {VARIABLE} to raise it"
        )


_lock, _inside, _before = threading.Lock(), 0, None


@contextlib.contextmanager
def without_pillow_limit():
    """Within it Pillow has no limit of pixels of its own: ours is asked instead.

    Pillow has one limit for a whole process. Outside it is what the program set.
    """
    from PIL import Image

    global _inside, _before
    with _lock:
        if not _inside:
            _before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _before
