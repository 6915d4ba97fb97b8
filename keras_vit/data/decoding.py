"""Encoded images to pixels: one decoder for training, evaluation and prediction.

TensorFlow decodes JPEG (also CMYK and grey), PNG, GIF and plain WebP inside the graph.
Pillow decodes the rest: BMP, TIFF, WebP with transparency, animation or metadata, HEIC
with `pillow-heif`; and it reads the EXIF rotation. Both give the same pixels for JPEG,
because `INTEGER_ACCURATE` is the transform that Pillow uses too; TensorFlow's default
differs by up to ten levels.
"""

import functools

import numpy as np
import tensorflow as tf

from keras_vit.data.pillow_decoding import BACKGROUND, orientation, pillow_pixels

# Pixels decoded around a window and then cut off: a JPEG may hold its colours at half
# the resolution, and to interpolate them takes their neighbours.
MARGIN = 2
JPEG = b"\xff\xd8\xff"  # how these files begin


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
    data = _tensor(data)
    image = tf.cond(
        _is_upright_jpeg(data),
        lambda: _decode_jpeg(data, num_channels),
        lambda: _decode_any(data, num_channels),
    )
    return _of_channels(image, num_channels)


def _of_channels(image, num_channels):
    image.set_shape([None, None, num_channels])
    return image


def _tensor(data):
    """A tensor also from `bytes`, which would become a constant of the traced function.

    Such a constant damaged the heap of TensorFlow 2.21, seen with an animated WebP.
    """
    return tf.convert_to_tensor(data, tf.string)


def decode_window(data, window, num_channels: int | None = None):
    """Decodes a part of an image: the same pixels that `decode` gives there.

    Of a whole JPEG that needn't be turned, little more than the part is decoded.

    Args:
        data: As for `decode`.
        window: Function from the image's height and width (scalar `int32`) to (top,
            left, height, width), `int32` `(4,)`.
        num_channels: As for `decode`.

    Returns:
        `uint8` tensor `(height, width, C)`.
    """
    data = _tensor(data)
    # A file that was cut short must fail wherever the window lies.
    end = tf.strings.substr(data, tf.maximum(tf.strings.length(data) - 2, 0), 2)
    image = tf.cond(
        _is_upright_jpeg(data) & (end == b"\xff\xd9"),
        lambda: _decode_jpeg_window(data, window, num_channels),
        lambda: cut(_decode_any(data, num_channels), window),
    )
    return _of_channels(image, num_channels)


def cut(image, window):
    """The part of a decoded image that `window` says; see `decode_window`."""
    shape = tf.shape(image)
    top, left, height, width = tf.unstack(window(shape[0], shape[1]))
    return tf.slice(image, [top, left, 0], [height, width, -1])


def _decode_jpeg(data, num_channels):
    """Of a JPEG that needn't be turned."""
    # Grey repeated by the decoder is as `to_channels` does it; its grey of colours not.
    channels = 3 if num_channels == 3 else 0
    image = tf.io.decode_jpeg(data, channels, dct_method="INTEGER_ACCURATE")
    return image if num_channels is None else to_channels(image, num_channels)


def _decode_jpeg_window(data, window, num_channels):
    size = tf.io.extract_jpeg_shape(data)[:2]
    begin, extent = tf.split(window(size[0], size[1]), 2)
    before = tf.minimum(begin, MARGIN)
    after = tf.minimum(size - begin - extent, MARGIN)
    wider = tf.concat([begin - before, before + extent + after], 0)
    channels = 3 if num_channels == 3 else 0
    image = tf.io.decode_and_crop_jpeg(
        data, wider, channels, dct_method="INTEGER_ACCURATE"
    )
    image = tf.slice(image, tf.pad(before, [[0, 1]]), tf.concat([extent, [-1]], 0))
    return image if num_channels is None else to_channels(image, num_channels)


def _is_upright_jpeg(data):
    head = tf.strings.substr(data, 0, 32)
    # The EXIF block comes first, or straight after an 18-byte JFIF block.
    tagged = tf.strings.regex_full_match(head, r"\C{6}(\C{18})?Exif\C*")
    upright = tf.cond(
        tagged,
        lambda: tf.numpy_function(_is_upright, [data], tf.bool, stateful=False),
        lambda: tf.constant(True),
    )
    return (tf.strings.substr(head, 0, 3) == JPEG) & upright


def _is_upright(data):
    return orientation(data) == 1


# Traced once for all pipelines. Laid out in every graph that decodes, the nodes of its
# idle branches would take a tenth of a millisecond for each image.
@functools.partial(
    tf.function, autograph=False, experimental_attributes={"_noinline": True}
)
def _decode_any(data, num_channels):
    """Of any format, upright."""
    head = tf.strings.join([tf.strings.substr(data, 0, 32), " " * 32])
    jpeg = tf.strings.substr(head, 0, 3) == JPEG
    png = tf.strings.substr(head, 0, 4) == b"\x89PNG"
    gif = tf.strings.substr(head, 0, 4) == b"GIF8"
    # Animations are left to Pillow: TensorFlow 2.21 writes past their buffer.
    webp = tf.reduce_any(tf.strings.substr(head, 8, 8) == [b"WEBPVP8 ", b"WEBPVP8L"])
    if not hasattr(tf.io, "decode_webp"):
        webp = tf.constant(False)
    image = tf.case(
        [
            (jpeg, lambda: _upright(_decode_jpeg(data, None), data)),
            (png, lambda: _over_background(tf.io.decode_png(data))),
            (gif, lambda: _first_frame(tf.io.decode_gif(data))),
            (webp, lambda: _decode_webp(data)),
        ],
        default=lambda: _decode_with_pillow(data),
        exclusive=True,
    )
    image.set_shape([None, None, None])
    return image if num_channels is None else to_channels(image, num_channels)


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


def _upright(image, data):
    turned = tf.numpy_function(_turned, [image, data], tf.uint8, stateful=False)
    turned.set_shape([None, None, None])
    return turned


def _turned(image: np.ndarray, data) -> np.ndarray:
    """Applies the EXIF rotation: tags 2 to 8 are the mirrored and rotated ones."""
    tag = orientation(data)
    if tag > 4:
        image = image.transpose(1, 0, 2)
    if tag in (2, 3, 6, 7):  # 5 is done with the transposition
        image = image[:, ::-1]
    if tag in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


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
