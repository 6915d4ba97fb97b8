"""Steps on the values of pixels."""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.steps.base import ValueStep, check, check_range

ATTEMPTS = 10  # rectangles drawn until one fits; all fail in 1 of 50,000 images


@dataclasses.dataclass(frozen=True)
class RandomErasing(ValueStep):
    """Covers a random rectangle, with noise or with one value. Keeps the dtype.

    Args:
        probability: Of an image to be covered. Defaults to `0.5`.
        area_min: Least share of the image's area. Defaults to `0.02`.
        area_max: Largest share. Defaults to `0.4`.
        aspect_min: Least ratio of height to width; the largest is its inverse. Defaults
            to `0.3`.
        value: The value, in [0, 255], or None for noise, uniform for every pixel and
            channel, which the paper found best.

    Reference: [Zhong et al., 2017](https://arxiv.org/abs/1708.04896), algorithm 1.
    """

    probability: float = 0.5
    area_min: float = 0.02
    area_max: float = 0.4
    aspect_min: float = 0.3
    value: float | None = None

    random = True

    def __post_init__(self):
        check(self, "probability")
        if self.value is not None:
            check(self, "value")
        if not 0 < self.area_min <= self.area_max <= 1 or not 0 < self.aspect_min <= 1:
            raise ValueError(
                "The areas must lie in (0, 1], `area_min` first, and `aspect_min` too. "
                f"Received: area_min={self.area_min}, area_max={self.area_max}, "
                f"aspect_min={self.aspect_min}"
            )

    @property
    def greyscale_first(self):
        return self.value is not None

    def __call__(self, images, seeds=None):
        shape = tf.shape(images)
        covered = self._covered(seeds, shape[1], shape[2])[..., None]
        if self.value is not None:
            return tf.where(covered, tf.cast(self.value, images.dtype), images)
        return tf.where(covered, tf.cast(_noise(seeds, shape), images.dtype), images)

    def _covered(self, seeds, height, width):
        """Which pixels: `bool` `(B, H, W)`."""
        drawn = randomness.uniform(seeds, 1 + 4 * ATTEMPTS)
        erased = drawn[:, 0] < self.probability
        drawn = tf.reshape(drawn[:, 1:], [-1, ATTEMPTS, 4])
        size = tf.cast(tf.stack([height, width]), tf.float32)
        share = self.area_min + (self.area_max - self.area_min) * drawn[..., 0]
        spread = 1 / self.aspect_min - self.aspect_min
        aspect = self.aspect_min + spread * drawn[..., 1]  # height / width
        area = share * size[0] * size[1]
        edges = tf.stack([tf.sqrt(area * aspect), tf.sqrt(area / aspect)], -1)
        edges = tf.floor(edges)  # (B, ATTEMPTS, 2): height, width
        fits = tf.reduce_all(edges < size, -1)
        first = tf.argmax(tf.cast(fits, tf.int32), 1)
        edges = tf.gather(edges, first, batch_dims=1)
        place = tf.gather(drawn[..., 2:], first, batch_dims=1)
        begin = tf.floor(place * (size - edges + 1.0))
        erased &= tf.reduce_any(fits, 1)
        rows = _between(begin[:, :1], edges[:, :1], size[0])
        columns = _between(begin[:, 1:], edges[:, 1:], size[1])
        return erased[:, None, None] & rows[:, :, None] & columns[:, None]


def _between(begin, length, limit):
    places = tf.range(limit)
    return (places >= begin) & (places < begin + length)


def _noise(seeds, shape):
    """Whole numbers in [0, 255] for every pixel and channel: `uint64`."""
    count = tf.cast(shape[1] * shape[2] * shape[3], tf.int64)
    counter = randomness.mix(tf.cast(tf.range(count), tf.uint64))
    bits = randomness.mix(~seeds[:, None] ^ counter[None])
    return tf.reshape(tf.bitwise.right_shift(bits, tf.constant(56, tf.uint64)), shape)


@dataclasses.dataclass(frozen=True)
class ValueRange(ValueStep):
    """From [0, 255] to [low, high], `float32`. The last step on images."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self):
        check_range(self)

    def __call__(self, images, seeds=None):
        # Not a division: TensorFlow turns that into a product, in graphs only.
        scale = (self.high - self.low) / 255.0
        return tf.cast(images, tf.float32) * scale + self.low
