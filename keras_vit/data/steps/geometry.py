"""Steps that resize, cut, pad or mirror images."""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.steps.base import Crop, Step, check, check_pillow
from keras_vit.data.steps.resizing import (
    cut_boxes,
    fitted,
    of_smaller_side,
    resized,
    resized_as_pillow,
    resized_boxes,
    resized_masks,
)


def _height_width(images):
    """(H, W): Python integers where they are static, else scalar tensors."""
    dynamic = tf.shape(images)
    return tuple(images.shape[i] or dynamic[i] for i in (1, 2))


@dataclasses.dataclass(frozen=True)
class Resize(Step):
    """Resizes to (height, width), by default whatever the aspect ratio.

    As the official fine-tuning does: bilinear with half-pixel centres, no antialiasing.
    An image that has the size already stays as it is; others become `float32`.

    Args:
        height: Integer, pixels.
        width: Integer, pixels.
        method: Of `tf.image.resize`.
        antialias: Boolean.
        fit: `"stretch"`, to exactly this size; or with the aspect ratio kept `"cover"`,
            the least that fills it, or `"contain"`, the most that fits into it.
        pillow: Boolean, whether to resize as Pillow does, always with antialiasing;
            makes `uint8`.
    """

    height: int
    width: int
    method: str = "bilinear"
    antialias: bool = False
    fit: str = "stretch"
    pillow: bool = False

    def __post_init__(self):
        check(self, "height", "width", "method", "fit")
        check_pillow(self)

    def __call__(self, images, seeds=None):
        size = (self.height, self.width)
        if tuple(images.shape[1:3]) == size:
            return images
        size = self._fitted(*_height_width(images))
        if self.pillow:
            return resized_as_pillow(images, size, self.method)
        return resized(images, size, self.method, self.antialias)

    def _fitted(self, height, width):
        size = (self.height, self.width)
        return size if self.fit == "stretch" else fitted(height, width, size, self.fit)

    def on_masks(self, masks, seeds=None):
        return resized_masks(masks, self._fitted(*_height_width(masks)))

    def on_boxes(self, boxes, size, seeds=None):
        return resized_boxes(boxes, size, self._fitted(*size))

    def output_size(self, size):
        return (self.height, self.width) if self.fit == "stretch" else None


@dataclasses.dataclass(frozen=True)
class ResizeSmall(Step):
    """Resizes the smaller side to `side` pixels and keeps the aspect ratio.

    `method="area"` and then a central crop is how big_vision evaluates; and then a
    random crop, what it calls "resmall crop". Makes `float32`. With `pillow=True` it
    resizes as Pillow does, and rounds the larger side down, as torchvision and Hugging
    Face do; it makes `uint8` then.
    """

    side: int
    method: str = "area"
    pillow: bool = False

    def __post_init__(self):
        check(self, "side", "method")
        check_pillow(self)

    def __call__(self, images, seeds=None):
        size = self._size(*_height_width(images))
        if self.pillow:
            return resized_as_pillow(images, size, self.method)
        return resized(images, size, self.method)

    def _size(self, height, width):
        return of_smaller_side(height, width, self.side, down=self.pillow)

    def on_masks(self, masks, seeds=None):
        return resized_masks(masks, self._size(*_height_width(masks)))

    def on_boxes(self, boxes, size, seeds=None):
        return resized_boxes(boxes, size, self._size(*size))

    def output_size(self, size):
        if size is None or size[0] != size[1]:
            return None
        return (self.side, self.side)


