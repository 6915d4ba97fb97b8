"""Named arrays from the files that Keras writes."""

import io
import json
import re
import zipfile

from keras_vit.checkpoints.files.arrays import Arrays, broken
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.zip_members import is_stored, stored_start

# Keras numbers the variables of a layer; these are their names, by the layer's.
_VARIABLE_NAMES = (
    (re.compile(r"norm(_\d+|$)"), ("gamma", "beta")),
    (re.compile(r"_scale$"), ("gamma",)),
    (re.compile(r"^pooling$"), ("probe",)),
    (re.compile(r"^corruption$"), ("mask_token",)),
    (re.compile(r""), ("kernel", "bias")),
)


def from_h5(file, origin, config=None):
    """`Arrays` from a `.weights.h5` file, named by the paths of variables."""
    import h5py

    try:
        archive = h5py.File(file, "r")
        names = {}
        _walk(archive, [], names)
    except (OSError, KeyError, RuntimeError) as error:
        raise broken(origin, "HDF5", error) from error
    if not names:
        raise ValueError(
            f"{origin} holds no weights of a Keras 3 model. Weights in Keras 2's "
            "layout must be loaded with the code that saved them."
        )
    shapes = {name: tuple(data.shape) for name, data in names.items()}

    def read(name):
        try:
            array = aligned_empty(names[name].shape, names[name].dtype)
            if array.size:
                names[name].read_direct(array)
            return array
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:
            raise broken(origin, "HDF5", error, name) from error

    return Arrays(shapes, read, "Keras weights file", origin, config)


def _walk(group, layers, names):
    variables = group.get("vars")
    if variables is not None and layers is not None:
        name = variables.attrs.get("name")
        top = group.name == "/"
        if name is not None and not top:
            layers = [*layers, name]
        for index, key in enumerate(sorted(variables, key=int)):
            variable = _variable_name(layers, index, variables)
            names["/".join([*layers, variable])] = variables[key]
    for key in group:
        if key not in ("vars", "seed_generator", "optimizer") and hasattr(
            group[key], "keys"
        ):
            _walk(group[key], layers, names)


def _variable_name(layers, index, variables):
    shape = variables[str(index)].shape
    last = layers[-1] if layers else ""
    if last == "patch_encoder":
        return "class_token" if shape[1] == 1 and index == 0 else "register_tokens"
    if last.startswith("position_embedding"):
        two_dimensional = ("rows", "columns", "prefix")
        return "embeddings" if len(variables) == 1 else two_dimensional[index]
    for pattern, names in _VARIABLE_NAMES:
        if pattern.search(last) and index < len(names):
            return names[index]
    return f"vars_{index}"


def from_keras_archive(path):
    """`Arrays` from a `.keras` file; its config says how the model was made."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = _member(archive, "model.weights.h5", path)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise broken(path, ".keras", error) from error
    inner = config.get("config") or {}
    facts = {"settings": inner.get("settings"), "metadata": inner.get("metadata")}
    return from_h5(weights, str(path), {k: v for k, v in facts.items() if v})


def _member(archive, name, path):
    """A seekable file: the part of the archive itself where Keras did not compress."""
    info = archive.getinfo(name)
    if not is_stored(info):
        return io.BytesIO(archive.read(name))
    with archive.open(info) as member:
        while member.read(1 << 20):  # at its end the checksum is compared
            pass
    file = open(path, "rb")  # open as long as its arrays are read
    return io.BufferedReader(_Part(file, stored_start(file, info), info.file_size))


class _Part(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, file, start, size):
        super().__init__()
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        self._position = base[whence] + offset
        return self._position

    def readinto(self, buffer):
        count = max(min(len(buffer), self._size - self._position), 0)
        self._file.seek(self._start + self._position)
        count = self._file.readinto(memoryview(buffer)[:count])
        self._position += count
        return count

    def close(self):
        self._file.close()
        super().close()
