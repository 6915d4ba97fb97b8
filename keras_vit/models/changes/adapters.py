"""Files of adapters: what LoRA trained, without the weights that it adapts."""

import json
import os
from pathlib import Path

import numpy as np
from keras import ops

from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.checkpoints.writing import write_safetensors
from keras_vit.common.files import replacing
from keras_vit.common.wording import display
from keras_vit.models.changes.lora import adapted_layers, enable_lora, is_adapter
from keras_vit.models.changes.parts import in_head

# How far a weight may be from what the file was made with, as a share of its size:
# resized positions differ by rounding from machine to machine.
TOLERANCE = 1e-4


def save_adapters(model, path):
    """Writes the adapters and the head of a model with LoRA as a safetensors file.

    The file says also which weights it belongs to (a fingerprint of each), and what the
    model knows of its images and classes.

    Args:
        model: A model after `enable_lora`, trained or not.
        path: Path of the file, such as `"adapters.safetensors"`.

    Raises:
        ValueError: if the model has no adapters.

    Example:

    >>> keras_vit.save_adapters(model, "adapters.safetensors")
    """
    layers = adapted_layers(model)
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no adapters. Call `keras_vit.enable_lora` "
            "before it is trained."
        )
    own, base = _variables(model)
    about = {
        "rank": layers[0].lora_rank,
        "alpha": layers[0].lora_alpha,
        "base": {path: _fingerprint(variable) for path, variable in base.items()},
        "metadata": dict(getattr(model, "metadata", {})),
    }
    arrays = {path: ops.convert_to_numpy(variable) for path, variable in own.items()}
    with replacing(Path(path)) as temporary:
        header = {"keras_vit": json.dumps({"lora": about})}
        write_safetensors(temporary, arrays, header)


def load_adapters(model, path):
    """Puts saved adapters on the weights that they were trained on.

    Args:
        model: The model as it was before `enable_lora`: the same weights, at the same
            image size, with a head for as many classes. Changed in place.
        path: Path of a file that `save_adapters` or a run wrote.

    Returns:
        The same model. `model.save` writes it with the adapters merged.

    Raises:
        ValueError: if the file is none of adapters, or belongs to other weights.

    Example:

    >>> base = keras_vit.ViT_B16(10, weights="augreg")
    >>> model = keras_vit.load_adapters(base, "runs/mine/adapters.safetensors")
    >>> model.save("merged.keras")
    """
    name = display(os.fspath(path))
    file = from_safetensors(Path(path))
    about = file.config.get("lora")
    kinds = {"rank": int, "alpha": int | float, "base": dict, "metadata": dict}
    if not isinstance(about, dict) or not all(
        isinstance(about.get(key), kind) for key, kind in kinds.items()
    ):
        raise ValueError(
            f"{name} holds no adapters: `keras_vit.save_adapters` writes them, and a "
            "run with lora_rank (--lora-rank)."
        )
    if adapted_layers(model):
        raise ValueError(f"The model {model.name!r} has adapters already.")
    heads, base = _variables(model)
    _check_base(name, about["base"], base)
    for path, variable in heads.items():
        found = file.shapes.get(path)
        if found != tuple(variable.shape):
            raise ValueError(
                f"The head of {name} is another one: {path} has the shape {found} "
                f"there, and {tuple(variable.shape)} in the model. Build the model "
                "with as many classes."
            )
    enable_lora(model, about["rank"], about["alpha"])
    for path, variable in _variables(model)[0].items():
        variable.assign(file.read(path))
    if hasattr(model, "metadata"):
        model.metadata.update(about["metadata"])
    return model


def _variables(model):
    """What LoRA trains, and what it leaves: two dictionaries by path."""
    own, base = {}, {}
    for variable in model.weights:
        learns = is_adapter(variable) or in_head(model, variable.path.split("/")[0])
        (own if learns else base)[variable.path] = variable
    return own, base


def _fingerprint(variable):
    """The size of the values, and their sum with signs and weights that vary."""
    values = np.asarray(ops.convert_to_numpy(variable), "float64").reshape(-1)
    root = np.sqrt(len(values))
    mixed = values @ np.cos(np.arange(1.0, len(values) + 1))
    return [float(np.linalg.norm(values) / root), float(mixed / root)]


def _check_base(name, wanted, base):
    """Raises unless the variables of a model are those that a file belongs to."""
    other = sorted(wanted.keys() ^ base.keys())
    for path in wanted.keys() & base.keys() if not other else ():
        size, _ = wanted[path]
        there = np.subtract(wanted[path], _fingerprint(base[path]))
        if np.abs(there).max() > TOLERANCE * size:
            other.append(path)
    if other:
        other = sorted(other)
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        raise ValueError(
            f"{name} belongs to other weights than the model has. Different are "
            f"{', '.join(other[:3])}{more}. Load the weights that it was trained on, "
            "at the same image size."
        )
