"""`convert`: from a checkpoint of any project to a file of any format."""

import os
from pathlib import Path

from keras_vit.converting.pickled import open_pickled
from keras_vit.exporting.checked import check_target, export
from keras_vit.models.changes.rebuilding import from_checkpoint


def convert(source, path, format=None, *, overwrite=False, **arguments):
    """Opens a checkpoint, writes it in another format, and compares the two.

    `keras_vit.from_checkpoint`, then `keras_vit.export`; and the only way to open files
    that PyTorch pickled (`.pth`, `.pt`, `.bin`), with its weights-only loader, where
    torch is installed.

    Args:
        source: Anything that `keras_vit.from_checkpoint` takes; or the path of a file
            that `torch.save` wrote, or of a folder with `pytorch_model.bin`.
        path: Path of the file or folder to write. The folder that it is in must exist.
        format: String, a key of `keras_vit.exporting.FORMATS`; see `keras_vit.export`.
            By default what the ending of `path` says.
        overwrite: Boolean, whether what is at `path` may be replaced.
        **arguments: What the file cannot tell, as for `keras_vit.from_checkpoint`:
            `num_heads=6`, `image_size=(32, 64)`, `pooling="gap"`,
            `input_scaling="imagenet"`.

    Returns:
        A `keras_vit.exporting.ExportReport`, which prints as a table.

    Raises:
        ValueError: if the source is broken, unknown or does not tell enough; if
            something is at `path`; or the new file does not compute what the model
            does, and was deleted.
        ImportError: if a package is missing, such as torch for its own files.

    Example:

    >>> keras_vit.convert("deit.pth", "deit.safetensors", input_scaling="imagenet")
    """
    format, path = check_target(path, format, overwrite)
    if isinstance(source, (str, bytes, os.PathLike)):
        _check_apart(Path(os.fsdecode(source)).expanduser(), path)
    model = from_checkpoint(open_pickled(source), **arguments)
    return export(model, path, format, overwrite=overwrite)


def _check_apart(source, path):
    """Raises if writing to `path` would replace the source."""
    if not (source.exists() and path.exists()):
        return
    places = (source.resolve(), *source.resolve().parents)
    if path.resolve() in places:
        raise ValueError(
            "A file is converted to another place, so that it stays until the new one "
            f"is right. Received: {str(source)!r} to {str(path)!r}"
        )
