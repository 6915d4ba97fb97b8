"""Reading a whole split of a prepared TFDS set into arrays."""

import numpy as np
import tensorflow as tf

from keras_vit.data.readers.stores import as_written
from keras_vit.data.sets.downloads import quiet


def columns_of(store, partial, chosen=None) -> dict[str, np.ndarray]:
    """What is wanted of every example, in the stored order.

    Args:
        store: A `RecordStore`.
        partial: What TFDS should decode; see `RecordStore.partial`.
        chosen: Boolean array, which examples are wanted, or None for all.

    Returns:
        Arrays by name: "id", and of what `partial` names "image" (encoded, or scaled
        pixels), "label" and "file_name".
    """
    import tensorflow_datasets as tfds

    reading = store.reading

    @as_written
    def make(example):
        made = {"id": example["tfds_id"]}
        if reading.image_key in example:
            made["image"] = reading.image(example)
        if reading.wanted.keys() <= example.keys():
            made["label"] = reading.label(example)
        if reading.file_name_key in example:
            made["file_name"] = example[reading.file_name_key]
        return made

    config = tfds.ReadConfig(
        add_tfds_id=True, interleave_cycle_length=1, try_autocache=False
    )
    with quiet():
        dataset = store.builder.as_dataset(
            split=store.split, decoders=partial, read_config=config
        )
        if store.left_out:
            left_out = tf.constant(store.left_out)
            dataset = dataset.filter(
                as_written(
                    lambda example: tf.reduce_all(left_out != example["tfds_id"])
                )
            )
        if chosen is not None:
            mask = tf.constant(chosen)
            dataset = dataset.enumerate().filter(as_written(lambda i, _: mask[i]))
            dataset = dataset.map(as_written(lambda _, example: example))
        batches = list(dataset.map(make).batch(1024).as_numpy_iterator())
    if not batches:
        raise ValueError(f"{store.name}:{store.split} holds no examples.")
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
