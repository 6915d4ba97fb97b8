"""Downloads files once, completely or not at all, and checks them at every use."""

import contextlib
import hashlib
import logging
import os
import re
import tempfile
import time
import urllib.parse
import uuid
from pathlib import Path

from keras_vit.checkpoints.files.plain_files import check_plain
from keras_vit.checkpoints.files.transfer import TransferError, transfer
from keras_vit.common.locks import exclusive
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import display, file_name

logger = logging.getLogger(__name__)

HOME = "KERAS_HOME"
_STALE = 24 * 3600.0  # seconds after which a part is nobody's, where locks do not say


def cache_folder():
    """The folder of downloaded weights: below `KERAS_HOME`, by default `~/.keras`."""
    home = Path(os.environ.get(HOME) or "~/.keras").expanduser()
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
    a broken connection or a kill leaves no half of it. Of all threads, processes and
    containers that share the folder, one downloads it, and the others wait for it
    (where the disk has no locks, each downloads it). Its SHA-256 is written down at
    the first download (the projects publish none) and compared at every use.

    Args:
        url: String, `http://` or `https://`.
        sha256: String, the expected checksum. Defaults to the recorded one.
        check: Function of a path that raises a `ValueError` unless the file is what
            it should be; called before a new file is accepted.
        offline: Boolean, see `is_offline`.

    Raises:
        OSError: if the file is not here and cannot be fetched, within the limits of
            `transfer.Limits`; the message holds its address and the place where it can
            be put by hand.
        ValueError: if the checksum differs or `check` refuses the file.
    """
    path = _place(url)
    record = path.with_name(path.name + ".sha256")
    if not path.exists():
        by_hand = f"Fetch {display(url)} by other means and save it as {display(path)}"
        if is_offline(offline):
            raise OSError(
                "Downloading is switched off (`offline`, KERAS_VIT_OFFLINE) and the "
                f"file is not here yet. {by_hand}"
            )
        try:
            _download_once(url, path, record, sha256, check)
        except OSError as error:
            why = str(error)
            if not isinstance(error, TransferError):  # of our own disk
                why = f"it cannot be saved ({error.strerror or error})"
                by_hand += f", or set {HOME} to a folder that can be written"
            raise OSError(f"{display(url)}: {why}. {by_hand}.") from error
    check_plain(path)
    actual, recorded = checksum(path), _recorded(record)
    expected = sha256 or recorded
    if expected and actual.lower() != expected.lower():
        raise ValueError(
            f"{display(path)}, from {display(url)}, has changed, or is not the file "
            f"that was asked for. Received: SHA-256 {actual}, expected {expected}. "
            "Delete it and its `.sha256` beside it to download it again."
        )
    if recorded is None:
        if check is not None:
            check(path)
        _write_record(record, actual)
    return path


def checksum(path):
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download_once(url, path, record, sha256, check):
    def waiting():
        logger.info("Waiting for the download of %s by somebody else", display(url))

    with exclusive(path.with_name(f"{path.name}.lock"), waiting) as alone:
        if path.exists():
            return  # somebody else has fetched it
        for part in path.parent.glob(f"{path.name}.*.part"):
            with contextlib.suppress(OSError):  # another process was faster
                if alone or time.time() - part.stat().st_mtime > _STALE:
                    part.unlink()
        _download(url, path, sha256 or _recorded(record), check)


def _download(url, path, expected, check):
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    logger.info("Downloading %s", display(url))
    try:
        with open(part, "xb", buffering=0) as file, _bar(path) as progress:
            transfer(url, file, progress)
            os.fsync(file.fileno())
        _refuse_page(part, url)
        actual = checksum(part)
        if expected and actual.lower() != expected.lower():
            raise ValueError(
                f"The download of {display(url)} is not the file that was asked for. "
                f"Received: SHA-256 {actual}, expected {expected}. If it has changed "
                f"there, delete {display(path)}.sha256 to take the new one."
            )
        if check is not None:
            _check(check, part, url)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    logger.info(
        "Downloaded %s to %s (SHA-256 %s).", display(url), display(path), actual
    )


def _bar(path):
    return progress_bar(f"downloading {display(path.name)}")


def _refuse_page(part, url):
    with open(part, "rb") as file:
        start = file.read(1024)
    if not start:
        raise TransferError("it is empty")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body)", start, re.I):
        raise TransferError(
            "it is a web page (HTML), not a file; it may ask to log in or to agree"
        )


def _check(check, part, url):
    """Checks a new file; errors name its address, not the part."""
    try:
        check(part)
    except (ValueError, OSError) as error:
        text = str(error).replace(display(part), "what came")
        raise ValueError(f"{display(url)} cannot be used: {text}") from error


def _write_record(record, actual):
    part = record.with_name(f"{record.name}.{uuid.uuid4().hex}.part")
    try:
        try:
            part.write_text(actual + "\n", "ascii")
            os.replace(part, record)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:  # a folder of somebody else's, or a full disk
        logger.warning(
            "The checksum of %s cannot be written beside it (%s): a change of the file "
            "would not be noticed.",
            display(record.with_suffix("")),
            error.strerror or error,
        )


def _place(url):
    """Where a file is kept: under a readable name that no other address shares."""
    try:
        name = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
        folder = cache_folder()
    except OSError as error:
        raise OSError(
            f"{display(url)} cannot be saved: no folder can be made for it ({error}). "
            f"Set {HOME} to a folder that can be written."
        ) from error
    except ValueError as error:
        raise ValueError(f"{display(url)} is no address: {error}.") from None
    known = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    stem, ending = os.path.splitext(name.replace("\0", "") or "file")
    if len(ending) > 20:
        stem, ending = stem + ending, ""
    return folder / file_name(stem, f"-{known}{ending}", most=150)


def _recorded(record):
    """The checksum that was written down, `None` if none was.

    Raises:
        ValueError: if it is none.
    """
    try:
        text = record.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    if not re.match(r"[0-9a-fA-F]{64}\b", text):
        raise ValueError(
            f"{display(record)} holds no SHA-256 of the file beside it. Delete both to "
            "download the file again."
        )
    return text[:64]
