"""The images that an exported file is tried on: noise, and real ones."""

import math

import numpy as np

from keras_vit.models.vision_model import (
    arguments_of,
    grid_of,
    image_shape,
    metadata_of,
    reduction_of,
)

EMBEDDED = "fashion_mnist_mini:test"
_FREE_SIZE = (64, 96)


def sizes_to_try(model):
    """`(height, width)` of images: the model's, or two where it takes every size."""
    height, width, _ = image_shape(model)
    if height is not None and width is not None:
        return [(height, width)]
    first = [n or free for n, free in zip((height, width), _size_of_positions(model))]
    step = _step(model)
    second = [n if n else f + s for n, f, s in zip((height, width), first, step)]
    return [tuple(first), tuple(second)]


def _size_of_positions(model):
    grid = grid_of(model) if arguments_of(model).get("position_grid") else None
    if grid is None or math.prod(grid) == 1:
        return [math.ceil(n / s) * s for n, s in zip(_FREE_SIZE, _step(model))]
    return [rows * step for rows, step in zip(grid, _step(model))]


def _step(model):
    """The pixels by which an image can grow."""
    patch_size = arguments_of(model).get("patch_size")
    if patch_size is None:
        return [8, 8]
    return [patch * reduction_of(model) for patch in patch_size]


def noise(size, num_channels, count, seed=0):
    """Pixels in [0, 255], whole numbers, `(count, height, width, channels)`."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *size, num_channels)).astype("float32")


def pixels_of(model, source, size, limit, batch_size=32):
    """Yields `(pixels, labels)` of a source, up to `limit` images.

    Prepared as the model was trained to see them, but as whole numbers in [0, 255].
    They are spread over the source, whose classes may stand in order.
    """
    import keras_vit.data

    saved = metadata_of(model).get("preprocessing")
    steps = saved and keras_vit.data.Preprocessing.from_json(saved)
    channels = image_shape(model)[-1]
    black_to_white = keras_vit.data.steps.ValueRange(0.0, 255.0)
    if steps and tuple(steps.image_size) == tuple(size):
        kept = [s for s in steps.image_steps if type(s) is not type(black_to_white)]
        steps = keras_vit.data.Preprocessing((*kept, black_to_white), channels)
    else:
        steps = keras_vit.data.preprocessing(
            size, num_channels=channels, value_range=(0.0, 255.0)
        )
    if limit < source.num_examples:
        source = source.take_fraction(limit / source.num_examples)
    for images, labels in source.batches(batch_size, preprocessing=steps):
        yield np.rint(np.asarray(images)), np.asarray(labels)


def real_pixels(model, source, size, count):
    """`count` images of a source at most; `None` where the channels do not suit."""
    if image_shape(model)[-1] not in (1, 3):
        return None
    return next(pixels_of(model, source, size, count, batch_size=count))[0]
