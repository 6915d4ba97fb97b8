"""Locks between threads, processes and containers that share a disk."""

import contextlib
import os
import time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_LOOK = 0.1  # seconds between two looks at a lock that somebody else holds


@contextlib.contextmanager
def exclusive(path, waiting=None):
    """Lets one block at a time run, of all that name the same file.

    The lock ends with its owner, however that ends. The file is made, and removed at
    the end.

    Args:
        path: Path of the lock's file, in a folder that exists.
        waiting: Function without arguments that is called once if others are inside.

    Yields:
        Whether others are really kept out: `False` on systems without such locks.
    """
    file = None if fcntl is None else _locked(path, waiting)
    try:
        yield file is not None
    finally:
        if file is not None:
            # While it is still locked: whoever opened it sees that it is gone.
            with contextlib.suppress(OSError):
                os.unlink(path)
            file.close()


def _locked(path, waiting):
    """The file, open and locked; `None` on a file system without locks."""
    while True:
        file = open(path, "a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                return file
        except BlockingIOError:
            if waiting is not None:
                waiting()
                waiting = None
            time.sleep(_LOOK)
        except OSError:
            file.close()
            with contextlib.suppress(OSError):
                os.unlink(path)
            return None
        except BaseException:
            file.close()
            raise
        file.close()


def _is_at(file, path):
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
