"""Files and folders that are complete and checked, or not there at all."""

import os
from pathlib import Path

# By one of these a folder is known as an export, which may be replaced.
_MARKS = ("saved_model.pb", "model.safetensors")


def check_place(path, overwrite):
    """Raises, before any work, if nothing can or may be written to `path`.

    Raises:
        ValueError: if the folder that is to hold it does not exist, or if something
            is there already that may not be replaced.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(
            f"The folder of the export does not exist. Received: path={str(path)!r}. "
            f"Make {path.parent} first."
        )
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise ValueError(
            f"There is something at this path already. Received: path={str(path)!r}. "
            "Choose another path, or pass `overwrite=True` (--overwrite)."
        )
    if path.is_dir() and any(path.iterdir()):
        if not any((path / mark).exists() for mark in _MARKS):
            raise ValueError(
                "A folder that is replaced must be an earlier export. Received: "
                f"path={str(path)!r}, which holds other things. Choose another path."
            )
