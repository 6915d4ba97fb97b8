"""Named arrays from NumPy's `.npz` files."""

import math
import zipfile

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, known_dtype, type_name
from keras_vit.checkpoints.files.errors import Refused, reading
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.zip_members import (
    check_members,
    is_stored,
    read_stored,
)
from keras_vit.common.wording import display


def from_npz(path):
    """`Arrays` from a NumPy `.npz` file; pickled objects are refused."""
    headers = {}
    with reading(path, "npz"):
        archive = zipfile.ZipFile(path)
        check_members(path, archive)
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name == member:
                continue
            with reading(path, "npz", name), archive.open(member) as file:
                headers[name] = _checked_header(path, name, file, archive)

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
    types = {name: type_name(dtype) for name, (_, _, dtype, _) in headers.items()}
    return Arrays(shapes, read, "npz file", display(path), types=types)


def _checked_header(path, name, file, archive):
    """`(shape, whether in Fortran's order, dtype, where the numbers begin)`."""
    shape, fortran, dtype = _read_header(file)
    if dtype.hasobject:
        raise Refused(
            f"{display(path)} holds pickled Python objects (in {name!r}). Unpickling "
            "runs code from the file, so keras_vit never does it: save plain arrays "
            "with `np.savez(path, **arrays)`, or tensors as safetensors."
        )
    size = archive.getinfo(name + ".npy").file_size
    there, claimed = size - file.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or claimed != there:
        raise ValueError(f"its shape {shape} needs {claimed} bytes, it has {there}")
    return shape, fortran, dtype, file.tell()


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
