"""Named arrays from the files that Keras writes."""

import json
import re
import zipfile

from keras_vit.checkpoints.files.arrays import Arrays, reading
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.checkpoints.files.zip_members import open_member

# Keras numbers the variables of a layer; these are their names, by the layer's.
_VARIABLE_NAMES = (
    (re.compile(r"norm(_\d+|$)"), ("gamma", "beta")),
    (re.compile(r"_scale$"), ("gamma",)),
    (re.compile(r"^pooling$"), ("probe",)),
    (re.compile(r"^corruption$"), ("mask_token",)),
    (
        re.compile(r"^attention$"),
        (
            "relative_positions",
            "prefix_to_prefix",
            "prefix_to_patches",
            "patches_to_prefix",
        ),
    ),
    (re.compile(r""), ("kernel", "bias")),
)


def from_h5(file, origin, config=None):
    """`Arrays` from a `.weights.h5` file, named by the paths of variables."""
    import h5py

    with reading(origin, "HDF5"):
        variables = dict(_variables(h5py.File(file, "r"), []))
    if not variables:
        raise ValueError(
            f"{origin} holds no weights of a Keras 3 model. Weights in Keras 2's "
            "layout must be loaded with the code that saved them."
        )
    shapes = {name: tuple(data.shape) for name, data in variables.items()}

    def read(name):
        with reading(origin, "HDF5", name):
            array = aligned_empty(variables[name].shape, variables[name].dtype)
            if array.size:
                variables[name].read_direct(array)
            return array

    return Arrays(shapes, read, "Keras weights file", origin, config)


def _variables(group, layers):
    """Yields the path of each variable below a group, and its data."""
    variables = group.get("vars")
    if variables is not None:
        name = variables.attrs.get("name")
        if name is not None and group.name != "/":
            layers = [*layers, name]
        for index, key in enumerate(sorted(variables, key=int)):
            variable = _variable_name(layers, index, variables)
            yield "/".join([*layers, variable]), variables[key]
    for key in group:
        foreign = key in ("vars", "seed_generator", "optimizer")
        if not foreign and hasattr(group[key], "keys"):
            yield from _variables(group[key], layers)


def _variable_name(layers, index, variables):
    shape = variables[str(index)].shape
    last = layers[-1] if layers else ""
    if last == "patch_encoder":
        return "class_token" if shape[1] == 1 and index == 0 else "register_tokens"
    if last.startswith("position_embedding"):
        two_dimensional = ("rows", "columns", "prefix")
        return "embeddings" if len(variables) == 1 else two_dimensional[index]
    for pattern, names in _VARIABLE_NAMES:
        if pattern.search(last) and index < len(names):
            return names[index]
    return f"vars_{index}"


def from_keras_archive(path):
    """`Arrays` from a `.keras` file; its config says how the model was made."""
    with reading(path, ".keras"), zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json")).get("config") or {}
        weights = open_member(path, archive, "model.weights.h5")
    facts = {name: config.get(name) for name in ("settings", "metadata")}
    return from_h5(weights, str(path), {k: v for k, v in facts.items() if v})
