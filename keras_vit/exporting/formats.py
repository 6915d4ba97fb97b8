"""The table of formats, and what of it follows from a path."""

import difflib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import keras

EXTRA = "pip install 'keras-vision-transformer[export]'"


@dataclass(frozen=True)
class Format:
    """One format: who writes it, and who reads it.

    Attributes:
        what: String, for people.
        module: String, the module of this package that writes and opens it.
        suffix: String, how the file's name ends; empty for a folder.
        packages: Names of modules that must be importable.
        is_graph: Boolean: the whole computation, or weights alone.
    """

    what: str
    module: str
    suffix: str = ""
    packages: tuple = ()
    is_graph: bool = False


_LITERT = ("tensorflow", "ai_edge_litert")

FORMATS = {
    "saved_model": Format(
        "TensorFlow SavedModel", "saved_model", "", ("tensorflow",), True
    ),
    "litert": Format("LiteRT, float32", "litert", ".tflite", _LITERT, True),
    "litert_int8": Format("LiteRT, int8", "litert", ".tflite", _LITERT, True),
    "onnx": Format(
        "ONNX",
        "onnx_file",
        ".onnx",
        ("tensorflow", "onnx", "tf2onnx", "onnxruntime"),
        True,
    ),
    "npz": Format("weights as the official projects write them", "official", ".npz"),
    "hf": Format("folder for Hugging Face transformers", "hugging_face"),
    "timm": Format("folder for timm", "timm_folder"),
}


def find_format(name, path):
    """The name of a format, read from the suffix of a path where it is `None`.

    Raises:
        ValueError: if there is no such format, or it does not suit the path.
    """
    suffix = Path(path).suffix.lower()
    if name is None:
        fitting = [n for n, f in FORMATS.items() if f.suffix and f.suffix == suffix]
        if not fitting:
            raise ValueError(
                "`format` can be left out where the path ends in "
                f"{_listed(sorted({f.suffix for f in FORMATS.values() if f.suffix}))}. "
                f"Received: path={str(path)!r}. Give one of {_listed(FORMATS)}."
            )
        return fitting[0]
    if name not in FORMATS:
        close = difflib.get_close_matches(str(name), FORMATS, 1, 0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"`format` must be one of {_listed(FORMATS)}. Received: format={name!r}."
            + hint
        )
    wanted = FORMATS[name].suffix
    if wanted and suffix != wanted:
        raise ValueError(
            f"A file of the format {name!r} must end in {wanted}. "
            f"Received: path={str(path)!r}"
        )
    known = {f.suffix for f in FORMATS.values() if f.suffix}
    if not wanted and suffix in known:
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
        raise ValueError(
            f"The format {name!r} is written by TensorFlow. Received: the backend "
            f"{keras.backend.backend()!r}. Save the model with `model.save("
            "'model.keras')` and export that file under TensorFlow: "
            "`KERAS_BACKEND=tensorflow keras-vit export model.keras ...`. On every "
            f"backend there are {_listed(n for n in FORMATS if not _is_graph(n))}."
        )
    missing = [p for p in FORMATS[name].packages if not importlib.util.find_spec(p)]
    if missing:
        raise ImportError(f"The format {name!r} needs {', '.join(missing)}: {EXTRA}")


def _is_graph(name):
    return FORMATS[name].is_graph


def _listed(names):
    return ", ".join(map(repr, names))