@dataclasses.dataclass(frozen=True)
class CentralCrop(Crop):
    """Cuts (height, width) out of the middle.

    Args:
        height: Integer, pixels.
        width: Integer, pixels.
        border: What is around an image that is smaller: a whole number in [0, 255], or
            one for each channel. By default smaller images are an error.
        halves: Where the middle begins if an odd number of pixels is cut off: half of
            it rounded `"down"`, or to the `"even"` number, as torchvision and timm do.
    """

    height: int
    width: int
    border: int | tuple | None = None
    halves: str = "down"

    def __post_init__(self):
        check(self, "height", "width", "halves")
        if isinstance(self.border, list):
            object.__setattr__(self, "border", tuple(self.border))
        if self.border is not None:
            check(self, "border")

    @property
    def greyscale_first(self):
        return not isinstance(self.border, tuple)

    def __call__(self, images, seeds=None):
        window = self._window(*_height_width(images))
        return self.finish(tf.image.crop_to_bounding_box(images, *window))

    def on_masks(self, masks, seeds=None):
        window = self._window(*_height_width(masks))
        step = self if self.border is None else dataclasses.replace(self, border=255)
        images = tf.image.crop_to_bounding_box(masks[..., None], *window)
        return step.finish(images)[..., 0]

    def on_boxes(self, boxes, size, seeds=None):
        _, _, height, width = window = self._window(*size)
        boxes = cut_boxes(boxes, window)
        above, before = (self.height - height) // 2, (self.width - width) // 2
        return cut_boxes(boxes, (-above, -before, self.height, self.width))

    def window(self, height, width, seeds):
        return tf.stack(self._window(height, width))

    def _window(self, height, width):
        top, height = self._span(height, self.height)
        left, width = self._span(width, self.width)
        return top, left, height, width

    def _span(self, length, wanted):
        """Where the cut begins along one side, and how much of the image it has."""
        if self.border is not None:
            least = min if isinstance(length, int) else tf.minimum
            wanted = least(length, wanted)
        rest = length - wanted
        if self.halves == "even":
            rest += rest % 4 // 3
        return rest // 2, wanted

    def finish(self, images):
        if self.border is None:
            return images
        channels = images.shape[-1]
        if isinstance(self.border, tuple) and channels not in (None, len(self.border)):
            raise ValueError(
                "`border` of CentralCrop must have a number for each channel. "
                f"Received: border={self.border} for images of {channels} channels"
            )
        rest = [n - m for n, m in zip((self.height, self.width), _height_width(images))]
        padding = [(0, 0), *((n // 2, n - n // 2) for n in rest), (0, 0)]
        inside = tf.pad(tf.ones_like(images[..., :1], tf.bool), padding)
        border = tf.cast(tf.constant(self.border), images.dtype)
        images = tf.where(inside, tf.pad(images, padding), border)
        return tf.ensure_shape(images, [None, self.height, self.width, channels])

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class InceptionCrop(Crop):
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

    def __post_init__(self):
        check(self, "height", "width", "method")
        if not 0 < self.area_min <= self.area_max <= 1:
            raise ValueError(
                "The area must lie in (0, 1], `area_min` first. Received: "
                f"area_min={self.area_min}, area_max={self.area_max}"
            )
        if not 0 < self.aspect_min <= self.aspect_max:
            raise ValueError(
                "The aspect ratio (width / height) must be positive, the least first. "
                f"Received: aspect_min={self.aspect_min}, aspect_max={self.aspect_max}"
            )

    def __call__(self, images, seeds=None):
        window = self.window(*tf.unstack(tf.shape(images)[1:3]), seeds)
        top, left, height, width = tf.unstack(window)
        part = tf.slice(images, [0, top, left, 0], [1, height, width, -1])
        return self.finish(tf.ensure_shape(part, [1, None, None, images.shape[-1]]))

    def window(self, height, width, seeds):
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.stack([height, width, 1]),
            tf.zeros([0, 0, 4], tf.float32),
            seed=randomness.seed_pair(seeds[0]),
            area_range=(self.area_min, self.area_max),
            aspect_ratio_range=(self.aspect_min, self.aspect_max),
            min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True,
        )
        return tf.concat([begin[:2], size[:2]], 0)

    def on_masks(self, masks, seeds=None):
        window = self.window(*tf.unstack(tf.shape(masks)[1:]), seeds)
        top, left, height, width = tf.unstack(window)
        part = tf.slice(masks, [0, top, left], [1, height, width])
        return resized_masks(part, (self.height, self.width))

    def on_boxes(self, boxes, size, seeds=None):
        window = tf.unstack(self.window(*size, seeds))
        wanted = self.height, self.width
        return resized_boxes(cut_boxes(boxes, window), window[2:], wanted)

    def finish(self, images):
        return resized(images, (self.height, self.width), self.method)

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class RandomCrop(Crop):
    """Cuts (height, width) at a random place. Smaller images are an error."""

    height: int
    width: int

    random = True

    def __post_init__(self):
        check(self, "height", "width")

    def __call__(self, images, seeds=None):
        corner = self._corner(*_height_width(images), seeds)  # (B, 2)
        if images.shape[0] == 1:  # one slice is quicker than two gathers
            begin = tf.concat([[0], corner[0], [0]], 0)
            part = tf.slice(images, begin, [1, self.height, self.width, -1])
            return tf.ensure_shape(part, [1, None, None, images.shape[-1]])
        rows = corner[:, :1] + tf.range(self.height)  # (B, height)
        columns = corner[:, 1:] + tf.range(self.width)
        images = tf.gather(images, rows, axis=1, batch_dims=1)
        return tf.gather(images, columns, axis=2, batch_dims=1)

    def on_masks(self, masks, seeds=None):
        return self(masks[..., None], seeds)[..., 0]

    def on_boxes(self, boxes, size, seeds=None):
        corner = self._corner(*size, seeds)  # (B, 2)
        window = (corner[:, 0], corner[:, 1], self.height, self.width)
        return cut_boxes(boxes, window)

    def window(self, height, width, seeds):
        corner = self._corner(height, width, seeds)[0]
        return tf.concat([corner, [self.height, self.width]], 0)

    def _corner(self, height, width, seeds):
        slack = tf.stack([height - self.height + 1, width - self.width + 1])
        return randomness.uniform_int(seeds, slack, 2)

    def output_size(self, size):
        return (self.height, self.width)


@dataclasses.dataclass(frozen=True)
class Pad(Step):
    """Adds `pixels` on each of the four sides: `value`, or the mirrored image."""

    pixels: int
    mode: str = "constant"
    value: int = 0

    def __post_init__(self):
        check(self, "pixels", "mode", "value")

    def __call__(self, images, seeds=None):
        by = (self.pixels, self.pixels)
        value = tf.cast(self.value, images.dtype)
        padding = [(0, 0), by, by, (0, 0)]
        return tf.pad(images, padding, self.mode, constant_values=value)

    def on_masks(self, masks, seeds=None):
        return dataclasses.replace(self, value=255)(masks[..., None])[..., 0]

    def on_boxes(self, boxes, size, seeds=None):
        if self.mode.lower() != "constant":
            raise ValueError(
                f"Pad with mode={self.mode!r} mirrors objects that then have no boxes. "
                "Use mode='constant' on boxes."
            )
        return boxes + float(self.pixels)

    def output_size(self, size):
        return size and tuple(length + 2 * self.pixels for length in size)


@dataclasses.dataclass(frozen=True)
class Flip(Step):
    """Mirrors left and right with a probability."""

    probability: float = 0.5

    random = True
    moves = True

    def __post_init__(self):
        check(self, "probability")

    def __call__(self, images, seeds=None):
        chosen = self._chosen(seeds)
        if images.shape[0] == 1:  # no gathering and scattering for one image
            # Of three dimensions, not four: TensorFlow has a quick way for those.
            mirror = lambda: tf.reverse(images[0], [1])[None]  # noqa: E731
            return tf.cond(chosen[0], mirror, lambda: tf.identity(images))
        places = tf.where(chosen)
        mirrored = tf.reverse(tf.gather(images, places[:, 0]), [2])
        return tf.tensor_scatter_nd_update(images, places, mirrored)

    def _chosen(self, seeds):
        return randomness.uniform(seeds, 1)[:, 0] < self.probability

    def on_masks(self, masks, seeds=None):
        return self(masks[..., None], seeds)[..., 0]

    def on_boxes(self, boxes, size, seeds=None):
        left, top, right, bottom = tf.unstack(boxes, axis=-1)
        width = tf.cast(size[1], tf.float32)
        mirrored = tf.stack([width - right, top, width - left, bottom], -1)
        return tf.where(self._chosen(seeds)[:, None, None], mirrored, boxes)
