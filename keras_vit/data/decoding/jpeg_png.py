"""The image decoder that training, evaluation and prediction share.

TensorFlow decodes plain JPEG and PNG files, and Pillow, from inside the graph, all that
needs a second look: files that must be turned, transparency, animations, other formats.
Both give the same pixels for JPEG, because `INTEGER_ACCURATE` is the transform that
Pillow uses too; TensorFlow's default differs by up to ten levels.

Files of many pixels or scans are left to Pillow, too, which refuses what is too much.

The two lie in the branches of a `cond`. All nodes of the idle branch cost time, a tenth
of a millisecond for some dozens: so each has as few as it can.
"""

import math

import tensorflow as tf

from keras_vit.data.decoding.limits import LARGE, MAX_SCANS, START_OF_SCAN, max_pixels
from keras_vit.data.decoding.pillow import orientation, pillow_pixels, pillow_size

# Pixels decoded around a window and then cut off: a JPEG may hold its colours at half
# the resolution, and to interpolate them takes their neighbours.
MARGIN = 2
MOST_OF_TENSORFLOW = 2**29 // 3 - 1  # pixels of colour that its operation decodes
JPEG = b"\xff\xd8\xff"  # how these files begin
# Patterns know bytes above 127 as \C only. An EXIF block comes first, or straight after
# an 18-byte JFIF block.
TAGGED = r"\C{6}(\C{18})?Exif\C*"
# Grey or coloured, with the pixels straight after the header: nothing is transparent.
OPAQUE_PNG = r"\CPNG\C{{12}}{side}{side}\C[\x00\x02]\C{{11}}IDAT\C*"


def decode(data, num_channels: int | None = None):
    """Decodes one image, upright, in the graph or eagerly.

    Args:
        data: Scalar string tensor: the bytes of a JPEG, PNG, GIF or WebP (the first
            frame of an animation), BMP, TIFF or HEIC file.
        num_channels: 1, 3 or None for those that the image has.

    Returns:
        `uint8` tensor `(H, W, C)`. Transparency is laid over white, 16 bits become 8.

    Raises:
        tf.errors.OpError: if the file is broken; eagerly, perhaps a ValueError.
    """
    data = _tensor(data)
    head = tf.strings.substr(data, 0, 64)
    plain = tf.cond(
        _is_jpeg(head),
        lambda: _is_plain_jpeg(data, head, num_channels),
        lambda: tf.strings.regex_full_match(head, _plain_png()),
    )
    channels = _decoder_channels(num_channels)
    image = tf.cond(
        plain,
        # The operation reads PNG, too.
        lambda: tf.io.decode_jpeg(data, channels, dct_method="INTEGER_ACCURATE"),
        lambda: _by_pillow(data, num_channels),
    )
    return _of_channels(image, num_channels)


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
    head = tf.strings.substr(data, 0, 64)
    plain = tf.cond(
        _is_jpeg(head) & (end == b"\xff\xd9"),
        lambda: _is_plain_jpeg(data, head, num_channels),
        lambda: tf.constant(False),
    )
    size = tf.cond(
        plain,
        lambda: tf.io.extract_jpeg_shape(data),
        lambda: tf.numpy_function(pillow_size, [data], tf.int32, stateful=False),
    )
    size.set_shape([3])
    size = size[:2]
    begin, extent = tf.split(window(size[0], size[1]), 2)
    before = tf.minimum(begin, MARGIN)
    after = tf.minimum(size - begin - extent, MARGIN)
    wider = tf.concat([begin - before, before + extent + after], 0)
    channels = _decoder_channels(num_channels)
    image = tf.cond(
        plain,
        lambda: tf.io.decode_and_crop_jpeg(
            data, wider, channels, dct_method="INTEGER_ACCURATE"
        ),
        lambda: _by_pillow(data, num_channels, wider),
    )
    image.set_shape([None, None, channels or None])
    image = tf.slice(image, tf.pad(before, [[0, 1]]), tf.concat([extent, [-1]], 0))
    return _of_channels(image, num_channels)


def data_of(item):
    """The encoded image of an example, read if it is a file; or its pixels."""
    return tf.io.read_file(item["file"]) if "file" in item else item["data"]


def pixels_of(item, num_channels, window=None):
    """`uint8` pixels `(H, W, num_channels)` of a file, or encoded or decoded image.

    With a `window`, those of a part of it; see `decode_window`.
    """
    data = data_of(item)
    if data.dtype == tf.string:
        # The decoder repeats grey at once; converting later takes a `cond` per image.
        if window is None:
            return decode(data, num_channels)
        return decode_window(data, window, num_channels)
    image = data
    if window is not None:
        top, left, height, width = tf.unstack(window(*tf.unstack(tf.shape(data)[:2])))
        image = tf.slice(data, [top, left, 0], [height, width, -1])
    return image if num_channels is None else to_channels(image, num_channels)


def _decoder_channels(num_channels):
    # Grey repeated by the decoder is as `to_channels` does it; its grey of colours not.
    return 3 if num_channels == 3 else 0


def _of_channels(image, num_channels):
    image.set_shape([None, None, 3 if num_channels == 3 else None])
    return image if num_channels is None else to_channels(image, num_channels)


def _tensor(data):
    """A tensor also from `bytes`, which would become a constant of the traced function.

    Such a constant damaged the heap of TensorFlow 2.21, seen with an animated WebP.
    """
    return tf.convert_to_tensor(data, tf.string)


def _by_pillow(data, num_channels, *window):
    arguments = [data, num_channels or 0, *window]
    return tf.numpy_function(pillow_pixels, arguments, tf.uint8, stateful=False)


def _is_jpeg(head):
    return tf.strings.substr(head, 0, 3) == JPEG


def _is_plain_jpeg(data, head, num_channels):
    """Whether a JPEG needn't be turned, and isn't suspiciously large or slow."""
    size = tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64)
    most = LARGE if num_channels == 1 else MOST_OF_TENSORFLOW
    small = tf.reduce_prod(size) <= min(most, max_pixels())
    scans = tf.raw_ops.StringSplitV2(
        input=data[None], sep=START_OF_SCAN, maxsplit=MAX_SCANS + 1
    )
    upright = tf.cond(
        tf.strings.regex_full_match(head, TAGGED),
        lambda: tf.numpy_function(_is_upright, [data], tf.bool, stateful=False),
        lambda: tf.constant(True),
    )
    return small & (scans.shape[1] <= MAX_SCANS + 1) & upright


def _plain_png():
    """The pattern of opaque PNG files of few pixels: both sides below a power of 2."""
    bits = (math.isqrt(min(LARGE, max_pixels())).bit_length() or 1) - 1
    zeros, last = (r"\x00\x00", r"\C") if bits >= 8 else (r"\x00\x00\x00", "")
    side = rf"{zeros}[\x00-\x{2 ** (bits % 8) - 1:02x}]{last}"
    return OPAQUE_PNG.format(side=side)


def _is_upright(data):
    return orientation(data) == 1


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
