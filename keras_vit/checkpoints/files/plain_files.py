"""Opens only what is a plain file, and reads JSON objects of bounded size."""

import json
import stat
from pathlib import Path

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.common.wording import as_file_size, display

JSON_BYTES = 16 * 2**20  # the names of 21,843 classes take one


def check_plain(path):
    """Raises unless this is a plain file: a pipe would hang, a device never end."""
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode):
        raise Refused(
            f"{display(path)} is no plain file but a {_kind(mode)}, which is not read. "
            "Copy what it gives into a file, and pass that."
        )


def _kind(mode):
    for is_kind, name in (
        (stat.S_ISDIR, "folder"),
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISSOCK, "socket"),
    ):
        if is_kind(mode):
            return name
    return "device"


def read_json(path):
    """The JSON object of a file.

    Raises:
        ValueError: if it is no plain file, too large, no JSON, or no object.
    """
    path = Path(path)
    check_plain(path)
    with open(path, "rb") as file:
        return json_object(file.read(JSON_BYTES + 1), display(path))


def json_object(data, origin):
    """The JSON object of these bytes.

    Args:
        data: Bytes of UTF-8.
        origin: String, where they are from, for messages.
    """
    if len(data) > JSON_BYTES:
        raise Refused(
            f"{origin} is larger than the {as_file_size(JSON_BYTES)} that are read of "
            "a description of a model. Fetch it again."
        )
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise Refused(
            f"{origin} is nested too deeply to be a description of a model. Fetch it "
            "again."
        ) from None
    except ValueError as error:
        raise Refused(
            f"{origin} is not JSON: {error}. Delete it and fetch it again."
        ) from error
    if not isinstance(value, dict):
        raise Refused(
            f"{origin} must hold a JSON object. Received: a {type(value).__name__}. "
            "Delete it and fetch it again."
        )
    return value
