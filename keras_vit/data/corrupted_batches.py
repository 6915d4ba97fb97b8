"""Masked patch prediction from any data set of batches."""

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.corruption import CorruptPatches, corrupted
from keras_vit.data.stores import as_written


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
        seed: Integer.

    Returns:
        Dataset of `(inputs, colours, weights)`; see
        `keras_vit.data.steps.CorruptPatches`.

    Raises:
        ValueError: if patches do not tile the images, or a value is out of its range.

    Example:

    >>> batches = tf.data.Dataset.from_tensor_slices(images).batch(64)
    >>> batches = keras_vit.data.corrupt_patches(batches, 16, training=True)
    >>> model.fit(batches, steps_per_epoch=100)
    """
    facts = (getattr(patch_size, "settings", None) or {}).get("pretraining")
    if facts:
        patch_size, cells = facts["patch_size"], facts["cells"]
        value_range = value_range or facts["value_range"]
    pair = patch_size if isinstance(patch_size, tuple | list) else (patch_size,) * 2
    low, high = (np.asarray(v, "float32") for v in value_range or (-1.0, 1.0))
    if np.any(low == high):
        raise ValueError(
            "`value_range` must be two different values, or pairs of them. "
            f"Received: value_range={value_range}"
        )
    step = CorruptPatches(*map(int, pair), corruption_rate, cells)
    step.grid(*_images(dataset.element_spec).shape[1:3])

    @as_written
    def corrupt(epoch, number, batch):
        images = tf.cast(_images(batch), tf.float32)
        # Batches may be of any sizes: a place for a million images in each.
        index = number * 2**20 + tf.range(tf.shape(images)[0], dtype=tf.int64)
        seeds = randomness.image_seeds(seed, epoch, index)
        return corrupted(step, images, seeds, low, high)

    def one_epoch(epoch):
        numbered = dataset.enumerate()
        return numbered.map(
            as_written(lambda number, batch: corrupt(epoch, number, batch)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    if training:
        endless = tf.data.Dataset.range(2**62).flat_map(as_written(one_epoch))
        known = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return endless.apply(known).prefetch(2)
    return one_epoch(tf.constant(0, tf.int64)).prefetch(2)


def _images(batch):
    """The images of a batch, or their spec."""
    if isinstance(batch, dict):
        if "image" not in batch:
            raise ValueError(
                "A data set of dictionaries must have the key 'image'. "
                f"Received: keys {sorted(batch)}"
            )
        return batch["image"]
    return batch[0] if isinstance(batch, tuple | list) else batch
