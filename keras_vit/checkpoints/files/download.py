"""Downloads files once, completely or not at all, and checks them at every use."""

import contextlib
import hashlib
import logging
import os
import socket
import tempfile
import time
import urllib.parse
from pathlib import Path

import keras

logger = logging.getLogger(__name__)

TIMEOUT = 60.0  # seconds without a byte
_STALE = 24 * 3600.0  # seconds after which a part is nobody's download any more


def cache_folder():
    """The folder of downloaded weights: below `KERAS_HOME`, by default `~/.keras`."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    folder = home / "models" / "keras_vit"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "keras_vit"
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def is_offline(offline=None):
    """Whether the network may not be used; `KERAS_VIT_OFFLINE` is the default."""
    if offline is not None:
        return bool(offline)
    return os.environ.get("KERAS_VIT_OFFLINE", "") not in ("", "0", "false", "False")


def fetch(url, *, sha256=None, check=None, offline=None):
    """The path of a file from the network, downloaded if it is not here yet.

    The file is downloaded beside its place and moved there when it is whole, so that
    two processes at once, or a broken connection, leave no half of it. Its SHA-256
    is written down at the first download (the projects publish none) and compared
    at every use.

    Args:
        url: String, `http://` or `https://`.
        sha256: String, the expected checksum. Defaults to the recorded one.
        check: Function of a path that raises a `ValueError` unless the file is what
            it should be; called before a new file is accepted.
        offline: Boolean, see `is_offline`.

    Raises:
        OSError: if the file is not here and cannot be fetched; the message holds its
            address and the place where it can be put by hand.
        ValueError: if the checksum differs or `check` refuses the file.
    """
    path = cache_folder() / _file_name(url)
    record = path.with_name(path.name + ".sha256")
    if not path.exists():
        by_hand = f"Fetch {url} by other means and save it as {path}"
        if is_offline(offline):
            raise OSError(
                "Downloading is switched off (`offline`, KERAS_VIT_OFFLINE) and the "
                f"file is not here yet. {by_hand}"
            )
        try:
            _download(url, path, sha256 or _recorded(record), check)
        except ValueError:
            raise
        except Exception as error:  # get_file raises bare exceptions
            raise OSError(f"{error}. {by_hand}") from error
    actual, recorded = checksum(path), _recorded(record)
    expected = sha256 or recorded
    if expected and actual.lower() != expected.lower():
        raise ValueError(
            f"{path} has changed, or is not the file that was asked for. "
            f"Received: SHA-256 {actual}, expected {expected}. Delete it and its "
            "`.sha256` beside it to download it again."
        )
    if recorded is None:
        if check is not None:
            check(path)
        part = record.with_name(f"{record.name}.{os.getpid()}.part")
        part.write_text(actual + "\n", "ascii")
        os.replace(part, record)
    return path


def checksum(path):
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url, path, expected, check):
    for part in path.parent.glob(f"{path.name}.*.part"):
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - part.stat().st_mtime > _STALE:
                part.unlink()
    part = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.part")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # neither Keras nor urlretrieve take one
    try:
        keras.utils.get_file(
            fname=part.name,
            origin=url,
            cache_dir=str(path.parent),
            cache_subdir="",
            force_download=True,
        )
        actual = checksum(part)
        if expected and actual.lower() != expected.lower():
            raise ValueError(
                f"The download of {url} is not the file that was asked for. "
                f"Received: SHA-256 {actual}, expected {expected}."
            )
        if check is not None:
            check(part)
        os.replace(part, path)
    finally:
        socket.setdefaulttimeout(before)
        part.unlink(missing_ok=True)
    logger.info("Downloaded %s to %s (SHA-256 %s).", url, path, actual)


def _file_name(url):
    """A readable name that no other address shares."""
    parts = urllib.parse.urlsplit(url)
    name = Path(urllib.parse.unquote(parts.path)).name or "file"
    known = hashlib.sha256(url.encode()).hexdigest()[:8]
    return f"{Path(name).stem}-{known}{Path(name).suffix}"


def _recorded(record):
    try:
        return record.read_text("ascii").split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        return None
