"""Decoding with Pillow: rare formats, and EXIF rotation."""

import contextlib
import io

import numpy as np

BACKGROUND = 255  # transparent pixels show this grey level: white

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def _as_bytes(data) -> bytes:
    """What `numpy_function` hands over: bytes in a graph, a 0-d array eagerly."""
    return data.item() if isinstance(data, np.ndarray) else data


def orientation(data: bytes) -> int:
    """The EXIF rotation of a file, 1 to 8; 1 is upright, or none, or broken."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(_as_bytes(data))) as image:
            tag = image.getexif().get(0x0112, 1)
    except Exception:  # a broken EXIF block doesn't break the picture
        tag = 1
    return tag if tag in range(1, 9) else 1


def pillow_pixels(data: bytes, channels: int = 0, window=None) -> np.ndarray:
    """Decodes any format that Pillow knows, upright.

    Args:
        data: The bytes of a file.
        channels: 3, or 0 for those that the image has, 1 or 3.
        window: (top, left, height, width) of the part that is wanted, or `None`.

    Returns:
        `uint8` array `(H, W, C)`.

    Raises:
        ValueError: if Pillow can't read it, with what to install for HEIC.
    """
    with _opened(data) as image:
        image.load()
        array = pixels(image)
    if window is not None:
        top, left, height, width = window
        array = array[top : top + height, left : left + width]
    if channels == 3 and array.shape[-1] == 1:
        array = np.repeat(array, 3, axis=-1)
    return np.ascontiguousarray(array)


def pillow_size(data: bytes) -> np.ndarray:
    """Height, width and a third number of an image, upright: `int32` `(3,)`."""
    with _opened(data) as image:
        width, height = image.size
    if orientation(data) > 4:
        width, height = height, width
    return np.array([height, width, 0], np.int32)


@contextlib.contextmanager
def _opened(data):
    """The Pillow image of a file's bytes, its errors explained."""
    from PIL import Image

    data = _as_bytes(data)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        _register_heif()
    try:
        with Image.open(io.BytesIO(data)) as image:
            yield image
    except Image.UnidentifiedImageError:
        raise ValueError(
            "not an image, or of a format that this package does not read"
        ) from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a readable image: {error}") from None


def pixels(image) -> np.ndarray:
    """A Pillow image as `uint8` pixels `(H, W, 1 or 3)`, upright, over white."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        array = np.asarray(image).astype(np.uint16) >> 8
        return array.astype(np.uint8)[..., None]
    if image.mode in ("I", "F"):
        raise ValueError(
            "Images must have 8 or 16 bits per channel. "
            f"Received: a Pillow image of mode {image.mode!r}. Convert it first."
        )
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (BACKGROUND,) * 3 + (255,))
        image = Image.alpha_composite(ground, image)
    array = np.asarray(image.convert("L" if grey else "RGB"))
    return array[..., None] if grey else array


def _register_heif():
    try:
        import pillow_heif
    except ImportError:
        raise ValueError(
            "HEIC images need pillow-heif: pip install 'keras-vision-transformer[heic]'"
        ) from None
    pillow_heif.register_heif_opener()
