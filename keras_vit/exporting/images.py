"""Images for testing an exported file: noise, and real ones."""

import math

import numpy as np

import keras_vit.data
from keras_vit.models.vision_model import (
    arguments_of,
    grid_of,
    image_shape,
    metadata_of,
    reduction_of,
)

EMBEDDED = "fashion_mnist_mini:test"
_FREE_SIZE = (64, 96)
_VALUES = (0.0, 255.0)


def find_sources(data, data_dir=None, needed=False, task="classification"):
    """`(calibration, test)`, both `keras_vit.data.Source`, or of masks.

    Args:
        data: As for `keras_vit.export`.
        data_dir: Where TFDS keeps prepared data.
        needed: Boolean, whether `data` must be given.
        task: String, the task whose labels data have.
    """
    if data is None and needed:
        raise ValueError(
            "Static quantisation fixes the ranges of activations by images like "
            "those that the model will see: pass `data=`, or "
            "`quantization='dynamic'`. Received: data=None"
        )
    if data is None:
        data = keras_vit.data.load(EMBEDDED)
    if isinstance(data, keras_vit.data.Source):
        return data, data
    return keras_vit.data.load_splits(data, data_dir, task=task)


def has_classes_of(model, source):
    """Whether the labels of a source are the classes of a model."""
    names = metadata_of(model).get("class_names")
    same = names is None or list(names) == list(source.class_names)
    return same and model.output_shape[-1] == source.num_classes


def sizes_to_try(model):
    """`(height, width)` of images: the model's, or two where it takes every size."""
    *size, _ = image_shape(model)
    if None not in size:
        return [tuple(size)]
    a, steps = arguments_of(model), (8, 8)
    if "patch_size" in a:
        steps = [patch * reduction_of(model) for patch in a["patch_size"]]
    grid = grid_of(model) if a.get("position_grid") else None
    if grid is None or math.prod(grid) == 1:
        grid = [math.ceil(n / step) for n, step in zip(_FREE_SIZE, steps)]
    # One size, and one that is a step larger.
    return [
        tuple(n or (g + more) * s for n, g, s in zip(size, grid, steps))
        for more in (0, 1)
    ]


def noise(size, num_channels, count, seed=0):
    """Pixels in [0, 255], whole numbers, `(count, height, width, channels)`."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *size, num_channels)).astype("float32")


def pixels_of(model, source, size, limit, batch_size=32):
    """Yields `(pixels, labels)` of a source, up to `limit` images.

    Prepared as the model was trained to see them, but as whole numbers in [0, 255].
    They are spread over the source, whose classes may stand in order.
    """
    saved, channels = metadata_of(model).get("preprocessing"), image_shape(model)[-1]
    steps = saved and keras_vit.data.Preprocessing.from_json(saved)
    black_to_white = keras_vit.data.steps.ValueRange(*_VALUES)
    if steps and tuple(steps.image_size) == tuple(size):
        kept = [s for s in steps.image_steps if type(s) is not type(black_to_white)]
        steps = keras_vit.data.Preprocessing((*kept, black_to_white), channels)
    else:
        steps = keras_vit.data.preprocessing(
            size, num_channels=channels, value_range=_VALUES
        )
    if limit < source.num_examples:
        source = source.take_fraction(limit / source.num_examples)
    for images, labels in source.batches(batch_size, preprocessing=steps):
        yield np.rint(np.asarray(images)), np.asarray(labels)
