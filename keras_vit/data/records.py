"""Prepared TFDS data sets as stores.

Sets that fit in memory are read once; every epoch then has a full shuffle. Larger ones
are read in a stream: the order of the files is shuffled in every epoch, several files
are read in turns, and a buffer shuffles what comes out.
"""

import os
import re

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.downloads import quiet
from keras_vit.data.stores import BytesStore, Order, as_written, display

MEMORY_BUDGET = 512 * 2**20  # bytes, for examples kept in memory and for shuffling
FILES_IN_TURN = 16


class RecordStore:
    """One split of a prepared TFDS data set, read in a stream.

    Args:
        builder: A TFDS builder whose data are prepared.
        split: Split in TFDS's syntax.
        name: The data set's name, for errors.
    """

    def __init__(self, builder, split: str, name: str, left_out=()):
        self.builder, self.split, self.name = builder, split, name
        self.left_out = tuple(left_out)  # ids
        self.image_key, self.label_key = _keys(builder.info, name)
        features = builder.info.features
        self.class_names = list(features[self.label_key].names)
        _check_format(builder.info, self.image_key, name)
        height, width, channels = features[self.image_key].shape
        self.num_channels = 1 if channels == 1 else 3
        shape = (height, width, self.num_channels)
        self.image_shape = None if None in shape else shape
        _check_split(builder.info, split, name)

    @property
    def num_examples(self) -> int:
        return self.builder.info.splits[self.split].num_examples - len(self.left_out)

    @property
    def num_bytes(self) -> int | None:
        """Estimated size of the encoded examples; None where TFDS doesn't know."""
        splits = self.builder.info.splits.values()
        total = sum(split.num_examples for split in splits)
        if not total:
            return None
        return sum(split.num_bytes for split in splits) * self.num_examples // total

    @property
    def fits(self) -> bool:
        """Whether the encoded examples should be kept in memory."""
        return not self.left_out and (self.num_bytes or 0) <= MEMORY_BUDGET

    def _partial(self):
        import tensorflow_datasets as tfds

        wanted = {self.image_key: True, self.label_key: True}
        skip = {self.image_key: tfds.decode.SkipDecoding()}
        return tfds.decode.PartialDecoding(wanted, decoders=skip)

    def read(self) -> BytesStore:
        """All examples, still encoded, in memory."""
        import tensorflow_datasets as tfds

        with quiet():
            dataset = self.builder.as_dataset(
                split=self.split,
                decoders=self._partial(),
                read_config=tfds.ReadConfig(
                    add_tfds_id=True, interleave_cycle_length=1, try_autocache=False
                ),
            )
            batches = list(dataset.batch(1024).as_numpy_iterator())
        if not batches:
            raise ValueError(f"{self.name}:{self.split} holds no examples.")

        def column(key):
            return np.concatenate([batch[key] for batch in batches])

        labels = column(self.label_key)
        if labels.min() < 0:
            raise ValueError(
                f"{self.name}:{self.split} has no labels: they are all, or some, -1."
            )
        ids = [name.decode() for name in column("tfds_id")]
        return BytesStore(column(self.image_key), labels, ids, self.image_shape)

    def items(self, order: Order) -> tf.data.Dataset:
        """`{"epoch", "index", "data", "label", "id"}`; `index` counts the epoch."""
        instructions = self.builder.info.splits[self.split].file_instructions
        with tf.device("CPU:0"):
            files = tf.constant([file.filename for file in instructions])
            skips = tf.constant([file.skip for file in instructions], tf.int64)
            takes = tf.constant([file.take for file in instructions], tf.int64)
        partial = self._partial()
        features = partial.extract_features(self.builder.info.features)

        @as_written
        def records(number):
            path = files[number]
            name = tf.strings.split(path, os.sep)[-1]
            dataset = tf.data.TFRecordDataset(path).enumerate()
            dataset = dataset.skip(skips[number]).take(takes[number])
            return dataset.map(
                as_written(lambda i, r: (name + "__" + tf.strings.as_string(i), r))
            )

        def one_epoch(epoch, skip):
            numbers = tf.range(len(instructions), dtype=tf.int64)
            if order.shuffle:
                numbers = randomness.permutation(len(instructions), order.seed, epoch)
            stream = tf.data.Dataset.from_tensor_slices(numbers).interleave(
                records,
                cycle_length=FILES_IN_TURN if order.shuffle else 1,
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
            if self.left_out:
                left_out = tf.constant(self.left_out)
                stream = stream.filter(
                    as_written(lambda i, _: tf.reduce_all(left_out != i))
                )
            if order.shuffle:
                stream = self._shuffled(stream, order.seed, epoch)
            stream = stream.take(order.per_epoch).skip(skip).enumerate(skip)
            return stream.map(lambda index, record: parse(epoch, index, *record))

        def parse(epoch, index, name, record):
            example = features.deserialize_example(record, decoders=partial.decoders)
            return {
                "epoch": epoch,
                "index": index,
                "data": example[self.image_key],
                "label": example[self.label_key],
                "id": name,
            }

        with quiet():
            return order.over_epochs(one_epoch)

    def _shuffled(self, stream, seed, epoch):
        # `shuffle` would mix in the global seed of the program: this sets the seed of
        # the function that is being traced, and of nothing else. (With 0 TensorFlow
        # would look at the other seed, which is not known yet.)
        tf.compat.v1.set_random_seed(1)
        size = max(1, (self.num_bytes or 0) // max(1, self.num_examples))
        buffer = max(1000, min(self.num_examples, MEMORY_BUDGET // size))
        seed = tf.bitcast(randomness.epoch_seed(seed, epoch), tf.int64)
        return stream.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

    def without(self, ids) -> "RecordStore":
        """The same, without the examples of some ids."""
        return RecordStore(self.builder, self.split, self.name, ids)

    def name_of(self, identifier) -> str:
        return display(identifier)


def _keys(info, name):
    """The names of the image and of the label among the features."""
    import tensorflow_datasets as tfds

    features = info.features
    if not hasattr(features, "items"):
        raise ValueError(f"{name} is not made of single examples with named parts.")
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    pair = info.supervised_keys
    if isinstance(pair, tuple) and len(pair) == 2:
        # Other data sets name pairs too: texts, boxes, masks.
        if all(
            k in features and isinstance(features[k], kind)
            for k, kind in zip(pair, kinds)
        ):
            return pair
    found = [[k for k, f in features.items() if type(f) is kind] for kind in kinds]
    if not all(len(keys) == 1 for keys in found):
        raise ValueError(
            f"{name} has no labels that images could be sorted into: exactly one image "
            f"and one class label are needed. Its parts: {dict(features.items())}"
        )
    return found[0][0], found[1][0]


def _check_format(info, image_key, name):
    dtype = np.dtype(info.features[image_key].np_dtype)
    if dtype != np.uint8:
        raise ValueError(
            f"The images of {name} must be uint8, values in [0, 255]. Received: {dtype}"
        )
    stored = getattr(info.file_format, "value", "tfrecord")
    if stored != "tfrecord":
        raise ValueError(
            f"{name} is stored as {stored}. Prepare it as TFRecord: "
            "tfds build NAME --file_format=tfrecord"
        )


def _check_split(info, split, name):
    known = list(info.splits)
    asked = re.findall(r"(?:^|\+)\s*([\w.\-/]+)", split)
    unknown = [part for part in asked if part not in known and part != "all"]
    if known and (unknown or not asked):
        raise ValueError(
            f"{name} has the splits {', '.join(known)}. Received: split={split!r}"
        )
    if not known:
        return
    try:
        info.splits[split]  # TFDS checks the brackets
    except (ValueError, KeyError, AssertionError) as error:
        raise ValueError(
            f"The split must be written as in TFDS: 'train', 'train[:80%]', "
            f"'train[1000:]+test'. Received: split={split!r} ({error})"
        ) from None
