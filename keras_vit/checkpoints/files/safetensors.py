"""Named arrays from safetensors files: a JSON header, then raw bytes.

The safetensors library checks the header: its size, and that types, shapes and places
of the arrays agree and cover the file, without overlap. The arrays are read with NumPy,
because the library has no bfloat16 for it.
"""

import json
import struct

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, bfloat16_to_float32
from keras_vit.checkpoints.files.errors import Refused, reading
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.plain_files import json_object
from keras_vit.common.wording import display

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
_TYPES = {kind: np.dtype(d).name for kind, d in _DTYPES.items()} | {"BF16": "bfloat16"}


def from_safetensors(path):
    """`Arrays` from a safetensors file."""
    import safetensors

    places = {}
    with reading(path, "safetensors"):
        with safetensors.safe_open(path, "numpy"):
            pass  # it has checked the header
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length), object_pairs_hook=_unique)
        # Of a file of this package: how the model was made.
        about = header.pop("__metadata__", {}).get("keras_vit", "{}")
        config = json_object(about.encode(), display(path))
        for name, entry in header.items():
            kind, shape = entry["dtype"], tuple(entry["shape"])
            if kind not in _DTYPES:
                raise Refused(
                    f"The array {name!r} of {display(path)} has a type that keras_vit "
                    f"does not read. Received: {kind}, known are {', '.join(_DTYPES)}. "
                    "Quantized weights must be expanded and saved again by the project "
                    "that wrote them."
                )
            places[name] = (8 + length + entry["data_offsets"][0], shape, kind)

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
    types = {name: _TYPES.get(kind, kind) for name, (*_, kind) in places.items()}
    return Arrays(shapes, read, "safetensors file", display(path), config, types)


def _unique(pairs):
    """A JSON object in which every name is there once; the library takes the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in its header")
    return found
