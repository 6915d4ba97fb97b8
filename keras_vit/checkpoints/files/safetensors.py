"""Named arrays from safetensors files: a JSON header, then raw bytes.

Read with NumPy alone, because the safetensors library has no bfloat16 for NumPy.
"""

import json
import math
import os
import struct

import numpy as np

from keras_vit.checkpoints.files.arrays import (
    Arrays,
    Refused,
    bfloat16_to_float32,
    reading,
)
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


def from_safetensors(path):
    """`Arrays` from a safetensors file."""
    places = {}
    with reading(path, "safetensors"):
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > size - 8:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            kind, shape = entry["dtype"], tuple(entry["shape"])
            if kind not in _DTYPES:
                raise Refused(
                    f"The array {name!r} of {path} has a type that keras_vit does not "
                    f"read. Received: {kind}, known are {', '.join(_DTYPES)}. "
                    "Quantized weights must be expanded and saved again by the project "
                    "that wrote them."
                )
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            if end - begin != math.prod(shape) * np.dtype(_DTYPES[kind]).itemsize:
                raise ValueError(f"the size of {name!r} contradicts its shape")
            if end > size:
                raise ValueError(f"it ends before {name!r}")
            places[name] = (begin, shape, kind)

    def read(name):
        begin, shape, kind = places[name]
        array = aligned_empty(shape, _DTYPES[kind])
        with reading(path, "safetensors", name), open(path, "rb") as file:
            file.seek(begin)
            count = file.readinto(memoryview(array.reshape(-1).view("u1")))
            if count != array.nbytes:
                raise EOFError("it ends too early")
        return bfloat16_to_float32(array) if kind == "BF16" else array

    shapes = {name: shape for name, (_, shape, _) in places.items()}
    return Arrays(shapes, read, "safetensors file", str(path))
