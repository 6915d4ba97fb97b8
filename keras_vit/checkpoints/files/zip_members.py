"""Checks zip archives, and reads their uncompressed members in place."""

import io
import os
import zipfile
import zlib

import numpy as np

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.checkpoints.files.growth import check_growth
from keras_vit.common.wording import display

_CHUNK = 1 << 18  # bytes, so that what was read is summed up while in the cache
_MEMBERS = 100_000  # of the largest models there are a thousand
_PACKINGS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
)


def check_members(path, archive):
    """Raises unless the members of an archive are what they should be.

    Reads the archive's table only: what members claim of themselves.

    Args:
        path: Path of the archive.
        archive: An open `zipfile.ZipFile`.
    """
    members, size, shown = archive.infolist(), os.path.getsize(path), display(path)
    again = "Fetch it again, or save it anew with the program that wrote it."
    if len(members) > _MEMBERS:
        raise Refused(f"{shown} has {len(members):,} members, too many. {again}")
    names = set()
    for info in members:
        name = info.filename
        if name in names:
            raise Refused(f"{shown} holds two members {name!r}. {again}")
        names.add(name)
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise Refused(
                f"{shown} holds a member whose name leads out of it. "
                f"Received: {name!r}. {again}"
            )
        if info.flag_bits & 1:
            raise Refused(
                f"The member {name!r} of {shown} is encrypted. Unpack the archive with "
                "its password, and pack it again without one."
            )
        if info.compress_type not in _PACKINGS:
            raise Refused(
                f"The member {name!r} of {shown} is packed in an unknown way. "
                f"Received: compression {info.compress_type}. Pack the archive again, "
                "without compression."
            )
        if info.header_offset + 30 + info.compress_size > size or (
            is_stored(info) and info.compress_size != info.file_size
        ):
            raise Refused(
                f"The member {name!r} of {shown} claims more bytes than are there: the "
                f"archive is truncated or corrupted. {again}"
            )
    check_growth(path, sum(info.file_size for info in members))


def is_stored(info):
    """Whether a member's bytes are in the archive uncompressed."""
    return info.compress_type == zipfile.ZIP_STORED


def stored_start(file, info):
    """The offset in an open archive of the bytes of a stored member."""
    file.seek(info.header_offset + 26)
    lengths = np.frombuffer(file.read(4), "<u2")  # of its name and extra field
    return info.header_offset + 30 + int(lengths.sum(dtype="i8"))


def read_stored(path, info, head, array):
    """Reads a stored member into an array, and compares its checksum.

    Several times as fast as through `zipfile`, which copies every byte twice more.

    Args:
        path: Path of the archive.
        info: The member's `zipfile.ZipInfo`.
        head: Integer, how many bytes come before those of the array.
        array: Contiguous array to fill.

    Raises:
        zipfile.BadZipFile: if the checksum differs.
        EOFError: if the archive or the member ends too early.
    """
    with open(path, "rb") as file:
        file.seek(stored_start(file, info))
        checksum = zlib.crc32(file.read(head))
        view = memoryview(array.reshape(-1).view("u1"))
        if len(view) != info.file_size - head:
            raise EOFError("it ends too early")
        for begin in range(0, len(view), _CHUNK):
            chunk = view[begin : begin + _CHUNK]
            if file.readinto(chunk) != len(chunk):
                raise EOFError("it ends too early")
            checksum = zlib.crc32(chunk, checksum)
    if checksum != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename!r}")


def read_member(archive, name):
    """The bytes of a member, as many as it claims and no more."""
    data = archive.read(name)  # compares the checksum
    if len(data) != archive.getinfo(name).file_size:
        raise EOFError(f"{name!r} ends too early")
    return data


def open_member(path, archive, name):
    """A seekable file of a member: its part of the archive where it is stored."""
    info = archive.getinfo(name)
    if not is_stored(info):
        return io.BytesIO(read_member(archive, name))
    with archive.open(info) as member:
        while member.read(1 << 20):  # at its end the checksum is compared
            pass
    file = open(path, "rb")  # open as long as its arrays are read
    return _Part(file, stored_start(file, info), info.file_size)


class _Part(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, file, start, size):
        super().__init__()
        self._file, self._start, self._size, self._position = file, start, size, 0

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
