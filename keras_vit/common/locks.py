"""Locks between threads, processes and containers that share a disk.

A lock ends with its owner, however that ends.
"""

import contextlib
import os
import time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_LOOK = 0.1  # seconds between two looks at a lock that somebody else holds


def take(file, wait=False):
    """Takes the lock of an open file or folder, until that is closed.

    Args:
        file: File or descriptor.
        wait: Boolean, whether to wait for another owner.

    Returns:
        `True` if it is ours, `False` if it is another's, and `None` where the system
        or the disk knows no locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def exclusive(path, waiting=None, meanwhile=None):
    """Lets one block at a time run, of all that name the same file.

    The file is made, and removed at the end.

    Args:
        path: Path of the lock's file, in a folder that exists.
        waiting: Function without arguments that is called once if others are inside.
        meanwhile: The same, called again and again while they are.

    Yields:
        Whether others are really kept out: `False` on systems without such locks.
    """
    file = None if fcntl is None else _locked(path, waiting, meanwhile)
    try:
        yield file is not None
    finally:
        if file is not None:
            # While it is still locked: whoever opened it sees that it is gone.
            with contextlib.suppress(OSError):
                os.unlink(path)
            file.close()


def _locked(path, waiting, meanwhile):
    """The file, open and locked; `None` on a file system without locks."""
    while True:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(path, "a"))
            taken = take(file)
            if taken and is_at(file.fileno(), path):
                stack.pop_all()  # it stays open
                return file
            if taken is None:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                return None
            if taken is False:
                if waiting is not None:
                    waiting()
                    waiting = None
                if meanwhile is not None:
                    meanwhile()
                time.sleep(_LOOK)


def is_at(descriptor, path):
    """Whether an open file or folder is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
