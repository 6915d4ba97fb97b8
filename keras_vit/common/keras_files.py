"""Writes whole Keras models as `.keras` files."""

import errno
import math
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

# Bytes of a file beside the numbers, roughly: in all, and for each variable.
_FILE, _VARIABLE = 2**16, 2**11


def check_room(model, folder, copies=1):
    """Raises unless a folder has room for the weights of a model.

    HDF5 ends the whole process where it cannot write. So this is asked first.

    Args:
        model: A Keras model.
        folder: Path of a folder that exists.
        copies: Integer, how often the weights are on the disk at once.

    Raises:
        OSError: that the disk is full, or that the file would be too large.
    """
    size = _FILE
    for variable in model.variables:
        size += _VARIABLE + 4 * math.prod(variable.shape)
    if shutil.disk_usage(folder).free < copies * size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if resource is not None:
        most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if most != resource.RLIM_INFINITY and most < size:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def save_keras(model, path):
    """Writes a model as a `.keras` file, as `model.save` does, whatever the clock says.

    The members of the archive have a fixed date: an archive knows none before 1980, as
    a machine without a battery has it, and `model.save` then fails.

    Args:
        model: A Keras model.
        path: `pathlib.Path`, inside a folder of `keras_vit.common.files.replacing`.

    Example:

    >>> with replacing("model.keras") as temporary:
    ...     save_keras(model, temporary)
    """
    check_room(model, path.parent, copies=2)
    with tempfile.TemporaryDirectory(dir=path.parent) as parts:
        model.save(parts, zipped=False)
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(Path(parts).rglob("*")):
                if part.is_file():
                    # The constructor's date is the first that there is.
                    member = zipfile.ZipInfo(part.relative_to(parts).as_posix())
                    member.file_size = part.stat().st_size
                    with archive.open(member, "w") as target, open(part, "rb") as file:
                        while data := file.read(2**20):
                            target.write(data)
