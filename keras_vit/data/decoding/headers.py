"""Size and channels of an image file, from its first bytes."""

import os
import struct
from typing import NamedTuple

from keras_vit.common.regular import NotRegular, open_regular
from keras_vit.data.decoding.limits import check_pixels
from keras_vit.data.decoding.pillow import (
    GREY_MODES,
    opened,
    orientation_of,
    upright_size,
)

FIRST = 1024  # bytes that are read at once; a PNG says all in 26
GREY_PNG = (0, 4)  # kinds of colour: grey, and grey with transparency
# Frames of a JPEG that are no frames: tables of Huffman and arithmetic coding, and JPG.
_NO_FRAME = (0xC4, 0xC8, 0xCC)
_ALONE = (0x01, *range(0xD0, 0xD8))  # markers without a length


class Header(NamedTuple):
    """What the first bytes of an image file say."""

    height: int  # pixels, of the image as it is shown
    width: int
    channels: int  # 1 if it is grey, else 3
    orientation: int  # how EXIF turns or mirrors it, 1 to 8; 1 not, over 4 by a quarter
    num_bytes: int  # of the file


def read_header(path) -> Header:
    """The size of an image and whether it is grey, without decoding it.

    Args:
        path: String or path of a JPEG, PNG or whatever else Pillow knows.

    Raises:
        ValueError: if there is no such file, it is no regular one or no image, or it
            has more pixels than are read; without the file's name.
    """
    try:
        with open_regular(path) as file:
            number = file.fileno()
            found = _of_file(number)
            check_pixels(*found[:2])
            return Header(*found, os.fstat(number).st_size)
    except NotRegular as error:
        raise ValueError(error.reason) from None


def _of_file(number):
    data = os.read(number, FIRST)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) > 25:
        width, height = struct.unpack(">II", data[16:24])
        found = height, width, 1 if data[25] in GREY_PNG else 3, 1
    elif data[:3] == b"\xff\xd8\xff":
        found = _of_jpeg(data, number)
    else:
        found = None
    if found is not None and found[0] and found[1]:
        return found
    return _by_pillow(number)


def _of_jpeg(data, number):
    """(height, width, channels, orientation), or None for what is not understood."""
    begin, place, orientation = 0, 2, 1  # `data` are the bytes from `begin` on
    while True:
        if place + 10 > begin + len(data):
            data, begin = _at(number, place), place
        here = data[place - begin : place - begin + 10]
        if len(here) < 10 or here[0] != 0xFF:
            return None
        marker = here[1]
        if marker == 0xFF or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width, components = struct.unpack(">HHB", here[5:10])
            size = (width, height) if orientation > 4 else (height, width)
            return *size, 1 if components == 1 else 3, orientation
        if marker in (0xD9, 0xDA):
            return None
        # As the decoder does, which looks for the rotation in the first block, or
        # straight after one of 18 bytes.
        if marker == 0xE1 and here[4:8] == b"Exif" and place in (2, 20):
            end = place + 4 + 512
            if end > begin + len(data):
                data, begin = _at(number, place), place
            orientation = _orientation(data[place - begin + 10 :])
        place += 2 + int.from_bytes(here[2:4])


def _at(number, place):
    os.lseek(number, place, os.SEEK_SET)
    return os.read(number, FIRST)


def _orientation(data):
    """How an EXIF block turns or mirrors the image, 1 to 8."""
    order = {b"II": "little", b"MM": "big"}.get(data[:2])
    if order is None:
        return 1
    at = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[at : at + 2], order)
    for entry in range(at + 2, at + 2 + 12 * min(count, 64), 12):
        if int.from_bytes(data[entry : entry + 2], order) == 0x0112:
            found = int.from_bytes(data[entry + 8 : entry + 10], order)
            return found if 1 <= found <= 8 else 1
    return 1


def _by_pillow(number):
    os.lseek(number, 0, os.SEEK_SET)
    with os.fdopen(os.dup(number), "rb") as file:
        return said_by_pillow(file)


def said_by_pillow(data) -> tuple[int, int, int, int]:
    """(height, width, channels, orientation) of a file's bytes or of an open file.

    Raises:
        ValueError: if it cannot be read.
    """
    with opened(data) as image:
        channels = 1 if image.mode in GREY_MODES else 3
        return *upright_size(image), channels, orientation_of(image)
