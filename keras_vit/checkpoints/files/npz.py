"""Named arrays from NumPy's `.npz` files."""

import struct
import zipfile
from dataclasses import dataclass

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, broken, known_dtype
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.zip_members import is_stored, read_stored


@dataclass(frozen=True)
class _Header:
    """What a `.npy` member says of its array, and how many bytes it needs for it."""

    shape: tuple
    fortran: bool
    dtype: np.dtype
    size: int


def from_npz(path):
    """`Arrays` from a NumPy `.npz` file; pickled objects are refused."""
    headers = {}
    try:
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as file:
                    header = _read_header(file)
                _refuse_objects(header.dtype, member[:-4], path)
                headers[member[:-4]] = header
    except (zipfile.BadZipFile, EOFError, OSError, struct.error) as error:
        raise broken(path, "npz", error) from error
    except ValueError as error:
        if "pickle" in str(error):
            raise
        raise broken(path, "npz", error) from error

    def read(name):
        header, info = headers[name], archive.getinfo(name + ".npy")
        shape = header.shape[::-1] if header.fortran else header.shape
        array = aligned_empty(shape, header.dtype)
        try:
            if is_stored(info):
                read_stored(path, info, header.size, array)
            else:
                _unpack(archive, info, array)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise broken(path, "npz", error, name) from error
        return known_dtype(array.T if header.fortran else array)

    shapes = {name: header.shape for name, header in headers.items()}
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
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(file)
    else:
        header = np.lib.format.read_array_header_2_0(file)
    return _Header(*header, size=file.tell())


def _refuse_objects(dtype, name, path):
    if dtype.hasobject:
        raise ValueError(
            f"{path} holds pickled Python objects (in {name!r}). Unpickling runs code "
            "from the file, so keras_vit never does it: save plain arrays with "
            "`np.savez(path, **arrays)`, or tensors as safetensors."
        )
