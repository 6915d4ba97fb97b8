"""Opens only regular files: a pipe would wait for ever, a device never end.

Links are followed to one. Whoever opens a file that a user named, or that lies in a
user's folder, reads it here or asks here first.
"""

import contextlib
import errno
import os
import stat

from keras_vit.common.wording import as_file_size, display

# Asked for where the system knows it: opening a pipe then waits for nobody.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FLAGS |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


class NotRegular(ValueError):
    """What a path leads to is no file that can be read.

    Attributes:
        reason: The end of the sentence that begins with the path.
    """

    def __init__(self, path, reason):
        super().__init__(f"{display(os.fspath(path))} is {reason}.")
        self.reason = reason


def check_regular(path):
    """Raises unless a path is a regular file, or leads to one; opens nothing.

    Args:
        path: String, bytes or path.

    Raises:
        NotRegular: a ValueError that names the path and what it is: a pipe, a device, a
            socket, a folder, a link that leads nowhere or back to itself, or nothing.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise NotRegular(path, _missing(path, error)) from None
    if not stat.S_ISREG(mode):
        raise NotRegular(path, _kind(path, mode))


def read_regular(path, limit=None) -> bytes:
    """The bytes of a regular file; never waits for a pipe, nor reads a device.

    Args:
        path: String, bytes or path.
        limit: Integer, the most bytes that the file may have; `None` for any number.

    Raises:
        NotRegular: as for `check_regular`.
        ValueError: if the file is larger than the limit, or cannot be read.

    Example:

    >>> data = read_regular("photos/cat/001.jpg", limit=2**30)
    """
    with open_regular(path) as file:
        if limit is None:
            return file.read() or b""
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > limit else file.read(limit + 1) or b""
    if max(size, len(data)) > limit:
        size = as_file_size(max(size, len(data)))
        raise NotRegular(
            path, f"a file of {size}, more than the {as_file_size(limit)} that are read"
        )
    return data


@contextlib.contextmanager
def open_regular(path):
    """Yields a regular file, open for reading bytes.

    Raises:
        NotRegular: as for `check_regular`, or if it cannot be read.
    """
    check_regular(path)
    try:
        with open(path, "rb", opener=_open) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):  # it has changed since
                raise NotRegular(path, _kind(path, mode))
            yield file
    except OSError as error:
        raise NotRegular(path, _missing(path, error)) from None


def _open(path, flags):
    return os.open(path, _FLAGS)


def _kind(path, mode):
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    kind = next((name for is_kind, name in kinds if is_kind(mode)), "something else")
    if os.path.islink(path):
        kind = f"a link to {display(os.path.realpath(path))}, {kind}"
    return f"{kind}, no regular file, and is not opened"


def _missing(path, error):
    """Why a path leads to nothing that can be read."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "a link that leads back to itself"
    if os.path.islink(path) and isinstance(error, FileNotFoundError):
        return f"a link that leads nowhere, to {display(os.readlink(path))}"
    if isinstance(error, FileNotFoundError):
        return "not there (No such file or directory)"
    reason = getattr(error, "strerror", None) or str(error)
    return f"not readable ({display(reason)})"
