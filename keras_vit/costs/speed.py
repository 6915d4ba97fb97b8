"""Images per second, measured."""

import time

import numpy as np

from keras_vit.models.vision_model import image_shape
from keras_vit.pretraining import is_pretraining

# Seconds of measuring, and runs at least; the fastest counts.
SECONDS, LEAST = 2.0, 3


def images_per_second(model, batch_size, seconds=SECONDS):
    """How many images the compiled forward pass takes in a second on this machine.

    Args:
        model: A model of this package.
        batch_size: Integer, images at once.
        seconds: Float, how long to measure at least.

    Returns:
        Float: that of the fastest of several runs, the first one not counted.
    """
    random = np.random.default_rng(0)
    shape = (batch_size, *image_shape(model))
    images = random.uniform(-1, 1, shape).astype("float32")
    inputs = images
    if is_pretraining(model):
        shown = np.zeros((batch_size, model.output_shape[1]), "int32")
        inputs = {"image": images, "shown": shown}
    model.predict_on_batch(inputs)  # compiles
    times, start = [], time.perf_counter()
    while len(times) < LEAST or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        model.predict_on_batch(inputs)
        times.append(time.perf_counter() - before)
    return batch_size / min(times)
