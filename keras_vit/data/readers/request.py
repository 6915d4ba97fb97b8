"""The order in which examples are read: for `Source.batches`, or as stored."""

import numpy as np
import tensorflow as tf

from keras_vit.data.readers.order import Order
from keras_vit.data.readers.stores import IndexedStore


def batch_order(
    num_examples: int,
    batch_size: int,
    training: bool,
    seed: int,
    start_step: int,
    epochs: int | None,
    drop_remainder: bool | None,
    balanced: bool = False,
) -> Order:
    """Checks the arguments of `Source.batches` and makes an order of them.

    Raises:
        ValueError: if they contradict each other, or leave nothing.
    """
    per_epoch = num_examples
    if training or drop_remainder:
        per_epoch -= per_epoch % batch_size
    if not training and (start_step or epochs):
        raise ValueError(
            "`start_step` and `epochs` are for training only: evaluation uses every "
            f"example once. Received: start_step={start_step}, epochs={epochs}"
        )
    if training and drop_remainder is False and num_examples % batch_size:
        raise ValueError(
            "Training batches are always full: `drop_remainder=False` is for "
            f"evaluation. Received: batch_size={batch_size}, "
            f"num_examples={num_examples}"
        )
    for name, value in (("start_step", start_step), ("epochs", epochs or 0)):
        if int(value) != value or value < 0:
            raise ValueError(f"`{name}` must be 0 or more. Received: {value}")
    if not per_epoch:
        raise ValueError(
            "`drop_remainder` leaves nothing of a set smaller than a batch. "
            f"Received: batch_size={batch_size}, num_examples={num_examples}"
        )
    return Order(
        seed=int(seed),
        shuffle=training,
        per_epoch=per_epoch,
        start=int(start_step) * batch_size,
        epochs=epochs if training else 1,
        balanced=training and balanced,
    )


def usable_batch_size(batch_size: int, num_examples: int, training: bool) -> int:
    """The batch size as given, or in training the whole set where that is smaller."""
    if int(batch_size) != batch_size or batch_size < 1:
        raise ValueError(
            "`batch_size` must be a positive integer. "
            f"Received: batch_size={batch_size}"
        )
    return min(int(batch_size), num_examples) if training else int(batch_size)


def in_order(store, every: int = 1) -> tf.data.Dataset:
    """The examples of a store as they are stored, or the first of every so many."""
    if every > 1 and isinstance(store, IndexedStore):
        store, every = store.select(np.arange(0, store.num_examples, every)), 1
    order = Order(seed=0, shuffle=False, per_epoch=store.num_examples)
    known = tf.data.experimental.assert_cardinality(store.num_examples)
    return store.items(order).apply(known).shard(every, 0)
