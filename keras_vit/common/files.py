"""Writes files and folders completely or not at all.

What is written lies in a hidden folder beside its place, `.keras_vit-...`, until it is
whole. The writer holds a lock on that folder, which ends with its process, however it
ends: so the next writer knows which of these folders nobody writes to any more.
"""

import contextlib
import ctypes
import errno
import json
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path

from keras_vit.common.locks import is_at, take
from keras_vit.common.wording import display

logger = logging.getLogger(__name__)

_STAGE, _BACKUP = ".keras_vit-", ".keras_vit-backup"
# Of Linux: <fcntl.h> and <linux/fs.h>.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# Numbers of errors that a full disk, or a limit of files, raises.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def replacing(path):
    """Yields a path for a file or folder, which then replaces `path`.

    The new content is on the disk before the name changes. If the block fails, what
    was there stays and what was written goes; so does what writers of `path` left that
    were killed. A link stays, and what it leads to is replaced.

    Args:
        path: Path of the file or folder to write. The folder around it must exist.

    Raises:
        ValueError: if there is something else at `path`, such as a device.
        OSError: if it cannot be written, or a file would replace a folder; the message
            names `path`.

    Example:

    >>> with replacing("run.json") as temporary:
    ...     temporary.write_text("{}")
    """
    path = _real(Path(path))
    restore(path)
    remove_leftovers(path.parent, path)
    with _stage(path) as temporary:
        yield temporary
        _flush_all(temporary)
        _put(temporary, path)
    _flush(path.parent)


def write_text(path, text):
    """Replaces a file by one with this text, as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, values, indent=1, **options):
    """Replaces a JSON file as a whole; the options are those of `json.dumps`."""
    write_text(path, json.dumps(values, indent=indent, **options) + "\n")


def restore(path):
    """Gives a folder its name back that a killed process was about to replace.

    Only where a system cannot swap two folders does one lie under another name for a
    moment. Says so in the log.
    """
    backup = _backup_of(Path(path))
    if not os.path.lexists(backup):
        return
    with _lock(backup) as held:
        if not held:
            return  # It is being replaced now.
        if os.path.lexists(path):
            shutil.rmtree(backup, ignore_errors=True)
        else:
            os.rename(backup, path)
            logger.warning(
                "%s was being replaced when that was stopped; the one before it was "
                "at %s, and has its name again.",
                display(path),
                display(backup),
            )


def remove_leftovers(folder, path=None):
    """Removes what killed writers left in a folder, and nothing of living ones.

    Args:
        folder: Path.
        path: Path in `folder` whose leftovers of older versions go too: theirs have
            the name of what was being written.
    """
    older = path and re.compile(
        rf"\.{re.escape(path.name)}-[a-z0-9_]{{8}}"
        rf"|\.{re.escape(path.stem)}\.(?P<process>\d+){re.escape(path.suffix)}"
    )
    with contextlib.suppress(OSError):  # It is not ours to list, or not there.
        for name in os.listdir(folder):
            match = older and older.fullmatch(name)
            if match and match["process"]:
                if not _is_alive(int(match["process"])):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(folder, name))
            elif match or is_leftover(name):
                _remove_dead(os.path.join(folder, name))


def is_leftover(name):
    """Whether a file name is that of a folder in which something is being written."""
    return name.startswith(_STAGE)


def _remove_dead(stage):
    with _lock(stage) as held:
        if held:
            shutil.rmtree(stage, ignore_errors=True)


def _is_alive(process):
    if os.name != "posix":  # `os.kill` would end it on Windows.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def _real(path):
    """The path that a link leads to; raises where nothing may be replaced."""
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if os.path.lexists(path) and not (path.is_file() or path.is_dir()):
        raise ValueError(
            f"{display(path)} is neither a file nor a folder, and is not replaced. "
            "Choose another path."
        )
    return path


@contextlib.contextmanager
def _stage(path):
    """Yields a path of the same name in a new folder, which then goes.

    The name stays, because some writers read the format from it.
    """
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=path.parent))
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None
            stack.callback(shutil.rmtree, stage, ignore_errors=True)
            stack.enter_context(_lock(stage, wait=True))
            if stage.exists():  # Nobody took it for a leftover before it was locked.
                break
        try:
            yield stage / path.name
        except Exception as error:
            raise _named(error, path, stage) from error.__cause__


def _named(error, path, stage):
    """The error itself; or of a full disk one that names the file."""
    number = getattr(error, "errno", None)
    if number not in FULL:  # Libraries have their own words around the system's.
        said = (n for n in FULL if os.strerror(n) in str(error))
        number = next(said, None)
    if number is not None:
        what = (
            f"{os.strerror(number)}. It was not written; what was there before, if "
            "anything, is still there. Make room, or write elsewhere"
        )
        return OSError(number, what, str(path))
    if isinstance(error, OSError) and str(stage) in str(error.filename):
        return OSError(error.errno, error.strerror, str(path))
    return error


@contextlib.contextmanager
def _lock(folder, wait=False):
    """Yields whether this process, and no other, has the lock of a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:  # It has gone, or is no folder; or Windows, which opens none.
        yield False
        return
    try:
        yield take(descriptor, wait) is True and is_at(descriptor, folder)
    finally:
        os.close(descriptor)


def _put(temporary, path):
    """Gives what was written its name, in one moment; never a file that of a folder."""
    if path.is_dir() and temporary.is_file():
        what = "Is a folder, and is not replaced by a file. Choose another path"
        raise IsADirectoryError(errno.EISDIR, what, str(path))
    if not (path.exists() and (path.is_dir() or temporary.is_dir())):
        os.replace(temporary, path)
    elif not _exchange(temporary, path):
        backup = _backup_of(path)
        with _lock(path):
            os.rename(path, backup)
            try:
                os.replace(temporary, path)
            except BaseException:
                os.rename(backup, path)
                raise
            shutil.rmtree(backup, ignore_errors=True)


def _backup_of(path):
    return path.parent / f".{path.name}{_BACKUP}"


def _exchange(one, other):
    """Swaps two names, where the system can; returns whether it did."""
    if os.name != "posix" or not hasattr(ctypes.CDLL(None), "renameat2"):
        return False
    names = os.fsencode(one), os.fsencode(other)
    arguments = (_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return ctypes.CDLL(None).renameat2(*arguments) == 0


def _flush_all(path):
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in (*names, ""):
                _flush(os.path.join(folder, name))
    else:
        _flush(path)


def _flush(path):
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in FULL:  # Some disks say so only now.
            raise
        # Some network file systems cannot flush a folder.
    finally:
        os.close(descriptor)
