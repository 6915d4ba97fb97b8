"""Named arrays from any source, read one at a time."""

import contextlib

import keras
import numpy as np

from keras_vit.checkpoints.files.memory import aligned_copy


class Arrays:
    """Arrays by name, with their shapes known before any of them is read.

    Not for direct use: `keras_vit.checkpoints.open_source` makes them.

    Args:
        shapes: Dictionary of name to shape, in the order of the file.
        read: Function of a name that returns the NumPy array.
        kind: String, what the arrays come from, such as `"npz file"`.
        origin: String, the address for messages.
        config: Dictionary of what the file says of its model, often empty.
    """

    def __init__(self, shapes, read, kind, origin, config=None):
        self.shapes = shapes
        self.kind = kind
        self.origin = origin
        self.config = dict(config or {})
        self._read = read

    def __iter__(self):
        return iter(self.shapes)

    def __len__(self):
        return len(self.shapes)

    def read(self, name):
        """The array, as numbers that NumPy knows.

        Read anew at every call: its memory is the caller's alone, to keep or give
        away.
        """
        array = np.asarray(self._read(name))
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.dtype.kind not in "fiu":
            raise ValueError(
                f"The array {name!r} of {self.origin} holds {array.dtype} values, "
                "not numbers."
            )
        return array


def bfloat16_to_float32(array):
    """float32 values of an array of 2-byte bfloat16 items of any dtype."""
    return (array.view("<u2").astype("<u4") << 16).view("<f4")


def from_dictionary(arrays, origin="a dictionary"):
    """`Arrays` from a (nested) dictionary of arrays, tensors or Keras variables."""
    flat = {}

    def walk(tree, prefix):
        for key, value in tree.items():
            name = f"{prefix}{key}"
            if hasattr(value, "items"):
                walk(value, name + "/")
            elif hasattr(value, "shape"):
                flat[name] = value
            else:
                raise ValueError(
                    "A dictionary of weights must hold arrays (or dictionaries of "
                    f"them). Received: {name!r} is a {type(value).__name__}"
                )

    walk(arrays, "")

    def read(name):
        value = flat[name]
        value = value.value if isinstance(value, keras.Variable) else value
        for method in ("detach", "cpu", "numpy"):  # of tensors of any framework
            if hasattr(value, method) and not isinstance(value, np.ndarray):
                value = getattr(value, method)()
        return known_dtype(aligned_copy(np.asarray(value)))

    shapes = {name: tuple(value.shape) for name, value in flat.items()}
    return Arrays(shapes, read, "dictionary", origin)


def known_dtype(array):
    """big_vision writes bfloat16 as 2-byte void; ml_dtypes has a dtype for it."""
    if array.dtype == "V2" or array.dtype.name == "bfloat16":
        return bfloat16_to_float32(array)
    return array


def merge(parts, origin):
    """One `Arrays` of several: the shards of a checkpoint."""
    owners = {name: part for part in parts for name in part}
    shapes = {name: part.shapes[name] for name, part in owners.items()}
    first = parts[0]
    return Arrays(
        shapes, lambda name: owners[name].read(name), first.kind, origin, first.config
    )


class Refused(ValueError):
    """Says what a file that may well be whole holds, and why it is not read."""


@contextlib.contextmanager
def reading(path, kind, name=None):
    """Names the file, and the array, in the errors of one that is broken.

    Args:
        path: The file.
        kind: String, its format.
        name: String, the array that is read, or `None` for the file's own tables.
    """
    try:
        yield
    except (Refused, MemoryError, PermissionError):  # the file may be whole
        raise
    except Exception as error:  # of readers of foreign bytes, of many classes
        where = "" if name is None else f" at the array {name!r}"
        raise ValueError(
            f"The {kind} file {path} is truncated or corrupted{where}: {error}. "
            "Delete it and fetch it again."
        ) from error
