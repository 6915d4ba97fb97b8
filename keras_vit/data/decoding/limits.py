"""How much an image may claim: pixels, scans, bytes. The one place that decides it."""

import contextlib
import os
import re
import threading

VARIABLE = "KERAS_VIT_MAX_PIXELS"
# Of an image in colour, 600 MB once it is decoded. The largest photos of today's
# cameras have 150 million pixels.
DEFAULT = 200_000_000
# Images of more pixels than this are read with less memory, if a little slower.
LARGE = 2**26
# Scans of a JPEG, each of which goes over the whole image: programs write about ten,
# MozJPEG tries up to 64, and 2,000 hold a thread for 20 seconds.
MAX_SCANS = 100
START_OF_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


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


def max_bytes() -> int:
    """The most bytes of an image's file: 8 for each pixel, 16 bits of four channels."""
    return 8 * max_pixels() + 2**26


class TooManyPixels(ValueError):
    """An image of more pixels than `max_pixels` allows."""


def check_pixels(height: int, width: int):
    """Raises if an image has more pixels than `max_pixels` allows.

    Args:
        height: Integer, pixels.
        width: Integer, pixels.

    Raises:
        ValueError: with the size, the limit and the variable that raises it.
    """
    if height * width > max_pixels():
        raise _too_many(
            f"{height:,} x {width:,} pixels (height x width), {height * width:,} in all"
        )


def _too_many(size):
    return TooManyPixels(
        f"an image of {size}, more than the limit of {max_pixels():,}; set the "
        f"environment variable {VARIABLE} to raise it"
    )


def check_scans(data: bytes):
    """Raises if these are the bytes of a JPEG of more than `MAX_SCANS` scans."""
    if not data.startswith(b"\xff\xd8") or data.count(START_OF_SCAN) <= MAX_SCANS:
        return
    # Films and second images behind the first one may hold these two bytes by chance.
    scans, place = 0, 2
    while found := _MARKER.search(data, place):
        marker, place = found[1], found.end()
        if marker == b"\xd9":  # the end of the image
            break
        scans += marker == START_OF_SCAN[1:]
        place += int.from_bytes(data[place : place + 2], "big")
    if scans > MAX_SCANS:
        raise ValueError(
            f"a JPEG of {scans:,} scans, more than the limit of {MAX_SCANS}; save it "
            "again with an image editor"
        )


class _Limit(int):
    """Pillow refuses what has more than twice its limit, and warns of the rest."""

    def __rmul__(self, other):
        return self


_lock, _inside, _before = threading.Lock(), 0, None


@contextlib.contextmanager
def our_limit():
    """Within it, Pillow has our limit of pixels, also of tiles and frames.

    Pillow has one limit for a whole process. Outside it is what the program set.

    Raises:
        ValueError: as `check_pixels`, where Pillow finds too many pixels.
    """
    from PIL import Image

    global _inside, _before
    with _lock:
        if not _inside:
            _before, Image.MAX_IMAGE_PIXELS = (
                Image.MAX_IMAGE_PIXELS,
                _Limit(max_pixels()),
            )
        _inside += 1
    try:
        yield
    except Image.DecompressionBombError as error:
        count = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_many(
            f"{int(count[1]):,} pixels" if count else "so many pixels"
        ) from None
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _before
