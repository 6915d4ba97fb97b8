"""Opens what PyTorch pickled, beside everything that is opened without torch."""

import os
import zipfile
from pathlib import Path

from keras_vit.checkpoints.files.arrays import Arrays, merge
from keras_vit.checkpoints.files.sharded import INDEX
from keras_vit.checkpoints.opening import read_config
from keras_vit.common.wording import display
from keras_vit.converting.torch_files import from_torch

# The names that Hugging Face gives, of one file and of several.
_WEIGHTS = "pytorch_model.bin"
_SHARDS = "pytorch_model-*-of-*.bin"


def open_pickled(source):
    """`Arrays` of a file or folder that PyTorch pickled; any other source as it is.

    Args:
        source: Anything that `keras_vit.from_checkpoint` takes; the path of a file that
            `torch.save` wrote; or of a folder with `pytorch_model.bin`, or with its
            parts, where no other file holds the weights.

    Raises:
        ImportError: if torch is needed and not installed.
        ValueError: if the file is damaged, or holds something else.
    """
    if isinstance(source, Arrays) or not isinstance(source, (str, bytes, os.PathLike)):
        return source
    path = Path(os.fsdecode(source)).expanduser()
    if path.is_file() and _is_pickled(path):
        arrays, folder = from_torch(path), path.parent
    elif path.is_dir() and (files := _pickled_files(path)):
        parts = [from_torch(file) for file in files]
        arrays, folder = merge(parts, display(path)), path
    else:
        return source
    read_config(arrays, folder)
    return arrays


def _is_pickled(path):
    with open(path, "rb") as file:
        start = file.read(2)
    if start == b"PK":
        try:
            with zipfile.ZipFile(path) as archive:
                return any(n.endswith("data.pkl") for n in archive.namelist())
        except (zipfile.BadZipFile, OSError):
            return False
    return start[:1] == b"\x80" and start[1:] <= b"\x05"


def _pickled_files(folder):
    """The pickled files of a folder that holds no others of weights."""
    others = ("model.keras", "run.json", "model.safetensors", INDEX)
    if any((folder / name).exists() for name in others):
        return []
    if (folder / _WEIGHTS).exists():
        return [folder / _WEIGHTS]
    return sorted(folder.glob(_SHARDS))
