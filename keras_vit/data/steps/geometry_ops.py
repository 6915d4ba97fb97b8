"""RandAugment's operations that move or cover pixels: `uint8` `(H, W, C)` each.

As in the official TensorFlow code, the nearest pixel is taken, and what comes from
outside the image gets the value `fill`.

Reference: [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719); the operations of
big_vision's `pp/autoaugment.py`.
"""

import tensorflow as tf


def rotate(image, radians: float, fill: int):
    """Turns counter-clockwise about the middle."""

    def coefficients(height, width):
        sine, cosine = tf.sin(radians), tf.cos(radians)
        right = (width - (cosine * width - sine * height)) / 2
        down = (height - (sine * width + cosine * height)) / 2
        return cosine, -sine, right, sine, cosine, down

    return _gathered(image, coefficients, fill)


def shear_x(image, level: float, fill: int):
    """Row y of the result starts at column `level * y` of the image."""
    return affine(image, [1.0, level, 0.0, 0.0, 1.0, 0.0], fill)


def shear_y(image, level: float, fill: int):
    """Column x of the result starts at row `level * x` of the image."""
    return affine(image, [1.0, 0.0, 0.0, level, 1.0, 0.0], fill)


def affine(image, coefficients, fill: int):
    """The pixel (x, y) of the result is (a x + b y + c, d x + e y + f) of the image.

    The same as `ImageProjectiveTransformV3` with the nearest pixel, at a fraction of
    the time: that computes the place of each channel anew, and for every image.

    Args:
        image: `uint8` tensor `(H, W, C)`.
        coefficients: (a, b, c, d, e, f), numbers.
        fill: Value of what lies outside.
    """
    return _gathered(image, lambda height, width: coefficients, fill)


def _gathered(image, coefficients, fill):
    """`affine`, its coefficients a function of the last pixel's coordinates."""
    height, width, channels = image.shape
    if None in (height, width):
        place = _places(*tf.unstack(tf.shape(image)[:2]), coefficients)
    else:
        # Not in the graph, which would do it anew for every image.
        with tf.init_scope():
            place = _places(height, width, coefficients).numpy()
    pixels = tf.reshape(image, [-1, channels])
    border = tf.fill([1, channels], tf.cast(fill, image.dtype))
    # Not tf.gather, which is half as fast with so short rows.
    return tf.gather_nd(tf.concat([pixels, border], 0), place[..., None])


def _places(height, width, coefficients):
    """Which pixel of the image each one of the result is: `int32` `(H, W)`.

    Counted row by row; the number of pixels stands for all that is outside.
    """
    outside = tf.cast(height * width, tf.float32)  # exact up to 16 megapixels
    height, width = (tf.cast(length - 1, tf.float32) for length in (height, width))
    a, b, c, d, e, f = coefficients(height, width)
    x = tf.range(width + 1.0)[None]
    y = tf.range(height + 1.0)[:, None]
    column, row = a * x + b * y + c, d * x + e * y + f
    # C's `round` goes away from zero, so -0.5 is outside.
    inside = (column > -0.5) & (column < width + 0.5)
    inside &= (row > -0.5) & (row < height + 0.5)
    place = tf.floor(row + 0.5) * (width + 1.0) + tf.floor(column + 0.5)
    return tf.cast(tf.where(inside, place, outside), tf.int32)


def translate(image, right: int, down: int, fill: int):
    """Moves by whole pixels, `right` and `down` (of any sign)."""
    for axis, by in enumerate((down, right)):
        if by == 0:
            continue
        shape = tf.unstack(tf.shape(image))
        gap = tf.minimum(abs(by), shape[axis])
        begin, size = [0, 0, 0], [-1, -1, -1]
        begin[axis] = gap if by < 0 else 0
        size[axis] = shape[axis] - gap
        rest = tf.slice(image, begin, size)
        shape[axis] = gap
        border = tf.fill(tf.stack(shape), tf.cast(fill, image.dtype))
        image = tf.concat([border, rest] if by > 0 else [rest, border], axis)
    return image


def cutout(image, half_size: int, center, fill: int):
    """Covers a square with sides of twice `half_size` pixels around a place.

    Args:
        image: `uint8` tensor `(H, W, C)`.
        half_size: Integer, pixels.
        center: (row, column), `int32` tensor `(2,)`. The square may reach outside.
        fill: Value of the square.
    """
    shape, center = tf.shape(image), tf.convert_to_tensor(center)
    top, left = tf.unstack(tf.maximum(center - half_size, 0))
    bottom, right = tf.unstack(tf.minimum(center + half_size, shape[:2]))
    square = tf.fill([bottom - top, right - left, shape[2]], tf.cast(fill, image.dtype))
    # Put together from pieces: to write into a copy takes four times as long.
    rows = image[top:bottom]
    rows = tf.concat([rows[:, :left], square, rows[:, right:]], 1)
    return tf.concat([image[:top], rows, image[bottom:]], 0)
