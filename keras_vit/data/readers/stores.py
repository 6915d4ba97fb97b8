"""Stores of examples: pixels or encoded images in memory, or files in folders.

A store knows how many examples there are, and gives example number `index` as a
dictionary: `data` (an encoded image, or decoded `uint8` pixels) or `file` (its path),
`label`, `id`. Three of them can be asked for any index, so an epoch's order is a
permutation of all indices: pixels in memory, encoded images in memory, files in
folders. Records that don't fit in memory can only be read in a stream: `records.py`.
"""

import dataclasses
import functools
import math
import os

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data import randomness
from keras_vit.data.decoding.pillow import is_image_file
from keras_vit.data.graphs import as_written, usable_cores
from keras_vit.data.readers.balanced import balanced_draws
from keras_vit.data.readers.order import Order

ALIGNMENT = 64  # bytes, of the beginning of every tensor


class IndexedStore:
    """Base of the stores that give any example at once.

    Each has a `fetcher`: a function from an index (scalar `int64`) to the example's
    dictionary.
    """

    labels: np.ndarray  # int64, (N,)
    ids = originals = None
    image_shape = None  # (H, W, C) where all share it

    def __post_init__(self):
        self.labels = np.asarray(self.labels, np.int64)
        for column in ("encoded", "files", "ids", "originals"):
            if getattr(self, column, None) is not None:
                setattr(self, column, np.asarray(getattr(self, column), object))

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    def indices(self, order: Order) -> tf.data.Dataset:
        """The order itself: `{"index", "seed"}`, scalar `int64` and `uint64`."""

        def one_epoch(epoch, skip):
            indices, turns = self._epoch(order, epoch)
            kept = tf.range(order.per_epoch, dtype=tf.int64) >= skip
            if not order.is_whole:
                places = tf.range(order.per_epoch, dtype=tf.int64)
                kept &= order.keeps(epoch, places)
            indices, turns = (tf.boolean_mask(x, kept) for x in (indices, turns))
            # Here for the whole epoch at once: later it would cost each image more.
            both = {"index": indices, "seed": order.seeds(turns, indices)}
            return tf.data.Dataset.from_tensor_slices(both)

        return order.over_epochs(one_epoch)

    def _epoch(self, order, epoch):
        """The indices of an epoch, and the number of each one's own: `int64`."""
        count = order.per_epoch
        if order.balanced:

            def draws(epoch):
                begin = int(epoch) * count
                return balanced_draws(self.labels, order.seed, begin, begin + count)

            kinds = (tf.int64, tf.int64)
            drawn = tf.numpy_function(draws, [epoch], kinds, stateful=False)
            return tuple(tf.ensure_shape(each, [count]) for each in drawn)
        if order.shuffle:
            indices = randomness.permutation(self.num_examples, order.seed, epoch)
        else:
            indices = tf.range(self.num_examples, dtype=tf.int64)
        return indices[:count], tf.fill([count], epoch)

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
        call = as_written(lambda at, i: function(at, {**i, **fetch(i["index"])}))
        numbered = self.indices(order).enumerate()
        return numbered.map(call, num_parallel_calls=usable_cores())

    def select(self, indices: np.ndarray) -> "IndexedStore":
        """The store of some of the examples."""
        columns = {
            field.name: value[indices]
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return dataclasses.replace(self, **columns)

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


@dataclasses.dataclass(eq=False)
class PixelStore(IndexedStore):
    """Decoded images in memory, all of one shape: `uint8`, `(N, H, W, C)`."""

    images: np.ndarray
    labels: np.ndarray
    ids: np.ndarray | None = None
    originals: np.ndarray | None = None
    # Whether nobody else has the images: TensorFlow may then use their memory.
    owned: bool = False

    @property
    def image_shape(self):
        return self.images.shape[1:]

    @functools.cached_property
    def tensors(self):
        """(images, labels, ids) in the host's memory; a GPU must not hold them."""
        if not (self.owned and _is_aligned(self.images)):
            images = aligned_zeros(self.images.shape)
            images[...] = self.images
            self.images, self.owned = images, True
        with tf.device("CPU:0"):
            labels, ids = tf.constant(self.labels), _names(self.names())
        # `tf.constant` and `numpy()` would copy, and all images be there three times.
        images = tf.experimental.dlpack.from_dlpack(self.images.__dlpack__())
        return images, labels, ids

    def fetcher(self):
        return _fetch_from(*self.tensors)


@dataclasses.dataclass(eq=False)
class BytesStore(IndexedStore):
    """Encoded images in memory: an array of `bytes`."""

    encoded: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    image_shape: tuple[int, int, int] | None = None
    originals: np.ndarray | None = None

    def fetcher(self):
        with tf.device("CPU:0"):
            encoded = tf.constant(list(self.encoded), tf.string)
            return _fetch_from(encoded, tf.constant(self.labels), _names(self.ids))


@dataclasses.dataclass(eq=False)
class FileStore(IndexedStore):
    """Image files below a folder, read when their turn comes.

    Args:
        root: The folder.
        files: Paths relative to it, with forward slashes.
        labels: Integer array, one per file.
        image_shape: (H, W, C) if all files seem to share it.
        regular: Boolean array, which files can be opened at all; found out by default.
        groups: Array of strings, the group of each file, if they are grouped.
    """

    root: str
    files: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int, int] | None = None
    regular: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.regular is None:
            paths = (os.path.join(self.root, file) for file in self.files)
            self.regular = np.fromiter(map(is_image_file, paths), bool)

    def fetcher(self):
        with tf.device("CPU:0"):
            root = tf.constant(os.fsencode(os.path.join(self.root, "")))
            files, labels = _names(self.files), tf.constant(self.labels)
            # TensorFlow would wait for a pipe, and read a device until memory ends. It
            # fails at once with a path that says that a pipe is a folder.
            ends = np.where(self.regular, b"", b"/is no regular file")
            ends = tf.constant(ends.astype(object))

        def fetch(index):
            file = name = root + tf.gather(files, index)
            if not self.regular.all():
                file += tf.gather(ends, index)
            return {"file": file, "label": tf.gather(labels, index), "id": name}

        return fetch

    def names(self):
        return list(self.files)

    def file_names(self):
        return [display(file) for file in self.files]


def aligned_zeros(shape) -> np.ndarray:
    """`uint8` zeros in memory that TensorFlow can use as it is."""
    size = math.prod(shape)
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].reshape(shape)


def _is_aligned(array):
    return array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0


def _fetch_from(data, labels, ids):
    def fetch(index):
        return {"data": data[index], "label": labels[index], "id": ids[index]}

    return fetch


def _names(names):
    """A tensor of file names, also of such as aren't valid UTF-8."""
    encoded = [n if isinstance(n, bytes) else os.fsencode(str(n)) for n in names]
    return tf.constant(encoded, tf.string)
