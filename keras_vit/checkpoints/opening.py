"""Opens what a user passes as weights: a file, a folder, a dictionary or a model."""

import os
import zipfile
from pathlib import Path

import keras

from keras_vit.checkpoints.bounds import check_arrays, check_blocks, check_unquantized
from keras_vit.checkpoints.checkpoint import Checkpoint, recognise
from keras_vit.checkpoints.files.arrays import Arrays, from_dictionary
from keras_vit.checkpoints.files.errors import naming, reading
from keras_vit.checkpoints.files.h5 import from_h5
from keras_vit.checkpoints.files.keras_archive import from_keras_archive
from keras_vit.checkpoints.files.npz import from_npz
from keras_vit.checkpoints.files.plain_files import check_plain, read_json
from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.checkpoints.files.sharded import INDEX, from_index
from keras_vit.common.files import restore
from keras_vit.common.wording import display
from keras_vit.models.vision_model import inner_model, metadata_of, settings_of

PROCESSOR = "preprocessor_config.json"


def open_source(source, average=None):
    """Opens a file, folder, dictionary or model as a `Checkpoint`.

    The kind of a file is decided by its first bytes, the layout by the names and
    shapes of its arrays; the name of the file says nothing.

    Args:
        source: Path of a file, or of a folder with `model.keras`, or with
            `model.safetensors` and perhaps `config.json`; the path of the index of
            several safetensors files, or of the folder that holds it; a dictionary of
            arrays; a `keras.Model`; or a `Checkpoint`, which is returned.
        average: Boolean or `None`, as in `keras_vit.load_weights`.

    Raises:
        ValueError: if there is nothing there, the file is broken, or its content is
            not known.
        OSError: if the file may not be read.
    """
    if isinstance(source, Checkpoint):
        return source
    arrays = open_arrays(source)
    with naming(source):
        checkpoint = recognise(arrays, average)
        check_blocks(checkpoint)
    return checkpoint


def open_arrays(source):
    """The `Arrays` of what `open_source` takes, whatever they are of.

    Raises:
        ValueError: if there is nothing there, or the file is broken.
        OSError: if the file may not be read.
    """
    with naming(source):
        arrays = source if isinstance(source, Arrays) else _arrays(source)
        check_arrays(arrays)
    return arrays


def _arrays(source):
    if isinstance(source, keras.Model):
        source = inner_model(source) or source
        check_unquantized(source)
        arrays = from_dictionary(values_of(source), f"the model {source.name!r}")
        arrays.config["settings"] = settings_of(source)
        arrays.config["metadata"] = metadata_of(source)
        return arrays
    if hasattr(source, "items"):
        return from_dictionary(source)
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise ValueError(
            "Weights must come from a registered name, a path, a URL, "
            "'hf://owner/repo', a dictionary of arrays or a Keras model. "
            f"Received: {source!r} of type {type(source).__name__}"
        )
    path = Path(os.path.expanduser(os.fsdecode(source)))
    restore(path)
    if path.is_dir():
        return _from_folder(path)
    if not path.exists():
        raise ValueError(
            f"There is no file or folder of this name. Received: {os.fspath(source)!r}"
        )
    arrays = _from_file(path)
    if arrays.kind == "safetensors file":
        read_config(arrays, path.parent)
    return arrays


def values_of(model):
    """The values of a model's variables, by path; LoRA is merged into the kernels."""
    merged = {
        layer._kernel.path: layer.kernel
        for layer in model._flatten_layers()
        if getattr(layer, "lora_enabled", False) and hasattr(layer, "kernel")
    }
    return {
        variable.path: merged.get(variable.path, variable.value)
        for variable in model.variables
        if not variable.path.endswith("seed_generator_state")
        and not variable.name.startswith("lora_kernel_")
    }


def _from_folder(path):
    """`Arrays` of a run folder, or of one in the manner of the Hugging Face hub."""
    if (path / "model.keras").exists():
        return _from_file(path / "model.keras")
    if (path / "run.json").exists():
        raise ValueError(
            f"The run in {display(path)} has saved no model yet: that comes with its "
            "first test. Resume it (--resume), and use its weights then."
        )
    if (path / INDEX).exists():
        arrays = from_index(path / INDEX)
    elif (path / "model.safetensors").exists():
        arrays = _from_file(path / "model.safetensors")
    else:
        pickled = [p.name for ending in ("*.bin", "*.pt*") for p in path.glob(ending)]
        reason = "".join(
            f" {display(name)} is pickled, which keras_vit never reads: save the model "
            "as safetensors, or convert the folder where torch is installed, with "
            "`keras-vit convert FOLDER model.safetensors`."
            for name in pickled[:1]
        )
        raise ValueError(
            "A folder of weights must hold `model.keras` or `model.safetensors`. "
            f"Received: {display(path)}, with neither.{reason}"
        )
    read_config(arrays, path)
    return arrays


def read_config(arrays, folder):
    """Adds what `config.json` says of a model, and of images the file beside it."""
    if (folder / "config.json").exists():
        arrays.config.update(read_json(folder / "config.json"))
    if (folder / PROCESSOR).exists():
        arrays.config[PROCESSOR] = read_json(folder / PROCESSOR)


def _from_file(path):
    """`Arrays` of a file, whose first bytes say which container it is."""
    check_plain(path)
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(b"PK"):
        return _from_zip(path)
    if start.startswith(b"\x89HDF\r\n"):
        return from_h5(path, path)
    # The length of a header; eight letters are a much larger number.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**48:
        return from_safetensors(path)
    if path.name.endswith(".index.json"):
        return from_index(path)
    text = start.lstrip().lower()
    what = (
        "it is not a .npz, safetensors, .keras or .weights.h5 file, or a damaged one: "
        f"its first bytes are {start[:8]!r}. Fetch it again."
    )
    if not start:
        what = "it is empty. Fetch it again."
    for signs, known in _NO_WEIGHTS:
        what = known if text.startswith(signs) else what
    raise ValueError(f"{display(path)} holds no weights: {what}")


# How files begin that hold no weights, in small letters, and what they are.
_NO_WEIGHTS = (
    (
        (b"<!doctype", b"<html", b"<?xml"),
        "it is a web page, probably an error page of the server. Fetch it again.",
    ),
    (
        b"version https://git-lfs",
        "it is a Git LFS pointer. Fetch the file itself with `git lfs pull`.",
    ),
    (
        tuple(bytes([0x80, version]) for version in range(1, 6)),
        "it is pickled. Unpickling runs code from the file, so keras_vit never "
        "does it: save arrays with `np.savez` or tensors as safetensors, or convert "
        "what PyTorch wrote with `keras-vit convert FILE model.safetensors`.",
    ),
    (b"\x93numpy", "it is one NumPy array. Save named arrays with `np.savez`."),
)


def _from_zip(path):
    with reading(path, "zip"), zipfile.ZipFile(path) as archive:
        members = archive.namelist()
    if "model.weights.h5" in members:
        return from_keras_archive(path)
    if any(m.endswith("data.pkl") for m in members):
        raise ValueError(
            f"{display(path)} is a pickled PyTorch file. Unpickling runs code from the "
            "file, so keras_vit never does it: convert it where torch is installed, "
            "with `keras-vit convert FILE model.safetensors`, or save the model as "
            "safetensors, with `safetensors.torch.save_file(model.state_dict(), path)`."
        )
    if not any(m.endswith(".npy") for m in members):
        raise ValueError(
            f"{display(path)} is a zip archive without arrays. Save named arrays with "
            f"`np.savez`. Its members: {members[:5]}"
        )
    return from_npz(path)
