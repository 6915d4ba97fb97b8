"""Batches of which every process reads its own part.

What becomes of an image is a function of seed, epoch and image, so a process that
leaves out the others' rows of every batch has the same images in its own as one process
that reads all. Nothing is decoded that is not used, with one exception: where images of
a batch are mixed (mixup, cutmix), the partner may be another process's, so each reads
whole batches and keeps its rows.

In evaluation the last batch is filled up, since processes must have equal numbers of
batches and every device equal numbers of images. The filling has weight 0.
"""

import dataclasses

import tensorflow as tf

from keras_vit.data.graphs import as_written
from keras_vit.data.pipeline import batches as pipeline


def batches(store, order, preprocessing, batch_size, num_classes, part=None):
    """As `pipeline.batches`; with a `part`, only that part of every batch.

    Args:
        store: One of `stores.py`, or a `RecordStore`.
        order: `Order` of whole batches.
        preprocessing: `Preprocessing`, of training or of evaluation.
        batch_size: Integer, examples of a whole batch.
        num_classes: Integer.
        part: `(index, count)`, or `None` for whole batches, the last as short as it is.

    Returns:
        Dataset of (images, labels), and in evaluation (images, labels, weights), of
        static shapes. All images have one weight, such that a mean over the rows of
        all batches, filling included, is that over the images. Weights of patches stay
        0 and 1.

    Raises:
        ValueError: if there is no such part, or the batch has no equal parts.
    """
    if part is None:
        return pipeline.batches(store, order, preprocessing, batch_size, num_classes)
    index, count = part
    if not 0 <= index < count or batch_size % count:
        raise ValueError(
            "`part` must be (index, count), the index below the count, and the count "
            f"must divide the batch. Received: part={part}, batch_size={batch_size}"
        )
    total, size = order.per_epoch, batch_size // count
    if not order.shuffle:
        end = -(-total // batch_size) * batch_size
        # The filling is the beginning of the set: its next epoch.
        order = dataclasses.replace(order, end=end, epochs=-(-end // total))
    # What is random in a step on batches is the mixing, but for a last one.
    random = (step.random and not step.last for step in preprocessing.batch_steps)
    mixed = count > 1 and any(random)
    if not mixed:
        order = dataclasses.replace(order, part=part, batch=batch_size)
    read = batch_size if mixed else size
    dataset = pipeline.batches(store, order, preprocessing, read, num_classes)
    if mixed:
        rows = slice(index * size, (index + 1) * size)

        @as_written
        def own(*examples):
            return tf.nest.map_structure(lambda value: value[rows], examples)

        dataset = dataset.map(own)
    if order.shuffle:
        return dataset

    @as_written
    def weighted(number, examples):
        places = number * batch_size + index * size + tf.range(size, dtype=tf.int64)
        weights = tf.where(places < total, order.end / total, 0.0)
        weights = tf.cast(weights, tf.float32)
        inputs, targets, *own = examples
        for each in own:  # of every patch: metrics take 1 for "is corrupted"
            weights = tf.where(weights[:, None] > 0, each, 0.0)
        return inputs, targets, weights

    return dataset.enumerate().map(weighted)
