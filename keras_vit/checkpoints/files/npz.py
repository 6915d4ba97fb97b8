"""Named arrays from NumPy's `.npz` files."""

import zipfile

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, Refused, known_dtype, reading
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.zip_members import is_stored, read_stored


def from_npz(path):
    """`Arrays` from a NumPy `.npz` file; pickled objects are refused."""
    headers = {}
    with reading(path, "npz"):
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name == member:
                continue
            with archive.open(member) as file:
                headers[name] = (*_read_header(file), file.tell())
            if headers[name][2].hasobject:
                raise Refused(
                    f"{path} holds pickled Python objects (in {name!r}). Unpickling "
                    "runs code from the file, so keras_vit never does it: save plain "
                    "arrays with `np.savez(path, **arrays)`, or tensors as safetensors."
                )

    def read(name):
        shape, fortran, dtype, start = headers[name]
        info = archive.getinfo(name + ".npy")
        array = aligned_empty(shape[::-1] if fortran else shape, dtype)
        with reading(path, "npz", name):
            if is_stored(info):
                read_stored(path, info, start, array)
            else:
                _unpack(archive, info, array)
        return known_dtype(array.T if fortran else array)

    shapes = {name: shape for name, (shape, *_) in headers.items()}
    return Arrays(shapes, read, "npz file", str(path))


def _unpack(archive, info, array):
    """Fills an array from a compressed member."""
    view = memoryview(array.reshape(-1).view("u1"))
    with archive.open(info) as file:
        _read_header(file)
        start = 0
        while count := file.readinto(view[start : start + (1 << 20)]):
            start += count
        file.read(1)  # the end of the member, where its checksum is compared
    if start != len(view):
        raise EOFError("it ends too early")


def _read_header(file):
    """`(shape, whether in Fortran's order, dtype)` of a `.npy` member."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
