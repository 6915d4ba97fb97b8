"""Masked patch prediction from any data set of batches."""

import operator

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.graphs import as_written
from keras_vit.data.steps.corruption import CorruptPatches, corrupted


def corrupt_patches(
    dataset,
    patch_size,
    *,
    training: bool,
    corruption_rate: float = 0.5,
    cells: int = 1,
    value_range=None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Any data set of batches, ready for masked patch prediction.

    For a `keras_vit.data.Source`, give `preprocessing` the step
    `keras_vit.data.steps.CorruptPatches` instead: what is corrupted then follows the
    image, wherever it comes in the epoch. Here it follows its place in the stream.

    Args:
        dataset: `tf.data.Dataset` of batches: images, `(images, ...)`, or dictionaries
            with the key `"image"`. Images are floats `(B, H, W, C)` with known H, W and
            C. Everything else is dropped.
        patch_size: Integer or (height, width), pixels; or a model of
            `keras_vit.MaskedPatchPrediction`'s, which knows it, `cells` and
            `value_range`.
        training: Whether the data set is repeated without end, corrupted anew in each
            epoch: give `fit` its `steps_per_epoch`. If not, it comes once, and always
            with the same patches corrupted.
        corruption_rate: Share of the patches, in (0, 1).
        cells: As for `keras_vit.data.steps.CorruptPatches`.
        value_range: (low, high), the values of black and white, numbers or one for each
            channel. Of images normalised by mean and standard deviation these are
            `(0 - mean) / std` and `(1 - mean) / std`. Defaults to the model's, without
            a model to `(-1, 1)`.
        seed: Integer. Streams that run side by side, such as the shards of several
            processes, need one each: with the same seed they get the same masks.

    Returns:
        Dataset of `(inputs, colours, weights)`; see
        `keras_vit.data.steps.CorruptPatches`.

    Raises:
        ValueError: if patches do not tile the images, a value is out of its range, or
            the images are integers and `value_range` is not given.

    Example:

    >>> batches = tf.data.Dataset.from_tensor_slices(images).batch(64)
    >>> batches = keras_vit.data.corrupt_patches(batches, 16, training=True)
    >>> model.fit(batches, steps_per_epoch=100)
    """
    facts = (getattr(patch_size, "settings", None) or {}).get("pretraining")
    if facts:
        patch_size, cells = facts["patch_size"], facts["cells"]
        value_range = facts["value_range"] if value_range is None else value_range
    spec = _images(dataset.element_spec)
    if value_range is None and spec.dtype.is_integer:
        raise ValueError(
            "Integer images need their `value_range`, such as (0, 255). "
            f"Received: images of {spec.dtype.name}, value_range=None"
        )
    value_range = (-1.0, 1.0) if value_range is None else value_range
    low, high = (np.asarray(v, "float32") for v in value_range)
    if np.any(low == high):
        raise ValueError(
            "`value_range` must be two different values, or pairs of them. "
            f"Received: value_range={value_range}"
        )
    step = CorruptPatches(*_sides(patch_size), corruption_rate, cells)
    step.grid(*spec.shape[1:3])
    if int(dataset.cardinality()) == 0:
        raise ValueError(
            "The data set has no batches. With `drop_remainder=True`, a batch larger "
            "than the data set leaves none."
        )

    @as_written
    def corrupt(epoch, number, batch):
        images = tf.cast(_images(batch), tf.float32)
        # Batches may be of any sizes: a place for a million images in each.
        index = number * 2**20 + tf.range(tf.shape(images)[0], dtype=tf.int64)
        seeds = randomness.image_seeds(seed, epoch, index)
        return corrupted(step, images, seeds, low, high)

    @as_written
    def count_epochs(epoch, numbered):
        epoch += tf.cast(numbered[0] == 0, tf.int64)
        return epoch, (epoch, *numbered)

    batches = dataset.enumerate()
    if training:  # of nothing, `repeat` makes nothing, and the cardinality an error
        known = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        batches = batches.repeat().apply(known)
    batches = batches.scan(tf.constant(-1, tf.int64), count_epochs)
    return batches.map(corrupt, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _sides(patch_size):
    """The height and width of a patch, as integers."""
    pair = patch_size
    if np.ndim(patch_size) == 0:
        pair = (patch_size, patch_size)
    try:
        height, width = map(operator.index, pair)
    except (TypeError, ValueError):
        raise ValueError(
            "`patch_size` must be an integer, a pair of them, or a model of "
            f"`keras_vit.MaskedPatchPrediction`'s. Received: patch_size={patch_size!r}"
        ) from None
    return height, width


def _images(batch):
    """The images of a batch, or their spec."""
    if isinstance(batch, tuple | list):
        return _images(batch[0])
    if not isinstance(batch, dict):
        return batch
    if "image" not in batch:
        raise ValueError(
            "A data set of dictionaries must have the key 'image'. "
            f"Received: keys {sorted(batch)}"
        )
    return batch["image"]
