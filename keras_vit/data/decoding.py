"""Encoded images to pixels: one decoder for training, evaluation and prediction.

TensorFlow decodes JPEG (also CMYK and grey), PNG, GIF and plain WebP inside the graph.
Pillow decodes the rest: BMP, TIFF, WebP with transparency, animation or metadata, HEIC
with `pillow-heif`; and it reads the EXIF rotation. Both give the same pixels for JPEG,
because `INTEGER_ACCURATE` is the transform that Pillow uses too; TensorFlow's default
differs by up to ten levels.
"""

import functools
import io

import numpy as np
import tensorflow as tf

BACKGROUND = 255  # transparent pixels show this grey level: white

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def decode(data, num_channels: int | None = None):
    """Decodes one image, upright, in the graph or eagerly.

    Args:
        data: Scalar string tensor: the bytes of a JPEG, PNG, GIF or WebP (the first
            frame of an animation), BMP, TIFF or HEIC file.
        num_channels: 1, 3 or None for those that the image has.

    Returns:
        `uint8` tensor `(H, W, C)`. Transparency is laid over white, 16 bits become 8.

    Raises:
        tf.errors.OpError: if the file is broken (eagerly, and in a graph when it runs).
    """
    image = _decode(data)
    return image if num_channels is None else to_channels(image, num_channels)


@functools.partial(tf.function, autograph=False)  # traced once for all pipelines
def _decode(data):
    head = tf.strings.join([tf.strings.substr(data, 0, 32), " " * 32])
    jpeg = tf.strings.substr(head, 0, 3) == b"\xff\xd8\xff"
    png = tf.strings.substr(head, 0, 4) == b"\x89PNG"
    gif = tf.strings.substr(head, 0, 4) == b"GIF8"
    # Animations are left to Pillow: TensorFlow 2.21 writes past their buffer.
    webp = tf.reduce_any(tf.strings.substr(head, 8, 8) == [b"WEBPVP8 ", b"WEBPVP8L"])
    if not hasattr(tf.io, "decode_webp"):
        webp = tf.constant(False)
    image = tf.case(
        [
            (jpeg, lambda: _decode_jpeg(data, head)),
            (png, lambda: _over_background(tf.io.decode_png(data))),
            (gif, lambda: _first_frame(tf.io.decode_gif(data))),
            (webp, lambda: _decode_webp(data)),
        ],
        default=lambda: _decode_with_pillow(data),
        exclusive=True,
    )
    image.set_shape([None, None, None])
    return image


def to_channels(images, num_channels: int):
    """Makes images grey or coloured: `(..., C)` to `(..., num_channels)`, same dtype.

    Grey is repeated three times; colours are weighted by their brightness (ITU-R 601).
    """
    channels = images.shape[-1]
    if channels == num_channels:
        return images
    if channels is None:
        convert = _to_grey if num_channels == 1 else _to_colour
        same = tf.shape(images)[-1] == num_channels
        images = tf.cond(same, lambda: images, lambda: convert(images))
        images.set_shape(images.shape[:-1] + [num_channels])
        return images
    return _to_grey(images) if num_channels == 1 else _to_colour(images)


def _to_colour(images):
    return tf.repeat(images, 3, axis=-1)


def _to_grey(images):
    weights = tf.constant([0.299, 0.587, 0.114])
    grey = tf.reduce_sum(tf.cast(images, tf.float32) * weights, -1, keepdims=True)
    return tf.cast(tf.round(grey), images.dtype) if images.dtype.is_integer else grey


def _decode_jpeg(data, head):
    image = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE")
    # The EXIF block comes first, or straight after an 18-byte JFIF block.
    first, second = (tf.strings.substr(head, i, 4) for i in (6, 24))
    tagged = (first == b"Exif") | (second == b"Exif")
    return tf.cond(tagged, lambda: _upright(image, data), lambda: image)


def _upright(image, data):
    turned = tf.numpy_function(_turned, [image, data], tf.uint8, stateful=False)
    turned.set_shape([None, None, None])
    return turned


def _turned(image: np.ndarray, data) -> np.ndarray:
    """Applies the EXIF rotation: tags 2 to 8 are the mirrored and rotated ones."""
    tag = _orientation(_as_bytes(data))
    if tag > 4:
        image = image.transpose(1, 0, 2)
    if tag in (2, 3, 6, 7):  # 5 is done with the transposition
        image = image[:, ::-1]
    if tag in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def _as_bytes(data) -> bytes:
    """What `numpy_function` hands over: bytes in a graph, a 0-d array eagerly."""
    return data.item() if isinstance(data, np.ndarray) else data


def _orientation(data: bytes) -> int:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            tag = image.getexif().get(0x0112, 1)
    except Exception:  # a broken EXIF block doesn't break the picture
        tag = 1
    return tag if tag in range(1, 9) else 1


def _first_frame(frames):
    return frames[0]


def _decode_webp(data):
    # Still pictures too come as one frame; channels must be those of the file.
    return _over_background(_first_frame(tf.io.decode_webp(data)))


def _over_background(image):
    """Drops the alpha channel: what is transparent shows the background."""
    channels = tf.shape(image)[-1]
    even = tf.equal(channels % 2, 0)  # grey + alpha, or colours + alpha
    return tf.cond(even, lambda: _blend(image), lambda: image)


def _blend(image):
    colours = tf.cast(image[..., :-1], tf.int32)
    alpha = tf.cast(image[..., -1:], tf.int32)
    blended = colours * alpha + BACKGROUND * (255 - alpha)
    return tf.cast((blended + 127) // 255, tf.uint8)


def _decode_with_pillow(data):
    image = tf.numpy_function(pillow_pixels, [data], tf.uint8, stateful=False)
    image.set_shape([None, None, None])
    return image


def pillow_pixels(data: bytes) -> np.ndarray:
    """Decodes any format that Pillow knows: `uint8` array `(H, W, 1 or 3)`, upright.

    Raises:
        ValueError: if Pillow can't read it, with what to install for HEIC.
    """
    from PIL import Image

    data = _as_bytes(data)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        _register_heif()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return pixels(image)
    except Image.UnidentifiedImageError:
        raise ValueError(
            "not an image, or of a format that nobody here reads"
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
