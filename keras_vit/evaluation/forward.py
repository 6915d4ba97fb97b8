"""Computes a model's outputs for a source, every example exactly once."""

import numpy as np

import keras_vit.data
from keras_vit.data.steps.preprocessing import evaluation_with
from keras_vit.devices import current
from keras_vit.devices.context import filled
from keras_vit.inference.loaded import check_outputs, preprocessing_of


def steps_of(model, given=None):
    """The evaluation steps of a model, or those given in their place.

    Args:
        model: A Keras model.
        given: As `preprocessing` of `keras_vit.evaluation.evaluate`.

    Returns:
        A `keras_vit.data.Preprocessing`.
    """
    return evaluation_with(given, preprocessing_of(model))


def forward(model, source, steps, batch_size, progress=None, name=None):
    """Runs a model over a source in its stored order.

    Args:
        model: A Keras model with one input and one output.
        source: A `keras_vit.data.Source`.
        steps: Its evaluation steps: a `keras_vit.data.Preprocessing` or its JSON.
        batch_size: Integer, at least 1.
        progress: `None`, or a function that is called with (images done, images in
            all).
        name: What messages call the model, such as its path. Defaults to its name.

    Yields:
        `(images, labels, outputs)` of each batch, NumPy arrays of its length.

    Raises:
        ValueError: if an output is not finite, or an image cannot be read.
    """
    done, full = 0, 0
    try:
        for images, labels in source.batches(batch_size, preprocessing=steps):
            images, labels = np.asarray(images), np.asarray(labels)
            full = max(full, len(images))
            # One shape is compiled once.
            outputs = current().outputs(model, filled(images, full))[: len(images)]
            end = done + len(images)
            check_outputs(
                outputs,
                f"{name or model.name} for images {done} to {end - 1} of {source!r}",
            )
            done = end
            yield images, labels, outputs
            if progress is not None:
                progress(done, source.num_examples)
    except Exception as error:
        message = keras_vit.data.corrupt_message(error)
        if message is None:
            raise
        raise ValueError(message) from None
