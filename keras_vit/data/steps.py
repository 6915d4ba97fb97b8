"""The steps of a pipeline: small frozen objects, images in, images out.

Each step takes a batch of images of one size, `(B, H, W, C)` with values in [0, 255]
(`uint8`, or `float32` after a resize), and one random seed per image; each image gets
what it would get alone. A step says by `output_size` what size it makes of a size, and
by `batched` whether it works on a batch at once (or only on batches of one). Its fields
are plain numbers and strings, so that a list of steps can be written down as JSON.
"""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness


class Step:
    """Base of all steps. `seeds` is a `uint64` tensor `(B,)`; most steps ignore it."""

    batched = True
    random = False

    def __call__(self, images, seeds=None):
        raise NotImplementedError

    def output_size(self, size):
        """(H, W) after the step, from (H, W) before it; None where unknown."""
        return size


def _is_size(images, size) -> bool:
    return tuple(images.shape[1:3]) == tuple(size)


def _height_width(images):
    """(H, W): Python integers where they are static, else scalar tensors."""
    dynamic = tf.shape(images)
    return tuple(images.shape[i] or dynamic[i] for i in (1, 2))


@dataclasses.dataclass(frozen=True)
class Resize(Step):
    """Resizes to exactly (height, width), whatever the aspect ratio.

    As the official fine-tuning does: bilinear with half-pixel centres, no antialiasing.
    An image that has the size already stays as it is; others become `float32`.
    """

    height: int
    width: int
    method: str = "bilinear"
    antialias: bool = False

    def __call__(self, images, seeds=None):
        if _is_size(images, (self.height, self.width)):
            return images
        size = (self.height, self.width)
        images = tf.image.resize(images, size, self.method, antialias=self.antialias)
        return _back_in_range(images, self.method)

    def output_size(self, size):
        return (self.height, self.width)


def _back_in_range(images, method):
    """Bicubic and Lanczos overshoot; bilinear, area and nearest can't."""
    images = tf.cast(images, tf.float32)
    overshoots = method not in ("bilinear", "area", "nearest")
    return tf.clip_by_value(images, 0.0, 255.0) if overshoots else images


@dataclasses.dataclass(frozen=True)
class ResizeSmall(Step):
    """Resizes the smaller side to `side` pixels and keeps the aspect ratio.

    `method="area"` and then a central crop is how big_vision evaluates.
    """

    side: int
    method: str = "area"

    def __call__(self, images, seeds=None):
        height, width = _height_width(images)
        small = tf.cast(tf.minimum(height, width), tf.float32)
        ratio = tf.cast(self.side, tf.float32) / small
        size = [
            tf.cast(tf.round(tf.cast(length, tf.float32) * ratio), tf.int32)
            for length in (height, width)
        ]
        images = tf.image.resize(images, tf.stack(size), self.method)
        return _back_in_range(images, self.method)

    def output_size(self, size):
        if size is None or size[0] != size[1]:
            return None
        return (self.side, self.side)


@dataclasses.dataclass(frozen=True)
class CentralCrop(Step):
    """Cuts (height, width) out of the middle. Smaller images are an error."""

    height: int
    width: int

    def __call__(self, images, seeds=None):
        height, width = _height_width(images)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return tf.image.crop_to_bounding_box(images, top, left, self.height, self.width)

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class InceptionCrop(Step):
    """A random part of the image, resized to (height, width).

    The part covers `area_min` to `area_max` of the image's area, at an aspect ratio
    between `aspect_min` and `aspect_max`. Makes `float32`.

    Reference: [Szegedy et al., 2015](https://arxiv.org/abs/1409.4842), section 6; the
    values are those of the official fine-tuning.
    """

    height: int
    width: int
    area_min: float = 0.05
    area_max: float = 1.0
    aspect_min: float = 0.75
    aspect_max: float = 1.33
    method: str = "bilinear"

    batched = False
    random = True

    def __call__(self, images, seeds=None):
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(images)[1:],
            tf.zeros([0, 0, 4], tf.float32),
            seed=randomness.seed_pair(seeds[0]),
            area_range=(self.area_min, self.area_max),
            aspect_ratio_range=(self.aspect_min, self.aspect_max),
            min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True,
        )
        images = tf.slice(images, tf.concat([[0], begin], 0), [1, size[0], size[1], -1])
        images = tf.image.resize(images, (self.height, self.width), self.method)
        return _back_in_range(images, self.method)

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class Pad(Step):
    """Adds `pixels` on each of the four sides: `value`, or the mirrored image."""

    pixels: int
    mode: str = "constant"
    value: int = 0

    def __call__(self, images, seeds=None):
        by = (self.pixels, self.pixels)
        value = tf.cast(self.value, images.dtype)
        padding = [(0, 0), by, by, (0, 0)]
        return tf.pad(images, padding, self.mode, constant_values=value)

    def output_size(self, size):
        return size and tuple(length + 2 * self.pixels for length in size)


@dataclasses.dataclass(frozen=True)
class RandomCrop(Step):
    """Cuts (height, width) at a random place. Smaller images are an error."""

    height: int
    width: int

    random = True

    def __call__(self, images, seeds=None):
        height, width = _height_width(images)
        slack = tf.stack([height - self.height + 1, width - self.width + 1])
        corner = randomness.uniform_int(seeds, slack, 2)  # (B, 2)
        rows = corner[:, :1] + tf.range(self.height)  # (B, height)
        columns = corner[:, 1:] + tf.range(self.width)
        images = tf.gather(images, rows, axis=1, batch_dims=1)
        return tf.gather(images, columns, axis=2, batch_dims=1)

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class Flip(Step):
    """Mirrors left and right with a probability."""

    probability: float = 0.5

    random = True

    def __call__(self, images, seeds=None):
        chosen = tf.where(randomness.uniform(seeds, 1)[:, 0] < self.probability)
        mirrored = tf.reverse(tf.gather(images, chosen[:, 0]), [2])
        return tf.tensor_scatter_nd_update(images, chosen, mirrored)


@dataclasses.dataclass(frozen=True)
class ValueRange(Step):
    """From [0, 255] to [low, high], `float32`. The last step."""

    low: float = -1.0
    high: float = 1.0

    def __call__(self, images, seeds=None):
        # Not a division: TensorFlow turns that into a product, in graphs only.
        scale = (self.high - self.low) / 255.0
        return tf.cast(images, tf.float32) * scale + self.low
