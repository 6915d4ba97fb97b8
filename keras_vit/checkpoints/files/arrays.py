"""Named arrays from any source, read one at a time."""

import keras
import numpy as np

from keras_vit.checkpoints.files.errors import Refused
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
        types: Dictionary of name to the type of the numbers in the file, such as
            `"bfloat16"`, for people.
    """

    def __init__(self, shapes, read, kind, origin, config=None, types=None):
        self.shapes = shapes
        self.kind = kind
        self.origin = origin
        self.config = dict(config or {})
        self.types = dict(types or {})
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
                "not numbers. Save it as float32."
            )
        # Of long doubles backends know nothing.
        return array.astype("f8") if array.dtype.itemsize > 8 else array


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
    types = {name: type_name(value.dtype) for name, value in flat.items()}
    return Arrays(shapes, read, "dictionary", origin, types=types)


def type_name(dtype):
    """`"float32"` of a dtype of any framework."""
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    return "bfloat16" if name == "void16" else name  # as in `known_dtype`


def known_dtype(array):
    """big_vision writes bfloat16 as 2-byte void; ml_dtypes has a dtype for it."""
    if array.dtype == "V2" or array.dtype.name == "bfloat16":
        return bfloat16_to_float32(array)
    return array


def merge(parts, origin):
    """One `Arrays` of several: the shards of a checkpoint.

    Raises:
        ValueError: if two of them hold an array of the same name.
    """
    owners = {name: part for part in parts for name in part}
    twice = [name for part in parts for name in part if owners[name] is not part]
    if twice:
        raise Refused(
            f"{origin} holds the array {twice[0]!r} in two files. Fetch all of them "
            "again."
        )
    shapes = {name: part.shapes[name] for name, part in owners.items()}
    types = {name: part.types.get(name, "") for name, part in owners.items()}

    def read(name):
        return owners[name].read(name)

    first = parts[0]
    return Arrays(shapes, read, first.kind, origin, first.config, types)
