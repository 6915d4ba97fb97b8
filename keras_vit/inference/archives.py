"""Images in zip and tar archives, read in memory: nothing is written to the disk."""

import contextlib
import io
import logging
import os
import posixpath
import re
import tarfile
import zipfile
import zlib

from keras_vit.common.regular import open_regular
from keras_vit.common.wording import as_file_size, display
from keras_vit.data.decoding.limits import max_bytes
from keras_vit.data.readers.leftovers import Aside, is_leftover
from keras_vit.data.readers.walking import SUFFIXES

logger = logging.getLogger(__name__)

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ENDINGS = (".zip", *TARS)

# Photos hardly get smaller in an archive. One that unpacks to more than so many times
# its size, and this, is made to fill memory or to take for ever.
RATIO, SPARE = 100, 2**28

# What `zipfile` and `tarfile` raise, and the decoders below them, of a damaged archive.
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)
_DAMAGED += (NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError)


class Member(io.BytesIO):
    """An image of an archive, with its name."""

    def __init__(self, data, name):
        super().__init__(data)
        self.name = name


class _Refused(ValueError):
    """The archive, and not only one file in it, is not read further."""


def is_archive(path):
    """Whether a path is that of an archive, by its name."""
    low = os.fspath(path).lower()
    return low.endswith(ENDINGS) and not os.path.isdir(path)


def images_in_archive(path, read=True):
    """Yields `(name, Member, None)` of every image, in the order of the archive.

    A name is the archive's path and the one inside. Folders may be nested; what systems
    and tools leave behind is left aside, as in folders, and so are archives in it.

    Args:
        path: Path of a `.zip`, a `.tar` or a compressed tar.
        read: Boolean; without it there are names only, and `None` for images.

    Yields:
        Or `(name, None, error)` of an image that is damaged, encrypted, too large or
        has a name that leads out of the archive; and of the archive itself, where it
        cannot be read further or has no images.
    """
    path, aside, count = os.fspath(path), Aside(), 0
    members = _of_zip if path.lower().endswith(".zip") else _of_tar
    try:
        with open_regular(path) as file:
            bound = RATIO * os.fstat(file.fileno()).st_size + SPARE
            for inside, load in members(file, bound):
                kind = _kind_of(inside, aside)
                if kind is None:
                    continue
                count += 1
                name = f"{path}/{inside}"
                if kind is not True:
                    yield name, None, f"{display(name)}: {kind}"
                elif not read:
                    yield name, None, None
                else:
                    yield name, *_loaded(name, load)
    except _DAMAGED as error:
        count += 1
        reason = str(error).rstrip(".") or type(error).__name__
        where = "" if isinstance(error, _Refused) else "cannot be read as an archive: "
        yield path, None, f"{display(path)}: {where}{display(reason)}."
    if note := aside.sentence(path):
        logger.info("%s", note)
    if not count:
        yield path, None, f"{display(path)} is an archive without images."


def _kind_of(inside, aside):
    """True for an image, `None` for what is left aside, or why it is refused."""
    parts = inside.split("/")
    is_image = inside.lower().endswith(SUFFIXES)
    if any(part and is_leftover(part) for part in parts if part not in (".", "..")):
        if is_image:
            aside.files.append(inside)
        return None
    if not is_image:
        aside.others[posixpath.splitext(inside)[1].lower()] += 1
        return None
    if inside.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", inside):
        return "its name leads out of the archive, and it is not read."
    return True


def _loaded(name, load):
    """`(Member, None)` of an image, or `(None, error)`."""
    try:
        data = load()
    except _Refused:
        raise
    except _DAMAGED as error:
        reason = str(error).rstrip(".") or type(error).__name__
        return None, f"{display(name)}: damaged in the archive ({display(reason)})."
    if isinstance(data, str):
        return None, f"{display(name)}: {data}"
    return Member(data, name), None


def _check_size(size, bound):
    if size > bound:
        raise _Refused(
            f"it unpacks to more than {RATIO} times its size, as no archive of photos "
            "does, and is not read further. Unpack it yourself if you trust it"
        )


def _too_large(size):
    most = as_file_size(max_bytes())
    return f"a file of {as_file_size(size)}, more than the {most} that are read."


def _of_zip(file, bound):
    """Yields (name inside, function that reads it) of every file of a zip."""
    with zipfile.ZipFile(file) as archive:
        files = [each for each in archive.infolist() if not each.is_dir()]
        # Of them all: parts of the archive may be listed many times.
        _check_size(sum(each.file_size for each in files), bound)
        for each in files:

            def load(each=each):
                if each.flag_bits & 1:
                    return "it is encrypted. Unpack the archive with its password."
                if each.file_size > max_bytes():
                    return _too_large(each.file_size)
                with archive.open(each) as opened:
                    data = opened.read(each.file_size + 1)
                if len(data) > each.file_size:
                    return "it is larger than the archive says, and is not read."
                return data

            yield _zip_name(each).replace("\\", "/"), load


def _zip_name(each):
    """A name inside a zip. Many tools write UTF-8 without the mark that says so."""
    with contextlib.suppress(UnicodeError):
        if not each.flag_bits & 0x800:
            return each.filename.encode("cp437").decode()
    return each.filename


def _of_tar(file, bound):
    """The same of a tar, of which each file must be read before the next is asked for.

    Links are no files: what they lead to is in the archive itself, or not to be read.
    """
    with tarfile.open(fileobj=_Bounded(_unpacked(file), bound), mode="r|") as archive:
        for each in archive:
            if not each.isfile():
                continue

            def load(each=each):
                if each.size > max_bytes():
                    return _too_large(each.size)
                return archive.extractfile(each).read()

            yield each.name.removeprefix("./"), load


def _unpacked(file):
    """A tar without its compression, by its first bytes."""
    import bz2
    import gzip
    import lzma

    start = file.read(6)
    file.seek(0)
    for mark, opens in (
        (b"\x1f\x8b", gzip.GzipFile),
        (b"BZh", bz2.BZ2File),
        (b"\xfd7zXZ\x00", lzma.LZMAFile),
    ):
        if start.startswith(mark):
            keyword = (
                {"fileobj": file} if opens is gzip.GzipFile else {"filename": file}
            )
            return opens(**keyword)
    return file


class _Bounded:
    """A stream that ends with an error where it gets too long."""

    def __init__(self, stream, bound):
        self._stream, self._left, self._bound = stream, bound, bound

    def read(self, size):
        data = self._stream.read(size)
        self._left -= len(data)
        _check_size(self._bound - self._left, self._bound)
        return data
