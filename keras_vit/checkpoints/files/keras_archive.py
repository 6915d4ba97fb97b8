"""Reads and checks `.keras` archives: a description of a model, and its weights."""

import math
import zipfile

from keras_vit.checkpoints.files.errors import Refused, reading
from keras_vit.checkpoints.files.h5 import from_h5
from keras_vit.checkpoints.files.h5_checks import check_h5
from keras_vit.checkpoints.files.plain_files import JSON_BYTES, json_object
from keras_vit.checkpoints.files.zip_members import (
    check_members,
    open_member,
    read_member,
)
from keras_vit.common.wording import display

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_OBJECTS = 10_000  # described; EfficientNetB7 has half of it
# What a model of this package says of itself, and the types of what is in it.
_FACTS = {
    "settings": {"family": str, "arguments": dict},
    "metadata": {"class_names": list, "preprocessing": dict, "recipe": dict},
}


def from_keras_archive(path):
    """`Arrays` from a `.keras` file; its config says how the model was made."""
    with reading(path, ".keras"), zipfile.ZipFile(path) as archive:
        check_members(path, archive)
        config = _read_config(path, archive)["config"]
        weights = open_member(path, archive, _WEIGHTS)
    _check_whole(config, path)
    facts = {name: config.get(name) for name in _FACTS}
    return from_h5(weights, path, {k: v for k, v in facts.items() if v})


def _check_whole(config, path):
    """Raises if the model of this package is a layer of another one."""
    inside = [
        (layer.get("config") or {}).get("name")
        for layer in config.get("layers") or ()
        if isinstance(layer, dict) and layer.get("class_name") == "VisionModel"
    ]
    if inside and "settings" not in config:
        raise Refused(
            f"{display(path)} holds a model around one of keras_vit. Load it with "
            "`keras.saving.load_model`, and pass the model inside: "
            f"outer.get_layer({inside[0]!r})."
        )


def check_archive(path):
    """Checks a `.keras` file before Keras's own loader reads it.

    Returns:
        The description of the model, and how many numbers its arrays hold.

    Raises:
        ValueError: if it is broken, or claims what no saved model has.
    """
    import h5py

    with reading(path, ".keras"), zipfile.ZipFile(path) as archive:
        check_members(path, archive)
        config = _read_config(path, archive)
        with open_member(path, archive, _WEIGHTS) as weights:
            with h5py.File(weights, "r") as file:
                check_h5(file, path)
                sizes = []
                file.visititems(lambda _, item: sizes.append(_size(item)))
    return config, sum(sizes)


def _size(item):
    return math.prod(getattr(item, "shape", (0,)))


def _read_config(path, archive):
    place = f"The member {_CONFIG!r} of {display(path)}"
    if archive.getinfo(_CONFIG).file_size > JSON_BYTES:
        raise Refused(f"{place} is too large to describe a model. Fetch it again.")
    data = read_member(archive, _CONFIG)
    if data.count(b'"class_name"') > _OBJECTS:
        raise Refused(f"{place} describes too many layers. Fetch it again.")
    found = json_object(data, place)
    _check_type(found.get("config"), dict, "config", place)
    for fact, entries in _FACTS.items():
        values = found["config"].get(fact)
        if values:
            _check_type(values, dict, fact, place)
        for name, kind in entries.items():
            if values and (fact == "settings" or values.get(name) is not None):
                _check_type(values.get(name), kind, f"{fact}.{name}", place)
    names = (found["config"].get("metadata") or {}).get("class_names") or []
    for name in names:
        _check_type(name, str, "metadata.class_names", place)
    return found


_WORDS = {dict: "an object", list: "a list", str: "a string"}


def _check_type(value, kind, name, place):
    if not isinstance(value, kind):
        raise Refused(
            f"{place} must hold {_WORDS[kind]} under {name!r}. Received: "
            f"{type(value).__name__}. Save the model anew, or fetch the file again."
        )
