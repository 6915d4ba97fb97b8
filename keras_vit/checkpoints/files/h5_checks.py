"""Checks HDF5 files before any of their numbers is read.

HDF5 can take the numbers of an array from any other file, and names from other places
of the same file, in circles too. Files that Keras writes do nothing of the kind.
"""

import math

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.checkpoints.files.growth import check_growth
from keras_vit.common.wording import display

_DEPTH = 100  # of groups within groups; models of this package have 8
_OBJECTS = 100_000
# Deflate, shuffle, checksum, LZF. For others HDF5 would look for code to load.
_FILTERS = (1, 2, 3, 32000)


def check_h5(file, path):
    """Raises unless all that a file holds is in the file itself, and of likely size.

    Args:
        file: An open `h5py.File`.
        path: Path of the file or of the archive that holds it, for sizes and messages.
    """
    import h5py

    known, claimed, left = {_address(file)}, 0, [(file, 0)]
    while left:
        group, depth = left.pop()
        if depth > _DEPTH or len(known) > _OBJECTS:
            raise _refused(path, "more groups within groups than a model has")
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise _refused(path, f"a link to another place ({name!r})")
            item = group[name]
            if _address(item) in known:
                raise _refused(path, f"one object under two names ({name!r})")
            known.add(_address(item))
            if isinstance(item, h5py.Group):
                left.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                claimed += _checked_size(item, path)
            else:
                raise _refused(path, f"{name!r}, which is no array and no group")
    check_growth(path, claimed)


def _checked_size(data, path):
    """The bytes of an array, all of which are in this file."""
    import h5py

    creation, name = data.id.get_create_plist(), data.name
    if creation.get_external_count():
        raise _refused(path, f"an array whose numbers are in another file ({name!r})")
    if creation.get_layout() == h5py.h5d.VIRTUAL:
        raise _refused(path, f"an array that is made of others ({name!r})")
    for index in range(creation.get_nfilters()):
        if creation.get_filter(index)[0] not in _FILTERS:
            raise _refused(
                path, f"an array that is packed in an unknown way ({name!r})"
            )
    if data.shape is None or data.dtype.hasobject:
        raise _refused(path, f"an array that holds no numbers ({name!r})")
    size = math.prod(data.shape) * data.dtype.itemsize
    stored = data.id.get_storage_size()
    if creation.get_layout() == h5py.h5d.CHUNKED:
        chunks = (-(-side // part) for side, part in zip(data.shape, data.chunks))
        if size and data.id.get_num_chunks() != math.prod(chunks):
            raise _refused(path, f"an array that is not complete ({name!r})")
    elif stored < size:
        raise _refused(path, f"an array that is not complete ({name!r})")
    return size


def _address(item):
    import h5py

    return h5py.h5o.get_info(item.id).addr


def _refused(path, what):
    return Refused(
        f"{display(path)} holds {what}, which Keras never writes and keras_vit does "
        "not read. Save the weights anew with the program that wrote them."
    )
