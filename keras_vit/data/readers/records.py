"""Stores that read prepared TFDS data sets.

Sets that fit in memory are read once; every epoch then has a full shuffle. Larger ones
are read in a stream: the order of the files is shuffled in every epoch, several files
are read in turns, and a buffer shuffles what comes out.
"""

import logging
import os
import re

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.graphs import as_written, usable_cores
from keras_vit.data.readers.order import Order
from keras_vit.data.readers.record_labels import reading_of
from keras_vit.data.readers.stores import BytesStore, PixelStore
from keras_vit.data.sets.downloads import quiet

MEMORY_BUDGET = 512 * 2**20  # bytes, for examples kept in memory and for shuffling
SUBSET_BUDGET = 4 * 2**30  # bytes, for the chosen examples of a larger set
FILES_IN_TURN = 16
LOGGER = logging.getLogger(__name__)


class RecordStore:
    """One split of a prepared TFDS data set, read in a stream.

    Args:
        builder: A TFDS builder whose data are prepared.
        split: Split in TFDS's syntax.
        name: The data set's name, for errors.
        left_out: Ids of examples that are left out.
        rule: How the label is made; see `record_labels.reading_of`.
        scale: A factor of the pixels.
    """

    def __init__(self, builder, split: str, name: str, left_out=(), rule=None, scale=1):
        self.builder, self.split, self.name = builder, split, name
        self.left_out = tuple(left_out)  # ids
        self.rule = rule
        self.reading = reading_of(builder.info, name, rule, scale)
        self.class_names = list(self.reading.class_names)
        height, width, channels = builder.info.features[self.reading.image_key].shape
        self.num_channels = 1 if channels == 1 else 3
        shape = (height, width, self.num_channels)
        self.image_shape = None if None in shape else shape
        _check_split(builder.info, split, name)

    @property
    def num_examples(self) -> int:
        return self.builder.info.splits[self.split].num_examples - len(self.left_out)

    @property
    def num_bytes(self) -> int | None:
        """Estimated size of the examples in memory; None where TFDS doesn't know."""
        splits = self.builder.info.splits.values()
        total = sum(split.num_examples for split in splits)
        if not total:
            return None
        if self.reading.scale != 1 and self.image_shape:  # they are kept as pixels
            return self.num_examples * int(np.prod(self.image_shape))
        return sum(split.num_bytes for split in splits) * self.num_examples // total

    @property
    def fits(self) -> bool:
        """Whether the encoded examples should be kept in memory."""
        return not self.left_out and (self.num_bytes or 0) <= MEMORY_BUDGET

    def partial(self, image=True, label=True, file_name=False):
        """What TFDS should decode of an example: the image stays encoded."""
        import tensorflow_datasets as tfds

        reading = self.reading
        wanted = dict(reading.wanted) if label else {}
        if image:
            wanted[reading.image_key] = True
        if file_name and reading.file_name_key:
            wanted[reading.file_name_key] = True
        skip = {reading.image_key: tfds.decode.SkipDecoding()} if image else None
        return tfds.decode.PartialDecoding(wanted, decoders=skip)

    def read(self, chosen=None) -> BytesStore | PixelStore:
        """All examples, or the chosen ones, still encoded, in memory."""
        columns = self._columns(chosen, file_name=True)
        labels = self._checked(columns["label"])
        ids = [name.decode() for name in columns["id"]]
        names = columns.get("file_name")
        names = None if names is None else [name.decode() for name in names]
        if self.reading.scale != 1:
            return PixelStore(columns["image"], labels, ids, names)
        return BytesStore(columns["image"], labels, ids, self.image_shape, names)

    def select(self, places: np.ndarray) -> BytesStore | PixelStore:
        """Some examples, still encoded, in memory.

        Args:
            places: Sorted integers, places in the stored order.

        Raises:
            ValueError: if they are too many to be kept in memory.
        """
        share = len(places) / max(1, self.num_examples)
        if (self.num_bytes or 0) * share > SUBSET_BUDGET:
            raise ValueError(
                f"A part of {self.name}:{self.split} is kept in memory, and "
                f"{len(places):,} examples of some "
                f"{self.num_bytes * share / 2**30:.1f} GiB are too many "
                f"({SUBSET_BUDGET / 2**30:.0f} GiB). Take a smaller part, or a slice, "
                "which is read in a stream: 'train[:10%]'."
            )
        wanted = np.zeros(self.num_examples, bool)
        wanted[places] = True
        return self.read(wanted)

    def label_table(self) -> tuple[np.ndarray, list[str]]:
        """(labels, ids) in the stored order; reads the whole set once."""
        LOGGER.info("Reading the labels of %s:%s", self.name, self.split)
        columns = self._columns(image=False)
        labels = self._checked(columns["label"])
        return labels, [name.decode() for name in columns["id"]]

    def file_names(self) -> list[str] | None:
        """The file names that TFDS stored, in the stored order; None without."""
        if self.reading.file_name_key is None:
            return None
        LOGGER.info("Reading the file names of %s:%s", self.name, self.split)
        names = self._columns(image=False, label=False, file_name=True)["file_name"]
        return [name.decode() for name in names]

    def _checked(self, labels):
        if labels.min() < 0:
            raise ValueError(
                f"{self.name}:{self.split} has no labels: some or all of them are -1."
            )
        return labels

    def _columns(self, chosen=None, **wanted) -> dict[str, np.ndarray]:
        """What is wanted of every example, in the stored order.

        Args:
            chosen: Boolean array, which examples are wanted, or None for all.
            **wanted: As for `partial`.

        Returns:
            Arrays by name: "id", and where they are wanted "image" (encoded, or scaled
            pixels), "label" and "file_name".
        """
        import tensorflow_datasets as tfds

        reading = self.reading

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
            dataset = self.builder.as_dataset(
                split=self.split, decoders=self.partial(**wanted), read_config=config
            )
            dataset = self.without_left_out(dataset, lambda example: example["tfds_id"])
            if chosen is not None:
                mask = tf.constant(chosen)
                dataset = dataset.enumerate().filter(as_written(lambda i, _: mask[i]))
                dataset = dataset.map(as_written(lambda _, example: example))
            batches = list(dataset.map(make).batch(1024).as_numpy_iterator())
        if not batches:
            raise ValueError(f"{self.name}:{self.split} holds no examples.")
        return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}

    def items(self, order: Order) -> tf.data.Dataset:
        """`{"index", "seed", "data", "label", "id"}`; `index` counts the epoch."""
        instructions = self.builder.info.splits[self.split].file_instructions
        with tf.device("CPU:0"):
            files = tf.constant([file.filename for file in instructions])
            skips = tf.constant([file.skip for file in instructions], tf.int64)
            takes = tf.constant([file.take for file in instructions], tf.int64)
        partial = self.partial()
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
            stream = self.without_left_out(stream, lambda name, record: name)
            if order.shuffle:
                stream = self._shuffled(stream, order.seed, epoch)
            stream = stream.take(order.per_epoch).skip(skip).enumerate(skip)
            if not order.is_whole:  # before anything is decoded
                keeps = as_written(lambda place, _: order.keeps(epoch, place))
                stream = stream.filter(keeps)
            return stream.map(lambda index, record: parse(epoch, index, *record))

        def parse(epoch, index, name, record):
            example = features.deserialize_example(record, decoders=partial.decoders)
            return {
                "index": index,
                "seed": order.seeds(epoch, index),
                "data": self.reading.image(example),
                "label": self.reading.label(example),
                "id": name,
            }

        with quiet():
            return order.over_epochs(one_epoch)

    def mapped(self, order: Order, function) -> tf.data.Dataset:
        """`function(position, item)` of every item, several at a time."""
        numbered = self.items(order).enumerate()
        return numbered.map(function, num_parallel_calls=usable_cores())

    def _shuffled(self, stream, seed, epoch):
        # `shuffle` would mix in the global seed of the program: this sets the seed of
        # the function that is being traced, and of nothing else. (With 0 TensorFlow
        # would look at the other seed, which is not known yet.)
        tf.compat.v1.set_random_seed(1)
        size = max(1, (self.num_bytes or 0) // max(1, self.num_examples))
        buffer = max(1000, min(self.num_examples, MEMORY_BUDGET // size))
        seed = tf.bitcast(randomness.epoch_seed(seed, epoch), tf.int64)
        return stream.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

    def without_left_out(self, dataset, id_of) -> tf.data.Dataset:
        """The elements of a dataset whose id, `id_of(*element)`, is not left out."""
        if not self.left_out:
            return dataset
        left_out = tf.constant(self.left_out)
        keeps = lambda *element: tf.reduce_all(left_out != id_of(*element))  # noqa: E731
        return dataset.filter(as_written(keeps))

    def leave_out(self, found) -> "RecordStore":
        """The same, without some examples: (place, id, reason) each."""
        ids = self.left_out + tuple(identifier for _, identifier, _ in found)
        scale = self.reading.scale
        return RecordStore(self.builder, self.split, self.name, ids, self.rule, scale)


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
    except (ValueError, KeyError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The split must be written as in TFDS: 'train', 'train[:80%]', "
            f"'train[1000:]+test'. Received: split={split!r} ({error})"
        ) from None
