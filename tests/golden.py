"""Numbers of the original implementations.

Small cases ship with the tests, in `golden_cases.xz`, `door_cases.xz` (files as people
have them), `lineage_cases.xz` (the networks before the ViT, and Segmenter) and
`dense_cases.xz` (detectors, masks and boxes), which `make_golden_cases.py` and its like
made from the whole golden data. The whole data are taken where they are found: in the
folder that KERAS_VIT_GOLDEN names (if it is set, only there), or in `shared/golden`
beside the checkout. Tests of what is found nowhere are skipped.
"""

import base64
import functools
import json
import lzma
import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

SHIPPED = "golden_cases.xz"
DOORS = "door_cases.xz"
LINEAGE = "lineage_cases.xz"
DENSE = "dense_cases.xz"
_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT / "keras_vit" / "checkpoints" / "golden" / "cases.npz"
_PLACES = [_ROOT.parent / "shared" / "golden", _ROOT / "shared" / "golden"]
if named := os.environ.get("KERAS_VIT_GOLDEN"):
    _PLACES = [Path(named)]
FOLDER = next((place for place in _PLACES if place.is_dir()), None)


def path(name):
    """A golden file or folder, such as `vit/token_rep.io.npz`; skips without it."""
    if FOLDER is not None and (FOLDER / name).exists():
        return FOLDER / name
    folder = _unpacked()
    for source in (SHIPPED, DOORS, LINEAGE, DENSE):
        for file in shipped(source)[0]:
            if file == name or file.startswith(f"{name}/"):
                write(folder / file, shipped_file(file, source))
    if not (folder / name).exists():
        pytest.skip(f"golden data not found: {name}")
    return folder / name


def arrays(name):
    """The arrays of a golden `.npz` file, by key; skips for one that is not there."""
    with np.load(path(name)) as file:
        return _Arrays(file)


def config(name):
    """A golden `.json` file."""
    return json.loads(path(name).read_text())


class _Arrays(dict):
    def __missing__(self, key):
        pytest.skip(f"golden data not found: {key}")


@functools.cache
def _unpacked():
    folder = tempfile.TemporaryDirectory(prefix="keras_vit_golden_")
    _unpacked.keep = folder  # as long as the tests run
    return Path(folder.name)


def write(target, content):
    """Writes what `shipped_file` gives, unless it is there."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".npz":
        np.savez(target, **content)
    elif target.suffix == ".safetensors":
        write_safetensors(target, content)
    elif target.suffix == ".h5":
        write_keras_h5(target, content)
    elif target.suffix == ".json":
        target.write_text(json.dumps(content))
    else:
        target.write_bytes(content)


def write_safetensors(target, arrays):
    """Arrays in float32, without any of the package's code."""
    header, data = {}, b""
    for name, array in arrays.items():
        places = [len(data), len(data) + array.nbytes]
        header[name] = dict(dtype="F32", shape=array.shape, data_offsets=places)
        data += array.tobytes()
    text = json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(source):
    """The arrays of a file in float32, without any of the package's code."""
    data = source.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    found = {}
    for name, facts in header.items():
        low, high = (start + place for place in facts["data_offsets"])
        array = np.frombuffer(data[low:high], _DTYPES[facts["dtype"]])
        if facts["dtype"] == "BF16":
            array = (array.astype("<u4") << 16).view("<f4")
        found[name] = array.astype("<f4").reshape(facts["shape"])
    return found


def read_keras_h5(source):
    """The arrays of a file of Keras 2, named `<layer>|<name>`."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(source) as file:
        layers = {layer.decode(): file[layer] for layer in file.attrs["layer_names"]}
        return {
            f"{layer}|{name.decode()}": group[name][()]
            for layer, group in layers.items()
            for name in group.attrs["weight_names"]
        }


def write_keras_h5(target, arrays):
    """What `read_keras_h5` reads, without any of the package's code."""
    h5py = pytest.importorskip("h5py")
    layers = {}
    for key, array in arrays.items():
        layer, name = key.split("|")
        layers.setdefault(layer, {})[name] = array
    with h5py.File(target, "w") as file:
        file.attrs["layer_names"] = np.array(list(layers), "S")
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array(list(weights), "S")
            for name, array in weights.items():
                group[name] = array


_DTYPES = {"F16": "<f2", "F32": "<f4", "BF16": "<u2", "I64": "<i8"}

# The shipped file: an index in JSON, then all different arrays in float32, one after
# another, as four planes of bytes (signs and exponents compress, the rest hardly does).
# Of pictures and texts the bytes are in the index, in base64.


def packed(files):
    """The bytes of a shipped file: of arrays by key, JSON values or bytes, by name."""
    index, parts, places, count = {}, [], _of_the_package(), 0
    for name, content in files.items():
        if name.endswith(".json"):
            index[name] = content
            continue
        if isinstance(content, bytes):
            index[name] = base64.b64encode(content).decode()
            continue
        index[name] = {}
        for key, array in content.items():
            if array.dtype != np.float32:
                place = array.ravel().tolist()
            elif (place := places.get(_content(array))) is None:
                parts.append(array.ravel())
                place = places[_content(array)] = count
                count += array.size
            index[name][key] = [list(array.shape), array.dtype.str, place]
    values = np.concatenate(parts).astype("<f4")
    planes = values.view(np.uint8).reshape(-1, 4).T.tobytes()
    text = json.dumps(index, separators=(",", ":")).encode()
    data = struct.pack("<Q", len(text)) + text + planes
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]
    return lzma.compress(data, filters=filters)


@functools.cache
def shipped(source=SHIPPED):
    """The index of a shipped file, and its values."""
    data = lzma.decompress((Path(__file__).parent / source).read_bytes())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    planes = np.frombuffer(data[start:], np.uint8).reshape(4, -1)
    values = np.ascontiguousarray(planes.T).view("<f4")[:, 0]
    return json.loads(data[8:start]), values


def shipped_file(name, source=SHIPPED):
    """The arrays of a shipped file by key, the value of a JSON file, or bytes."""
    index, values = shipped(source)
    if name.endswith(".json"):
        return index[name]
    if isinstance(index[name], str):
        return base64.b64decode(index[name])
    found = {}
    for key, (shape, dtype, place) in index[name].items():
        if isinstance(place, int):
            array = values[place : place + int(np.prod(shape))]
        elif isinstance(place, str):
            with np.load(_PACKAGE) as package:
                array = package[place].ravel()[: int(np.prod(shape))]
        else:
            array = np.asarray(place, dtype)
        found[key] = array.astype(dtype).reshape(shape)
    return found


def _of_the_package():
    """The keys of the arrays that ship with the package, and of their first items."""
    found = {}
    with np.load(_PACKAGE) as package:
        for key in package.files:
            found[_content(package[key])] = key
            found.setdefault(_content(package[key][:1]), key)
    return found


def _content(array):
    return array.dtype.str, array.shape, array.tobytes()
