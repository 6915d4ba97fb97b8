"""RandAugment's operations on the values of pixels: `uint8` `(H, W, C)` each.

All of them are what the official TensorFlow code computes, its peculiarities included;
some are computed by a shorter way. On grey images (C = 1), `color` changes nothing.

Reference: [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719); the operations of
big_vision's `pp/autoaugment.py`.
"""

import functools

import tensorflow as tf


def blend(degenerate, image, factor: float):
    """`degenerate + factor * (image - degenerate)`, clipped and truncated to `uint8`.

    Args:
        degenerate: Tensor that broadcasts to `image`, values in [0, 255].
        image: Tensor of `uint8`, or of `float32` holding whole numbers.
        factor: 0 gives `degenerate`, 1 `image`; beyond 1 extrapolates.
    """
    degenerate = tf.cast(degenerate, tf.float32)
    blended = degenerate + factor * (tf.cast(image, tf.float32) - degenerate)
    if not 0 <= factor <= 1:
        blended = tf.clip_by_value(blended, 0.0, 255.0)
    return tf.cast(blended, tf.uint8)


def invert(image):
    """Black to white and back."""
    return 255 - image


def auto_contrast(image):
    """Stretches each channel to [0, 255]; one of a single value stays as it is."""
    flat = tf.reshape(image, [-1, image.shape[-1]])
    low = tf.cast(tf.reduce_min(flat, 0), tf.float32)
    high = tf.cast(tf.reduce_max(flat, 0), tf.float32)
    scale = tf.where(high > low, 255.0 / tf.maximum(high - low, 1.0), 1.0)
    offset = tf.where(high > low, -low * scale, 0.0)
    stretched = _per_channel(image, lambda x, a, b: x * a + b, scale, offset)
    return tf.cast(tf.clip_by_value(stretched, 0.0, 255.0), tf.uint8)


def equalize(image):
    """Makes the values of each channel about equally frequent."""
    channels = image.shape[-1]
    offset = tf.range(channels) * 256
    values = _per_channel(image, lambda x, a: x + a, offset, dtype=tf.int32)
    values = tf.reshape(values, [-1])
    # Not tf.math.bincount, which looks for the largest value first.
    one_each = tf.zeros([0], tf.int32)
    counts = tf.raw_ops.DenseBincount(
        input=values, size=channels * 256, weights=one_each
    )
    counts = tf.reshape(counts, [channels, 256])
    table = tf.cast(tf.reshape(_equal_shares(counts), [-1]), tf.uint8)
    # Not tf.gather, which is half as fast with single numbers.
    return tf.reshape(tf.gather_nd(table, values[:, None]), tf.shape(image))


def _equal_shares(counts):
    """The new value of each value, `(C, 256)`, from their frequencies."""
    below = tf.cumsum(counts, 1, exclusive=True)
    # All pixels but those of the largest value used: past it, all of them are below.
    others = tf.where(below < tf.reduce_sum(counts, 1, keepdims=True), below, 0)
    step = tf.reduce_max(others, 1, keepdims=True) // 255  # (C, 1)
    shares = tf.minimum((below + step // 2) // tf.maximum(step, 1), 255)
    return tf.where(step == 0, tf.range(256), shares)


def posterize(image, bits: int):
    """Keeps the `bits` most significant bits; of none, TensorFlow's shift keeps one."""
    lost = min(8 - bits, 7)
    return tf.bitwise.bitwise_and(image, 256 - 2**lost) if lost > 0 else image


def solarize(image, threshold: int):
    """Inverts all values from a threshold on.

    The threshold is a `uint8` in the official code, where 256 is 0: at magnitude 10,
    everything is inverted (google-research/big_vision, issue 110).
    """
    threshold %= 256
    if threshold == 0:
        return invert(image)
    # `x ^ 255` is `255 - x`; unlike tf.where, this is done for many pixels at a time.
    mask = tf.cast(image >= threshold, tf.uint8) * 255
    return tf.bitwise.bitwise_xor(image, mask)


def solarize_add(image, addition: int, threshold: int = 128):
    """Adds to all values below a threshold."""
    room = tf.minimum(255 - image, tf.cast(min(addition, 255), tf.uint8))
    return image + tf.cast(image < threshold, tf.uint8) * room


def color(image, factor: float):
    """From grey (0) to the image (1) to stronger colours."""
    if image.shape[-1] == 1:
        return image
    # As `tf.image.rgb_to_grayscale`, which scales to [0, 1], and back by 255.5.
    weights = tf.constant([0.2989, 0.5870, 0.1140]) * (255.5 / 255)
    pixels = tf.reshape(tf.cast(image, tf.float32), [-1, 3])
    grey = tf.floor(tf.matmul(pixels, tf.tile(weights[:, None], [1, 3])))
    return tf.reshape(blend(grey, pixels, factor), tf.shape(image))


def contrast(image, factor: float):
    """From one grey (0) to the image (1) to more contrast.

    The grey should be the image's mean. The official code takes the number of pixels
    over 256 instead, at most 255: 196 at 224x224 pixels. All published runs did so.
    """
    shape = tf.shape(image)
    grey = tf.cast(tf.minimum(shape[0] * shape[1] // 256, 255), tf.float32)
    return blend(grey, image, factor)


def brightness(image, factor: float):
    """From black (0) to the image (1) to brighter."""
    return blend(0.0, image, factor)


def sharpness(image, factor: float):
    """From blurred (0) to the image (1) to sharper; the outermost pixels stay."""
    channels = image.shape[-1]
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13.0
    kernel = tf.tile(kernel[:, :, None, None], [1, 1, channels, 1])
    pixels = tf.cast(image, tf.float32)
    blurred = _convolved(pixels, kernel)
    blurred = tf.floor(tf.clip_by_value(blurred, 0.0, 255.0))
    inner = blend(blurred, pixels[1:-1, 1:-1], factor)
    middle = tf.concat([image[1:-1, :1], inner, image[1:-1, -1:]], 1)
    return tf.concat([image[:1], middle, image[-1:]], 0)


# A call of its own, which TensorFlow optimises. In a branch it takes the slower one of
# its two convolutions, whose last digits differ from those that are got eagerly.
@functools.partial(
    tf.function, autograph=False, experimental_attributes={"_noinline": True}
)
def _convolved(pixels, kernel):
    return tf.nn.depthwise_conv2d(pixels[None], kernel, [1, 1, 1, 1], "VALID")[0]


def _per_channel(image, function, *values, dtype=tf.float32):
    """`function(image, *values)` with a value per channel, one long row at a time.

    TensorFlow is slow at repeating three numbers, and quick at repeating a row of them.
    """
    shape = tf.shape(image)
    rows = tf.cast(tf.reshape(image, [shape[0], -1]), dtype)
    values = [tf.tile(value, [shape[1]]) for value in values]
    return tf.reshape(function(rows, *values), shape)
