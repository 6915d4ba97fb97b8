"""Writes whole Keras models as `.keras` files."""

import tempfile
import zipfile
from pathlib import Path


def save_keras(model, path):
    """Writes a model as a `.keras` file, as `model.save` does, whatever the clock says.

    The members of the archive have a fixed date: an archive knows none before 1980, as
    a machine without a battery has it, and `model.save` then fails.

    Args:
        model: A Keras model.
        path: `pathlib.Path`, inside a folder of `keras_vit.common.files.replacing`.

    Example:

    >>> with replacing("model.keras") as temporary:
    ...     save_keras(model, temporary)
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as parts:
        model.save(parts, zipped=False)
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(Path(parts).rglob("*")):
                if part.is_file():
                    # The constructor's date is the first that there is.
                    member = zipfile.ZipInfo(part.relative_to(parts).as_posix())
                    member.file_size = part.stat().st_size
                    with archive.open(member, "w") as target, open(part, "rb") as file:
                        while data := file.read(2**20):
                            target.write(data)
