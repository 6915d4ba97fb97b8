"""Operations of RandAugment that move or cover pixels: `uint8` `(H, W, C)` each.

As in the official TensorFlow code, the nearest pixel is taken, and what comes from
outside the image gets the value `fill`.

Reference: [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719); the operations of
big_vision's `pp/autoaugment.py`.
"""

import tensorflow as tf


def rotate(image, radians, fill: int):
    """Turns counter-clockwise about the middle."""
    height, width = _edges(image)
    sine, cosine = tf.sin(radians), tf.cos(radians)
    right = (width - (cosine * width - sine * height)) / 2
    down = (height - (sine * width + cosine * height)) / 2
    return affine(image, [cosine, -sine, right, sine, cosine, down], fill)


def shear_x(image, level, fill: int):
    """Row y of the result starts at column `level * y` of the image."""
    return affine(image, [1.0, level, 0.0, 0.0, 1.0, 0.0], fill)


def shear_y(image, level, fill: int):
    """Column x of the result starts at row `level * x` of the image."""
    return affine(image, [1.0, 0.0, 0.0, level, 1.0, 0.0], fill)


def _edges(image):
    """(H - 1, W - 1) as `float32`: the coordinates of the last pixel."""
    last = tf.cast(tf.shape(image)[:2] - 1, tf.float32)
    return last[0], last[1]


def affine(image, coefficients, fill: int):
    """The pixel (x, y) of the result is (a x + b y + c, d x + e y + f) of the image.

    The same as `ImageProjectiveTransformV3` with the nearest pixel, at a quarter of the
    time: that computes the place of each channel anew.

    Args:
        image: `uint8` tensor `(H, W, C)`.
        coefficients: (a, b, c, d, e, f), numbers or scalar tensors.
        fill: Value of what lies outside.
    """
    a, b, c, d, e, f = coefficients
    shape = tf.shape(image)
    height, width = _edges(image)
    x = tf.range(width + 1.0)[None]
    y = tf.range(height + 1.0)[:, None]
    column, row = a * x + b * y + c, d * x + e * y + f
    # C's `round` goes away from zero, so -0.5 is outside.
    inside = (column > -0.5) & (column < width + 0.5)
    inside &= (row > -0.5) & (row < height + 0.5)
    place = tf.floor(row + 0.5) * (width + 1.0) + tf.floor(column + 0.5)
    outside = tf.cast(shape[0] * shape[1], tf.float32)  # exact up to 16 megapixels
    place = tf.cast(tf.where(inside, place, outside), tf.int32)
    pixels = tf.reshape(image, [-1, image.shape[-1]])
    border = tf.fill([1, image.shape[-1]], tf.cast(fill, image.dtype))
    return tf.gather(tf.concat([pixels, border], 0), place)


def translate(image, right, down, fill: int):
    """Moves by whole pixels, `right` and `down` (scalar integers of any sign)."""
    for axis, by in enumerate((down, right)):
        length = tf.shape(image)[axis]
        by = tf.clip_by_value(tf.cast(by, tf.int32), -length, length)
        begin, size, padding = [0, 0, 0], [-1, -1, -1], [[0, 0], [0, 0], [0, 0]]
        begin[axis], size[axis] = tf.maximum(-by, 0), length - tf.abs(by)
        padding[axis] = [tf.maximum(by, 0), tf.maximum(-by, 0)]
        value = tf.cast(fill, image.dtype)
        image = tf.pad(tf.slice(image, begin, size), padding, constant_values=value)
    return image


def cutout(image, half_size: int, center, fill: int):
    """Covers a square of twice `half_size` pixels about a place.

    Args:
        image: `uint8` tensor `(H, W, C)`.
        half_size: Integer, pixels.
        center: (row, column), `int32` tensor `(2,)`. The square may reach outside.
        fill: Value of the square.
    """
    shape = tf.shape(image)
    top, left = (tf.clip_by_value(center[i] - half_size, 0, shape[i]) for i in (0, 1))
    bottom, right = (tf.minimum(center[i] + half_size, shape[i]) for i in (0, 1))
    square = [bottom - top, right - left, shape[2]]
    middle = tf.concat(
        [
            image[top:bottom, :left],
            tf.fill(square, tf.cast(fill, image.dtype)),
            image[top:bottom, right:],
        ],
        1,
    )
    return tf.concat([image[:top], middle, image[bottom:]], 0)
