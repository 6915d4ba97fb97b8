"""What a folder says of the folds of a cross-validation in it."""

import json
from pathlib import Path

from keras_vit.common.regular import read_regular
from keras_vit.training.folder.choice import fold_folder
from keras_vit.training.folder.folder import RunFolder

# The file that a folder of folds is known by.
RECORD = "folds.json"


def read_folds(parent):
    """What `folds.json` of a folder says, and its folds; `None` where there is none.

    Returns:
        `(record, folders)`, the folders a list of `RunFolder`.
    """
    path = Path(parent) / RECORD
    if not path.is_file():
        return None
    record = json.loads(read_regular(path))
    if not isinstance(record, dict) or not isinstance(record.get("folds"), int):
        raise ValueError(f"{path} must be one of `train --folds`.")
    places = range(1, record["folds"] + 1)
    return record, [RunFolder(fold_folder(parent, place)) for place in places]
