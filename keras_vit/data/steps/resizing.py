"""How images are resized: the sizes, and the pixels as TensorFlow or Pillow makes them.

Pillow resizes with antialiasing, first along the rows, then along the columns, and
rounds to whole numbers after each; so does torchvision. Most other projects prepare
images so. (From version 13 on Pillow begins with the columns where that is much less
work, which moves a pixel by a level or a few.)
"""

import tensorflow as tf


def resized(images, size, method, antialias=False):
    """Resized to `float32` in [0, 255], which bicubic and Lanczos overshoot."""
    images = tf.image.resize(images, size, method, antialias=antialias)
    images = tf.cast(images, tf.float32)
    overshoots = method not in ("bilinear", "area", "nearest")
    return tf.clip_by_value(images, 0.0, 255.0) if overshoots else images


def resized_masks(masks, size):
    """Masks `(B, H, W)` resized: the nearest pixel, its centre half a pixel in."""
    return tf.image.resize(masks[..., None], size, "nearest")[..., 0]


def resized_boxes(boxes, size, wanted):
    """Boxes `(B, M, 4)` in pixels of a size as those of another, (height, width)."""
    height, width = (
        tf.cast(new, tf.float32) / tf.cast(old, tf.float32)
        for new, old in zip(wanted, size)
    )
    return boxes * tf.stack([width, height, width, height])


def cut_boxes(boxes, window):
    """Boxes `(B, M, 4)` as they lie in a window of the image, and cut at its edges.

    Args:
        boxes: `float32` tensor: left, top, right, bottom in pixels.
        window: (top, left, height, width), each a number or a tensor `(B,)`.
    """
    top, left, height, width = (
        tf.reshape(tf.cast(value, tf.float32), [-1, 1, 1]) for value in window
    )
    boxes -= tf.concat([left, top, left, top], -1)
    limits = tf.concat([width, height, width, height], -1)
    return tf.clip_by_value(boxes, tf.zeros_like(limits), limits)


def resized_as_pillow(images, size, method):
    """Resized to `uint8`, as Pillow resizes 8-bit images.

    The same pixels but for one level in some, where Pillow's weights, rounded to 22
    bits, or TensorFlow's decide differently about a half.
    """
    images = _whole(images)
    height, width = size
    if method == "nearest":
        return _nearest(_nearest(images, width, 2), height, 1)
    rows = tf.shape(images)[1]
    images = _whole(tf.image.resize(images, (rows, width), method, antialias=True))
    return _whole(tf.image.resize(images, (height, width), method, antialias=True))


def _whole(images):
    if images.dtype == tf.uint8:
        return images
    images = tf.floor(tf.cast(images, tf.float32) + 0.5)
    return tf.cast(tf.clip_by_value(images, 0.0, 255.0), tf.uint8)


def _nearest(images, length, axis):
    share = tf.cast(tf.shape(images)[axis], tf.float64) / tf.cast(length, tf.float64)
    # Added up, as Pillow does: a product takes the neighbour where pixels meet.
    places = tf.cumsum(tf.concat([[share / 2], tf.fill([length - 1], share)], 0))
    return tf.gather(images, tf.cast(tf.floor(places), tf.int32), axis=axis)


def of_smaller_side(height, width, side, down=False):
    """(height, width) with a smaller side of `side`, the aspect ratio kept.

    The other side is rounded to the nearest whole number, or down, as torchvision and
    Hugging Face do.
    """
    small = tf.minimum(height, width)
    if down:
        return [length * side // small for length in (height, width)]
    ratio = tf.cast(side, tf.float32) / tf.cast(small, tf.float32)
    lengths = [tf.cast(length, tf.float32) * ratio for length in (height, width)]
    return [tf.cast(tf.round(length), tf.int32) for length in lengths]


def fitted(height, width, size, fit):
    """(height, width) that covers a size, or is contained in it, aspect ratio kept."""
    lengths = tf.cast(tf.stack([height, width]), tf.float64)
    ratios = lengths / tf.constant(size, tf.float64)
    ratio = tf.reduce_min(ratios) if fit == "cover" else tf.reduce_max(ratios)
    return tf.unstack(tf.cast(tf.maximum(tf.round(lengths / ratio), 1.0), tf.int32))
