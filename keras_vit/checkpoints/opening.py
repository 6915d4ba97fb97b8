"""From what a user passes as weights to a `Checkpoint`."""

import json
import os
from pathlib import Path

import keras

from keras_vit.checkpoints.checkpoint import Checkpoint, recognise
from keras_vit.checkpoints.files.arrays import broken, from_dictionary, merge
from keras_vit.checkpoints.files.h5 import from_h5, from_keras_archive
from keras_vit.checkpoints.files.npz import from_npz
from keras_vit.checkpoints.files.safetensors import from_safetensors


def open_source(source):
    """Opens a file, folder, dictionary or model as a `Checkpoint`.

    The kind of a file is decided by its first bytes, the layout by the names and
    shapes of its arrays; the name of the file says nothing.

    Args:
        source: Path of a file, or of a folder with `model.keras`, or with
            `model.safetensors` and perhaps `config.json`; a dictionary of arrays; a
            `keras.Model`; or a `Checkpoint`, which is returned.

    Raises:
        ValueError: if there is nothing there, the file is broken, or its content is
            not known.
    """
    if isinstance(source, Checkpoint):
        return source
    if isinstance(source, keras.Model):
        return _from_model(source)
    if hasattr(source, "items"):
        return recognise(from_dictionary(source))
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise ValueError(
            "Weights must come from a registered name, a path, a URL, "
            "'hf://owner/repo', a dictionary of arrays or a Keras model. "
            f"Received: {source!r} of type {type(source).__name__}"
        )
    path = Path(os.path.expanduser(os.fsdecode(source)))
    if path.is_dir():
        return recognise(_from_folder(path))
    if not path.exists():
        raise ValueError(
            f"There is no file or folder of this name. Received: {os.fspath(source)!r}"
        )
    arrays = _from_file(path)
    config = path.parent / "config.json"
    if arrays.kind == "safetensors file" and config.exists():
        arrays.config.update(_read_json(config))
    return recognise(arrays)


def _from_model(model):
    arrays = from_dictionary(values_of(model), f"the model {model.name!r}")
    if getattr(model, "settings", None):
        arrays.config["settings"] = model.settings
    return recognise(arrays)


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
    """A run folder, or one in the manner of the Hugging Face hub."""
    if (path / "model.keras").exists():
        return _from_file(path / "model.keras")
    if (path / "run.json").exists():
        raise ValueError(
            f"The run in {path} has saved no model yet: that comes with its first "
            "test. Go on with it (--resume), and use its weights then."
        )
    if (path / "model.safetensors.index.json").exists():
        index = _read_json(path / "model.safetensors.index.json")
        shards = sorted(set(index["weight_map"].values()))
        arrays = merge([_from_file(path / s) for s in shards], str(path))
    elif (path / "model.safetensors").exists():
        arrays = _from_file(path / "model.safetensors")
    else:
        pickled = [p.name for p in path.glob("*.bin")] + [
            p.name for p in path.glob("*.pt*")
        ]
        reason = (
            f" {pickled[0]} is pickled, which keras_vit never reads: save the model "
            "as safetensors."
            if pickled
            else ""
        )
        raise ValueError(
            "A folder of weights must hold `model.keras` or `model.safetensors`. "
            f"Received: {path}, with neither.{reason}"
        )
    if (path / "config.json").exists():
        arrays.config.update(_read_json(path / "config.json"))
    return arrays


def _read_json(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def _from_file(path):
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(b"PK"):
        return _from_zip(path)
    if start.startswith(b"\x89HDF\r\n"):
        return from_h5(path, str(path))
    if len(start) > 8 and start[8:9] == b"{" and start[:1] != b"{":
        return from_safetensors(path)
    raise ValueError(f"{path} holds no weights: {_what(start)}")


def _from_zip(path):
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except zipfile.BadZipFile as error:
        raise broken(path, "zip", error) from error
    if "model.weights.h5" in members:
        return from_keras_archive(path)
    if any(m.endswith("data.pkl") for m in members):
        raise ValueError(
            f"{path} is a pickled PyTorch file. Unpickling runs code from the file, so "
            "keras_vit never does it: save the model as safetensors, with "
            "`safetensors.torch.save_file(model.state_dict(), path)`."
        )
    if not any(m.endswith(".npy") for m in members):
        raise ValueError(
            f"{path} is a zip archive without arrays. Its members: {members[:5]}"
        )
    return from_npz(path)


def _what(start):
    """In words, what a file seems to be by its first bytes."""
    text = start.lstrip().lower()
    if not start:
        return "it is empty. Fetch it again."
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, probably an error page of the server. Fetch it again."
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer. Fetch the file itself with `git lfs pull`."
    if start[:1] == b"\x80" and start[1:2] in b"\x01\x02\x03\x04\x05":
        return (
            "it is pickled. Unpickling runs code from the file, so keras_vit never "
            "does it: save arrays with `np.savez` or tensors as safetensors."
        )
    if start.startswith(b"\x93NUMPY"):
        return "it is one NumPy array. Save named arrays with `np.savez`."
    return (
        "it is no .npz, safetensors, .keras or .weights.h5 file, or a damaged one. "
        f"Its first bytes: {start[:8]!r}."
    )
