"""Decoding with Pillow: rare formats, EXIF rotation, very large images.

Whatever Pillow or a decoder below it raises, about a file of any content, becomes a
`ValueError` of one line: it is about that file, and must not cost the others.
"""

import contextlib
import io
import os

import numpy as np

from keras_vit.common.regular import check_regular, read_regular
from keras_vit.common.wording import printable, shortened
from keras_vit.data.decoding.limits import (
    LARGE,
    TooManyPixels,
    check_pixels,
    check_scans,
    max_bytes,
    our_limit,
)

BACKGROUND = 255  # transparent pixels show this grey level: white
PIXELS_AT_ONCE = 2**24  # converted at a time, of which Pillow makes several copies
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_POSTSCRIPT = (b"%!PS", b"\xc5\xd0\xd3\xc6")


def check_image_file(path):
    """Raises unless a path is a regular file, of a size that may be an image's.

    Raises:
        NotRegular: a ValueError; see `keras_vit.common.regular`.
    """
    check_regular(path)
    if os.path.getsize(path) > max_bytes():
        read_image_file(path)  # says so


def is_image_file(path) -> bool:
    """Whether `check_image_file` finds nothing wrong."""
    try:
        check_image_file(path)
    except ValueError:
        return False
    return True


def read_image_file(path) -> bytes:
    """The bytes of an image's file.

    Raises:
        NotRegular: a ValueError; see `keras_vit.common.regular`.
    """
    return read_regular(path, max_bytes())


def _as_bytes(data) -> bytes:
    """What `numpy_function` hands over: bytes in a graph, a 0-d array eagerly."""
    return data.item() if isinstance(data, np.ndarray) else data


def orientation(data: bytes) -> int:
    """The EXIF rotation of a file, 1 to 8; 1 is upright, or none, or broken."""
    from PIL import Image

    try:
        with our_limit(), Image.open(io.BytesIO(_as_bytes(data))) as image:
            return orientation_of(image)
    except Exception:  # whoever decodes it says what is wrong
        return 1


def orientation_of(image) -> int:
    """The same of an image of Pillow."""
    try:
        tag = image.getexif().get(0x0112, 1)
    except Exception:  # a broken EXIF block doesn't break the picture
        return 1
    return int(tag) if tag in range(1, 9) else 1


def pillow_pixels(data: bytes, channels: int = 0, window=None) -> np.ndarray:
    """Decodes any format that Pillow knows, upright.

    Args:
        data: The bytes of a file.
        channels: 3, or 0 for those that the image has, 1 or 3; with 1 they may also be
            either, of large images 1.
        window: (top, left, height, width) of the part that is wanted, or `None`.

    Returns:
        `uint8` array `(H, W, C)`.

    Raises:
        ValueError: if Pillow can't read it, with what to install for HEIC.
    """
    with opened(data) as image:
        image.load()
        array = pixels(image)
        if window is not None:
            top, left, height, width = window
            array = array[top : top + height, left : left + width]
    # Outside, where Pillow's own copy of the pixels is gone.
    if channels == 3 and array.shape[-1] == 1:
        array = np.repeat(array, 3, axis=-1)
    if channels == 1 and array.shape[-1] == 3 and array.size > 3 * LARGE:
        array = _grey(array)
    return np.ascontiguousarray(array)


def pillow_size(data: bytes) -> np.ndarray:
    """Height, width and a third number of an image, upright: `int32` `(3,)`."""
    with opened(data) as image:
        return np.array([*upright_size(image), 0], np.int32)


def upright_size(image) -> tuple[int, int]:
    """(height, width) of a Pillow image once it is turned, decoded or not."""
    width, height = image.size
    # Pillow turns TIFF files itself, and has their sizes turned from the first.
    if image.format != "TIFF" and orientation_of(image) > 4:
        return width, height
    return height, width


@contextlib.contextmanager
def opened(data):
    """The Pillow image of a file's bytes or of an open file, its errors explained.

    Yields:
        A `PIL.Image.Image` of as many pixels as are allowed, not yet decoded.

    Raises:
        ValueError: for whatever goes wrong until the block is left.
    """
    from PIL import Image

    data = _as_bytes(data)
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    with explained():
        head = file.read(12)
        file.seek(0)
        if head.startswith(_POSTSCRIPT):
            raise ValueError("PostScript, a program, and no image: it is not run")
        if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
            _register_heif()
        if isinstance(data, bytes):
            check_scans(data)
        with our_limit(), Image.open(file) as image:
            check_pixels(image.height, image.width)
            yield image


@contextlib.contextmanager
def explained():
    """Makes a `ValueError` of one line of whatever a decoder raises in the block."""
    from PIL import Image

    try:
        yield
    except TooManyPixels:
        raise
    except Image.UnidentifiedImageError:
        raise ValueError(
            "not an image, or of a format that this package does not read"
        ) from None
    except MemoryError:
        raise ValueError("there is not enough memory to decode it") from None
    except Exception as error:
        text = _line(error)
        ours = type(error) is ValueError
        raise ValueError(text if ours else f"not a readable image: {text}") from None


def _line(error):
    """What an error of a decoder says, in one line that can be printed."""
    text = " ".join(str(error).split()) or type(error).__name__
    return shortened(printable(text), 300)


def pixels(image) -> np.ndarray:
    """A Pillow image as `uint8` pixels `(H, W, 1 or 3)`, upright, over white."""
    from PIL import Image

    turn = _TURNS.get(orientation_of(image))
    if turn is not None:
        image = image.transpose(Image.Transpose[turn])
    if image.mode in ("I", "F"):
        raise ValueError(
            "Images must have 8 or 16 bits per channel. "
            f"Received: a Pillow image of mode {image.mode!r}. Convert it first."
        )
    rows = max(1, PIXELS_AT_ONCE // max(1, image.width))
    if rows >= image.height:
        return _converted(image)
    array = None
    with our_limit():  # Pillow looks at crops, too
        for top in range(0, image.height, rows):
            bottom = min(top + rows, image.height)
            part = _converted(image.crop((0, top, image.width, bottom)))
            if array is None:
                shape = (image.height, image.width, part.shape[-1])
                array = np.empty(shape, np.uint8)
            array[top:bottom] = part
    return array


# How an image is turned upright, by its EXIF rotation.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def _converted(image):
    from PIL import Image

    if image.mode.startswith("I;16"):
        array = np.asarray(image).astype(np.uint16) >> 8
        return array.astype(np.uint8)[..., None]
    grey = image.mode in GREY_MODES
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (BACKGROUND,) * 3 + (255,))
        image = Image.alpha_composite(ground, image)
    array = np.asarray(image.convert("L" if grey else "RGB"))
    return array[..., None] if grey else array


def _grey(array):
    """As `to_channels` makes it, in less memory than whole images of floats take."""
    grey, rows = np.empty((*array.shape[:2], 1), np.uint8), len(array)
    at_once = max(1, PIXELS_AT_ONCE // array.shape[1])
    red, green, blue = np.float32([0.299, 0.587, 0.114])
    for top in range(0, rows, at_once):
        part = array[top : top + at_once]
        level = part[..., 0] * red + part[..., 1] * green + part[..., 2] * blue
        grey[top : top + at_once, :, 0] = np.rint(level)
    return grey


def _register_heif():
    try:
        import pillow_heif
    except ImportError:
        raise ValueError(
            "HEIC images need pillow-heif: pip install 'keras-vision-transformer[heic]'"
        ) from None
    pillow_heif.register_heif_opener()
