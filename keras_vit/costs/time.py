"""Measures time on this machine: of training steps, and of the forward pass."""

import time

import keras
import numpy as np

from keras_vit.costs.flops import TRAINING_FACTOR, forward_flops
from keras_vit.models.vision_model import image_shape
from keras_vit.pretraining import is_pretraining

# Images of the measurement: so many operations' worth, and no more than this.
OPERATIONS = 2e11
MOST_IMAGES = 64

# Seconds of measuring the speed, and runs at least; the fastest counts.
SECONDS, LEAST = 2.0, 3


def estimate_seconds(model, num_images, *, at_once=MOST_IMAGES, compute=None):
    """Estimates how long it takes to train on a number of images.

    A forward pass of a few random images is timed; training costs three of them.
    Reading and changing the images is not part of it, nor is the evaluation. Nothing of
    the model changes.

    Args:
        model: A model of this package, of a known image size.
        num_images: Integer, images that the run will see.
        at_once: Integer, images that are computed at once.
        compute: Function of model and images that runs the one on the other, or `None`
            to call the model: `Strategy.outputs` where several devices share the work.

    Returns:
        Seconds, a float.

    Example:

    >>> estimate_seconds(keras_vit.ViT_B16(10), num_images=100 * 512)
    """
    once = forward_flops(model) or OPERATIONS
    count = int(min(max(OPERATIONS // once, 1), at_once, MOST_IMAGES))
    inputs = _random_inputs(model, count)
    for _ in range(2):  # the first time, memory is taken and code is compiled
        start = time.perf_counter()
        if compute is None:
            outputs = model(inputs, training=False)
            np.asarray(keras.tree.flatten(outputs)[0][:1, :1])
        else:
            compute(model, inputs)
        seconds = time.perf_counter() - start
    return TRAINING_FACTOR * num_images * seconds / count


def images_per_second(model, batch_size, seconds=SECONDS):
    """How many images the compiled forward pass takes in a second on this machine.

    Args:
        model: A model of this package.
        batch_size: Integer, images at once.
        seconds: Float, how long to measure at least.

    Returns:
        Float: that of the fastest of several runs, the first one not counted.
    """
    inputs = _random_inputs(model, batch_size)
    model.predict_on_batch(inputs)  # compiles
    times, start = [], time.perf_counter()
    while len(times) < LEAST or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        model.predict_on_batch(inputs)
        times.append(time.perf_counter() - before)
    return batch_size / min(times)


def _random_inputs(model, count):
    shape = (count, *image_shape(model))
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    if not is_pretraining(model):
        return images
    return {"image": images, "shown": np.zeros((count, model.output_shape[1]), "int32")}
