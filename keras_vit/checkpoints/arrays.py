"""Named arrays from a file or from memory, read one at a time."""

import json
import math
import os
import struct
import zipfile

import keras
import numpy as np


class Arrays:
    """Arrays by name, with their shapes known before any of them is read.

    Not for direct use: see `keras_vit.checkpoints.open_arrays`.

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
        """The array, as floats that NumPy knows; read anew at every call."""
        array = np.asarray(self._read(name))
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
            elif not hasattr(value, "shape"):
                raise ValueError(
                    "A dictionary of weights must hold arrays (or dictionaries of "
                    f"them). Received: {name!r} is a {type(value).__name__}"
                )
            else:
                flat[name] = value

    walk(arrays, "")

    def read(name):
        value = flat[name]
        value = value.value if isinstance(value, keras.Variable) else value
        for method in ("detach", "cpu", "numpy"):  # of tensors of any framework
            if hasattr(value, method) and not isinstance(value, np.ndarray):
                value = getattr(value, method)()
        return _known_dtype(np.asarray(value))

    shapes = {name: tuple(value.shape) for name, value in flat.items()}
    return Arrays(shapes, read, "dictionary", origin)


def from_npz(path):
    """`Arrays` from a NumPy `.npz` file; pickled objects are refused."""
    shapes = {}
    try:
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as file:
                    shape, _, dtype = _npy_header(file)
                _refuse_objects(dtype, member[:-4], path)
                shapes[member[:-4]] = shape
    except (zipfile.BadZipFile, EOFError, OSError, struct.error) as error:
        raise _broken(path, "npz", error) from error
    except ValueError as error:
        if "pickle" in str(error):
            raise
        raise _broken(path, "npz", error) from error

    def read(name):
        try:
            with archive.open(name + ".npy") as file:
                shape, fortran, dtype = _npy_header(file)
                array = np.empty(math.prod(shape), dtype)
                view = memoryview(array.view("u1"))
                start = 0
                while count := file.readinto(view[start : start + (1 << 20)]):
                    start += count
                file.read(1)  # the end of the member, where its checksum is compared
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise _broken(path, "npz", error, name) from error
        if start != array.nbytes:
            raise _broken(path, "npz", "it ends too early", name)
        array = array.reshape(shape, order="F" if fortran else "C")
        return _known_dtype(array)

    return Arrays(shapes, read, "npz file", str(path))


def _npy_header(file):
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _refuse_objects(dtype, name, path):
    if dtype.hasobject:
        raise ValueError(
            f"{path} holds pickled Python objects (in {name!r}). Unpickling runs code "
            "from the file, so keras_vit never does it: save plain arrays with "
            "`np.savez(path, **arrays)`, or tensors as safetensors."
        )


def _known_dtype(array):
    """big_vision writes bfloat16 as 2-byte void; ml_dtypes has a dtype for it."""
    if array.dtype == "V2" or array.dtype.name == "bfloat16":
        return bfloat16_to_float32(array)
    return array


_SAFETENSORS_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def from_safetensors(path):
    """`Arrays` from a safetensors file.

    The format is a JSON header and raw bytes, read here with NumPy alone, because
    the safetensors library has no bfloat16 for NumPy.
    """
    size = os.path.getsize(path)
    try:
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > size - 8:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        start = 8 + length
        places = {}
        for name, entry in header.items():
            shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
            dtype = _SAFETENSORS_DTYPES.get(entry["dtype"])
            if dtype is None:
                raise ValueError(f"{name!r} has the unknown type {entry['dtype']}")
            if end - begin != math.prod(shape) * np.dtype(dtype).itemsize:
                raise ValueError(f"the size of {name!r} contradicts its shape")
            if start + end > size:
                raise ValueError(f"it ends before {name!r}")
            places[name] = (start + begin, shape, dtype, entry["dtype"])
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise _broken(path, "safetensors", error) from error

    def read(name):
        offset, shape, dtype, kind = places[name]
        array = np.fromfile(path, dtype, math.prod(shape), offset=offset)
        array = array.reshape(shape)
        return bfloat16_to_float32(array) if kind == "BF16" else array

    shapes = {name: place[1] for name, place in places.items()}
    return Arrays(shapes, read, "safetensors file", str(path))


def merge(parts, origin):
    """One `Arrays` of several: the shards of a checkpoint."""
    owners = {name: part for part in parts for name in part}
    shapes = {name: part.shapes[name] for name, part in owners.items()}
    config = parts[0].config
    return Arrays(
        shapes, lambda name: owners[name].read(name), parts[0].kind, origin, config
    )


def _broken(path, kind, error, name=None):
    where = "" if name is None else f" at the array {name!r}"
    return ValueError(
        f"The {kind} file {path} is truncated or corrupted{where}: {error}. "
        "Delete it and fetch it again."
    )
