"""Named arrays from safetensors files: a JSON header, then raw bytes.

Read with NumPy alone, because the safetensors library has no bfloat16 for NumPy.
"""

import json
import math
import os
import struct

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, bfloat16_to_float32, broken
from keras_vit.checkpoints.files.memory import aligned_empty

_DTYPES = {
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


class _UnknownType(ValueError):
    """The file is whole, but holds numbers of a type that cannot be read."""


def from_safetensors(path):
    """`Arrays` from a safetensors file."""
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
        _check_types(path, header)
        for name, entry in header.items():
            shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
            dtype = _DTYPES[entry["dtype"]]
            if end - begin != math.prod(shape) * np.dtype(dtype).itemsize:
                raise ValueError(f"the size of {name!r} contradicts its shape")
            if start + end > size:
                raise ValueError(f"it ends before {name!r}")
            places[name] = (start + begin, shape, dtype, entry["dtype"])
    except _UnknownType:
        raise
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise broken(path, "safetensors", error) from error

    def read(name):
        offset, shape, dtype, kind = places[name]
        array = aligned_empty(shape, dtype)
        with open(path, "rb") as file:
            file.seek(offset)
            count = file.readinto(memoryview(array.reshape(-1).view("u1")))
        if count != array.nbytes:
            raise broken(path, "safetensors", "it ends too early", name)
        return bfloat16_to_float32(array) if kind == "BF16" else array

    shapes = {name: place[1] for name, place in places.items()}
    return Arrays(shapes, read, "safetensors file", str(path))


def _check_types(path, header):
    for name, entry in header.items():
        if entry["dtype"] not in _DTYPES:
            raise _UnknownType(
                f"The array {name!r} of {path} has a type that keras_vit does not "
                f"read. Received: {entry['dtype']}, known are {', '.join(_DTYPES)}. "
                "Quantized weights must be expanded and saved again by the project "
                "that wrote them."
            )
