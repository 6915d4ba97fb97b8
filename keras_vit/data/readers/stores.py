"""Where the examples of a source lie, and in which order they come out.

A store knows how many examples there are, and gives example number `index` as a
dictionary: `data` (an encoded image, or decoded `uint8` pixels) or `file` (its path),
`label`, `id`. Three of them can be asked for any index, so an epoch's order is a
permutation of all indices: pixels in memory, encoded images in memory, files in
folders. Records that don't fit in memory can only be read in a stream: `records.py`.
"""

import functools
import os

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data import randomness
from keras_vit.data.graphs import as_written, usable_cores
from keras_vit.data.readers.order import Order


class IndexedStore:
    """Base of the stores that give any example at once."""

    labels: np.ndarray  # int64, (N,)
    ids = originals = None
    image_shape: tuple[int, int, int] | None = None  # (H, W, C) where all share it

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    def indices(self, order: Order) -> tf.data.Dataset:
        """The order itself: `{"index", "seed"}`, scalar `int64` and `uint64`."""
        size = self.num_examples

        def one_epoch(epoch, skip):
            if order.shuffle:
                indices = randomness.permutation(size, order.seed, epoch)
            else:
                indices = tf.range(size, dtype=tf.int64)
            indices = indices[skip : order.per_epoch]
            if not order.is_whole:
                places = tf.range(skip, order.per_epoch, dtype=tf.int64)
                indices = tf.boolean_mask(indices, order.keeps(epoch, places))
            # Here for the whole epoch at once: later it would cost each image more.
            both = {"index": indices, "seed": order.seeds(epoch, indices)}
            return tf.data.Dataset.from_tensor_slices(both)

        return order.over_epochs(one_epoch)

    def items(self, order: Order) -> tf.data.Dataset:
        """`{"index", "seed", "data" or "file", "label", "id"}` in order."""
        fetch = self.fetcher()
        return self.indices(order).map(
            as_written(lambda at: {**at, **fetch(at["index"])})
        )

    def mapped(self, order: Order, function) -> tf.data.Dataset:
        """`function(position, item)` of every item, several at a time.

        The same as mapping `items`, but that each map costs a twentieth of a
        millisecond for every example.
        """
        fetch = self.fetcher()
        return (
            self.indices(order)
            .enumerate()
            .map(
                as_written(lambda at, i: function(at, {**i, **fetch(i["index"])})),
                num_parallel_calls=usable_cores(),
            )
        )

    def fetcher(self):
        """A function from an index (scalar `int64`) to the example's dictionary."""
        raise NotImplementedError

    def select(self, indices: np.ndarray) -> "IndexedStore":
        """The store of some of the examples."""
        raise NotImplementedError

    def name_of(self, index: int) -> str:
        """The id of an example, for people."""
        raise NotImplementedError

    def leave_out(self, found) -> "IndexedStore":
        """The store without some examples: (place, name, reason) each."""
        places = np.asarray([place for place, _, _ in found])
        return self.select(np.delete(np.arange(self.num_examples), places))

    def label_table(self) -> tuple[np.ndarray, list]:
        """(labels, a name for each example that doesn't depend on its place)."""
        return self.labels, self.names()

    def names(self) -> list:
        return list(range(self.num_examples)) if self.ids is None else list(self.ids)

    def file_names(self) -> list[str] | None:
        """The names of the images' original files, where they are known."""
        return None if self.originals is None else list(self.originals)


class PixelStore(IndexedStore):
    """Decoded images in memory, all of one shape: `uint8`, `(N, H, W, C)`."""

    def __init__(self, images, labels: np.ndarray, ids=None, originals=None):
        self.images, self.labels = images, np.asarray(labels, np.int64)
        self.ids = _objects(ids)
        self.originals = _objects(originals)
        self.image_shape = images.shape[1:]

    @functools.cached_property
    def tensors(self):
        """(images, labels, ids) in the host's memory; a GPU must not hold them."""
        names = range(self.num_examples) if self.ids is None else self.ids
        with tf.device("CPU:0"):
            images = tf.constant(self.images)
            labels = tf.constant(self.labels)
            ids = tf.constant([to_bytes(name) for name in names], tf.string)
        self.images = images.numpy()  # the same memory, so that it is there once
        return images, labels, ids

    def fetcher(self):
        images, labels, ids = self.tensors

        def fetch(index):
            return {"data": images[index], "label": labels[index], "id": ids[index]}

        return fetch

    def select(self, indices):
        names = _chosen(self.ids, indices), _chosen(self.originals, indices)
        return PixelStore(self.images[indices], self.labels[indices], *names)

    def name_of(self, index):
        return str(index) if self.ids is None else display(self.ids[index])


class BytesStore(IndexedStore):
    """Encoded images in memory: a list of `bytes`."""

    def __init__(
        self, encoded, labels: np.ndarray, ids, image_shape=None, originals=None
    ):
        self.encoded = np.asarray(encoded, object)
        self.labels = np.asarray(labels, np.int64)
        self.ids = np.asarray(ids, object)
        self.image_shape = image_shape
        self.originals = _objects(originals)

    def fetcher(self):
        with tf.device("CPU:0"):
            encoded = tf.constant(list(self.encoded), tf.string)
            labels = tf.constant(self.labels)
            ids = tf.constant([to_bytes(name) for name in self.ids], tf.string)

        def fetch(index):
            return {"data": encoded[index], "label": labels[index], "id": ids[index]}

        return fetch

    def select(self, indices):
        arrays = (self.encoded[indices], self.labels[indices], self.ids[indices])
        originals = _chosen(self.originals, indices)
        return BytesStore(*arrays, self.image_shape, originals)

    def name_of(self, index):
        return display(self.ids[index])


class FileStore(IndexedStore):
    """Image files below a folder, read when their turn comes.

    Args:
        root: The folder.
        files: Paths relative to it, with forward slashes.
        labels: Integer array, one per file.
        image_shape: (H, W, C) if all files seem to share it.
    """

    def __init__(self, root: str, files, labels: np.ndarray, image_shape=None):
        self.root = root
        self.files = np.asarray(files, object)
        self.labels = np.asarray(labels, np.int64)
        self.image_shape = image_shape

    def fetcher(self):
        with tf.device("CPU:0"):
            root = tf.constant(os.fsencode(os.path.join(self.root, "")))
            files = tf.constant([to_bytes(file) for file in self.files], tf.string)
            labels = tf.constant(self.labels)

        def fetch(index):
            file = root + tf.gather(files, index)
            return {"file": file, "label": tf.gather(labels, index), "id": file}

        return fetch

    def select(self, indices):
        arrays = (self.files[indices], self.labels[indices])
        return FileStore(self.root, *arrays, self.image_shape)

    def name_of(self, index):
        return display(os.path.join(self.root, self.files[index]))

    def names(self):
        return list(self.files)

    def file_names(self):
        return [display(file) for file in self.files]


def _objects(names):
    return None if names is None else np.asarray(names, object)


def _chosen(names, indices):
    return None if names is None else names[indices]


def to_bytes(name) -> bytes:
    """The bytes of a file name, also of one that isn't valid UTF-8."""
    return name if isinstance(name, bytes) else os.fsencode(str(name))
