"""RandAugment, drawn separately for each image."""

import dataclasses
import functools
import math

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.steps import colour_ops, geometry_ops
from keras_vit.data.steps.base import Step, check

FILL = 128  # of what a geometric operation brings in from outside the image
# The operations that move pixels; the others leave masks alone.
MOVING = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
MAX_LEVEL = 10.0  # the scale's end; larger magnitudes extrapolate


@dataclasses.dataclass(frozen=True)
class RandAugment(Step):
    """Applies operations drawn at random, all of one magnitude.

    Exactly the sixteen operations and magnitudes of the official TensorFlow code, each
    always applied: auto contrast, equalize, invert, rotate, posterize, solarize, color,
    contrast, brightness, sharpness, shear and translate in x and y, cutout, solarize
    add. Every image draws its own, and costs no more than those. Magnitude 0 changes
    images too: an image may be inverted, or lose its colours.

    Makes `uint8`; what an earlier resize made of it is truncated, as published. On grey
    images "color" changes nothing, and all else is done alike.

    Args:
        num_layers: Integer, operations per image.
        magnitude: Number in [0, 30]; the papers use 10, 15 and 20.

    Reference: [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719); the levels that
    belong to a magnitude are those of big_vision's `pp/autoaugment.py`.
    """

    num_layers: int
    magnitude: float

    batched = False
    random = True
    truncates = True

    def __post_init__(self):
        check(self, "num_layers", "magnitude")

    def __call__(self, images, seeds=None):
        image = tf.cast(images[0], tf.uint8)
        count = self.num_layers
        drawn = tf.reshape(randomness.uniform(seeds, 4 * count), [count, 4])
        apply = _any_of(operations(self.magnitude), image.shape)
        for layer in range(count):
            image = apply(image, drawn[layer])
        return image[None]

    def on_masks(self, masks, seeds=None):
        count = self.num_layers
        drawn = tf.reshape(randomness.uniform(seeds, 4 * count), [count, 4])
        made = operations(self.magnitude, fill=255)
        made = {key: made[key] if key in MOVING else _unmoved for key in made}
        mask = masks[0, ..., None]
        apply = _any_of(made, mask.shape)
        for layer in range(count):
            mask = apply(mask, drawn[layer])
        return mask[None, ..., 0]


def _unmoved(mask, place, sign):
    return tf.identity(mask)


def _any_of(made, shape):
    """A function that does one operation on an image, from four numbers in [0, 1).

    The first number chooses the operation, the second its sign, the others its place.
    """
    branches = [functools.partial(f, sign=s) for f in made.values() for s in (-1, 1)]
    eager = tf.executing_eagerly()
    if not eager:
        specs = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec([2])]
        branches = [
            tf.function(branch, autograph=False).get_concrete_function(*specs)
            for branch in branches
        ]

    def apply(image, drawn):
        number = 2 * tf.cast(drawn[0] * len(made), tf.int32)
        number += tf.cast(drawn[1] >= 0.5, tf.int32)
        inputs = [image, drawn[2:]]
        if eager:
            return branches[int(number)](*inputs)
        # Not tf.switch_case: TensorFlow then lays all branches out in one graph, and
        # visiting their hundreds of idle nodes costs more than an operation.
        (image,) = tf.raw_ops.StatelessCase(
            branch_index=number, input=inputs, Tout=[tf.uint8], branches=branches
        )
        image.set_shape(shape)
        return image

    return apply


def operations(magnitude: float, fill: int = FILL) -> dict:
    """The operations at a magnitude, by name.

    Args:
        magnitude: Number in [0, 30].
        fill: Value of what comes from outside the image, and of what is covered.

    Returns:
        Names to functions `(image, place, sign)`: a `uint8` tensor `(H, W, C)`; two
        numbers in [0, 1); -1 or 1, a Python integer, so that all that depends on it can
        be computed beforehand.
    """
    level = magnitude / MAX_LEVEL
    factor = 1.8 * level + 0.1
    radians = math.radians(30.0 * level)
    shear, pixels = 0.3 * level, round(100 * level)

    def cutout(image, place, sign):
        size = tf.shape(image)[:2]
        center = tf.cast(place * tf.cast(size, tf.float32), tf.int32)
        center = tf.minimum(center, size - 1)
        return geometry_ops.cutout(image, int(40 * level), center, fill)

    def signed(function, amount):
        return lambda image, place, sign: function(image, sign * amount, fill)

    def moved(right, down):
        return lambda image, place, sign: geometry_ops.translate(
            image, sign * right, sign * down, fill
        )

    def plain(function, *amount):
        return lambda image, place, sign: function(image, *amount)

    return {
        "auto_contrast": plain(colour_ops.auto_contrast),
        "equalize": plain(colour_ops.equalize),
        "invert": plain(colour_ops.invert),
        "rotate": signed(geometry_ops.rotate, radians),
        "posterize": plain(colour_ops.posterize, int(4 * level)),
        "solarize": plain(colour_ops.solarize, int(256 * level)),
        "color": plain(colour_ops.color, factor),
        "contrast": plain(colour_ops.contrast, factor),
        "brightness": plain(colour_ops.brightness, factor),
        "sharpness": plain(colour_ops.sharpness, factor),
        "shear_x": signed(geometry_ops.shear_x, shear),
        "shear_y": signed(geometry_ops.shear_y, shear),
        "translate_x": moved(pixels, 0),
        "translate_y": moved(0, pixels),
        "cutout": cutout,
        "solarize_add": plain(colour_ops.solarize_add, int(110 * level)),
    }
