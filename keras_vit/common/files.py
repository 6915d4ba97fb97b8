"""Writes files and folders completely or not at all."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path`, which then replaces it.

    The new content is on the disk before the name changes. If the block fails, the
    old file stays and the temporary one goes.

    Args:
        path: `pathlib.Path`, the file to replace. Its folder must exist.
    """
    # The ending stays: Keras chooses its file format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush(path.parent)


def write_text(path, text):
    """Replaces a file by one with this text, as UTF-8."""
    with replacing(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, values, indent=1, **options):
    """Replaces a JSON file as a whole; the options are those of `json.dumps`."""
    write_text(path, json.dumps(values, indent=indent, **options) + "\n")


def _flush(path):
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder.
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # Some network file systems cannot flush a folder.
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged(path):
    """Yields a path beside `path`, which replaces `path` unless the block fails.

    If it fails, what was written is deleted, and what was there stays.
    """
    path = Path(path)
    # A folder of its own: the name stays, which some writers read the format from.
    stage = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield stage / path.name
        if path.is_dir() and not path.is_symlink():
            os.rename(path, stage / "replaced")
        try:
            os.replace(stage / path.name, path)
        except BaseException:
            if (stage / "replaced").exists():
                os.rename(stage / "replaced", path)
            raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
