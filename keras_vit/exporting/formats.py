"""The table of export formats, and the format that a path implies.

A new format is one row here, and a module with its writer and its runner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from keras_vit.common.checks import check_choice
from keras_vit.common.installed import need
from keras_vit.exporting import (
    hugging_face,
    litert,
    official,
    onnx_file,
    own_files,
    saved_model,
    timm_folder,
)
from keras_vit.exporting.weight_files import reloaded_runner


@dataclass(frozen=True)
class Format:
    """One format: who writes it, and who reads it.

    Attributes:
        what: String, for people.
        write: Function of a `Job`, which writes the file or folder of its `path`.
        runner: Function of a `Job`, which opens what was written and returns a
            function from images to the outputs of the file.
        suffix: String, how the file's name ends; empty for a folder.
        packages: Names of the modules that write and run it; none for weights alone.
    """

    what: str
    write: Callable
    runner: Callable = reloaded_runner
    suffix: str = ""
    packages: tuple = ()

    @property
    def is_graph(self):
        """Whether a file holds the whole computation, or weights alone."""
        return bool(self.packages)


_SAVED_MODEL = (saved_model.write, saved_model.runner, "", ("tensorflow",))
_LITERT = (litert.write, litert.runner, ".tflite", ("tensorflow", "ai_edge_litert"))
_ONNX = ("tensorflow", "onnx", "tf2onnx", "onnxruntime")
_OFFICIAL = "weights in the layout of the official projects"
_TIMM = "a folder for `timm.create_model('local-dir:...')`"
_KERAS = (own_files.write_keras, own_files.keras_runner, ".keras")
_H5 = (own_files.write_h5, own_files.h5_runner, ".weights.h5")
_OWN = "weights under our own names, with what builds the model"

FORMATS = {
    "saved_model": Format("a folder: TensorFlow's SavedModel", *_SAVED_MODEL),
    "litert": Format("LiteRT (formerly TensorFlow Lite) in float32", *_LITERT),
    "litert_int8": Format("LiteRT with matrix products in int8", *_LITERT),
    "onnx": Format("ONNX", onnx_file.write, onnx_file.runner, ".onnx", _ONNX),
    "npz": Format(_OFFICIAL, official.write, suffix=".npz"),
    "hf": Format("a folder for Hugging Face transformers", hugging_face.write),
    "timm": Format(_TIMM, timm_folder.write),
    "keras": Format("a whole model, as Keras saves it", *_KERAS),
    "weights_h5": Format("weights, as Keras saves them", *_H5),
    "safetensors": Format(_OWN, own_files.write_own_safetensors, suffix=".safetensors"),
}


def find_format(name, path):
    """The name of a format, read from the suffix of a path where it is `None`.

    Raises:
        ValueError: if there is no such format, or it does not suit the path.
    """
    file = Path(path).name.lower()
    suffixes = sorted({f.suffix for f in FORMATS.values()} - {""})
    suffix = next((ending for ending in suffixes if file.endswith(ending)), None)
    if name is None:
        if suffix is None:
            raise ValueError(
                f"`format` can be left out where the path ends in {_listed(suffixes)}. "
                f"Received: path={str(path)!r}. Give one of {_listed(FORMATS)}."
            )
        return next(n for n, f in FORMATS.items() if f.suffix == suffix)
    check_choice(name, FORMATS, "format")
    wanted = FORMATS[name].suffix
    if wanted and suffix != wanted:
        raise ValueError(
            f"A file of the format {name!r} must end in {wanted}. "
            f"Received: path={str(path)!r}"
        )
    if not wanted and suffix is not None:
        raise ValueError(
            f"The format {name!r} is a folder. Received: path={str(path)!r}, which "
            "ends like a file of another format."
        )
    return name


def check_installed(name):
    """Raises unless a format can be written and read back here.

    Raises:
        ImportError: if a package is missing; the message names the extra.
        ValueError: if the backend is not the one that writes graphs.
    """
    if FORMATS[name].is_graph and keras.backend.backend() != "tensorflow":
        everywhere = [n for n, f in FORMATS.items() if not f.is_graph]
        raise ValueError(
            f"The format {name!r} is written by TensorFlow. Received: the backend "
            f"{keras.backend.backend()!r}. Save the model with `model.save("
            "'model.keras')` and export that file under TensorFlow: "
            "`KERAS_BACKEND=tensorflow keras-vit export model.keras ...`. On every "
            f"backend there are {_listed(everywhere)}."
        )
    need(f"The format {name!r}", "export", *FORMATS[name].packages)


def _listed(names):
    return ", ".join(map(repr, names))
