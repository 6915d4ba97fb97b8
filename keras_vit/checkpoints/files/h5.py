"""Named arrays from the files that Keras writes."""

import re

from keras_vit.checkpoints.files.arrays import Arrays, known_dtype, type_name
from keras_vit.checkpoints.files.errors import Refused, reading
from keras_vit.checkpoints.files.h5_checks import check_h5
from keras_vit.checkpoints.files.h5_layers import by_layer, is_by_layer
from keras_vit.checkpoints.files.memory import aligned_empty
from keras_vit.common.wording import display

_RELATIVE = ("relative_positions", "prefix_to_prefix")
_RELATIVE += ("prefix_to_patches", "patches_to_prefix")
# Keras numbers the variables of a layer; these are their names, by the layer's, and
# where layers of one name differ, by how many axes each of its variables has.
_VARIABLE_NAMES = (
    (r"(norm|bn)(_?\d+|$)", None, ("gamma", "beta", "moving_mean", "moving_variance")),
    # Of Keras's EfficientNets.
    (r"^normalization(_\d+|$)", None, ("mean", "variance", "count")),
    (r"_scale$", None, ("gamma",)),
    (r"^pooling$", None, ("probe",)),
    (r"^corruption$", None, ("mask_token",)),
    (r"^mask_transformer$", None, ("class_tokens",)),
    (r"^attention$", None, _RELATIVE),
    (r"^position_embedding", (3,), ("embeddings",)),
    (r"^position_embedding", None, ("rows", "columns", "prefix")),
    # Of LeNet-5 (codes, subsampling), and of a Neocognitron's S-layers.
    (r"^head$", (2,), ("codes",)),
    (r"^s\d$", (4, 1), ("excitation", "inhibition")),
    (r"^s\d$", None, ("coefficient", "bias")),
    (r"", None, ("kernel", "bias")),
)


def from_h5(file, path, config=None):
    """`Arrays` from an HDF5 file of Keras, named by the paths of variables.

    Keras 3 writes `.weights.h5` files; for older ones see `h5_layers`.

    Args:
        file: Path of the file, or an open file within an archive.
        path: Path of the file or of the archive.
        config: Dictionary, see `Arrays`.
    """
    import h5py

    with reading(path, "HDF5"):
        opened = h5py.File(file, "r")
        check_h5(opened, path)
        layers = is_by_layer(opened)
        variables = by_layer(opened, path) if layers else {}
        for name, data in () if layers else _variables(opened, []):
            if variables.setdefault(name, data) is not data:
                raise Refused(
                    f"{display(path)} holds the array {name!r} twice. Save it anew "
                    "with the program that wrote it."
                )
    if not variables:
        raise Refused(
            f"{display(path)} holds no weights of a Keras model. Save them with "
            '`model.save_weights("NAME.weights.h5")`.'
        )
    _check_types(variables, path)
    shapes = {name: tuple(data.shape) for name, data in variables.items()}

    def read(name):
        array = aligned_empty(variables[name].shape, variables[name].dtype)
        with reading(path, "HDF5", name):
            if array.size:
                variables[name].read_direct(array)
        return known_dtype(array)

    types = {name: type_name(data.dtype) for name, data in variables.items()}
    kind = "Keras 2 weights file" if layers else "Keras weights file"
    return Arrays(shapes, read, kind, display(path), config, types)


def _check_types(variables, path):
    """Raises if kernels are quantized: what they stand for is known to Keras alone."""
    for name, data in variables.items():
        if data.dtype.itemsize == 1 and len(data.shape) > 1:
            raise Refused(
                f"{display(path)} holds quantized weights ({name!r} is {data.dtype}), "
                "which only `keras.saving.load_model` reads. Save the model before "
                "`quantize`, and pass that file."
            )


def _variables(group, layers):
    """Yields the path of each variable below a group, and its data."""
    variables = group.get("vars")
    if variables is not None:
        name = variables.attrs.get("name")
        if name is not None and group.name != "/":
            layers = [*layers, name]
        keys = sorted(variables, key=int)
        if keys != [str(index) for index in range(len(keys))]:
            raise ValueError(f"the variables of {layers} are not counted from 0")
        for index, key in enumerate(keys):
            variable = _variable_name(layers, index, variables)
            yield "/".join([*layers, variable]), variables[key]
    for key in group:
        foreign = key in ("vars", "seed_generator", "optimizer")
        if not foreign and hasattr(group[key], "keys"):
            yield from _variables(group[key], layers)


def _variable_name(layers, index, variables):
    shapes = [variables[str(number)].shape for number in range(len(variables))]
    last = layers[-1] if layers else ""
    if last == "patch_encoder":
        is_class = shapes[index][1] == 1 and index == 0
        return "class_token" if is_class else "register_tokens"
    axes = tuple(map(len, shapes))
    for pattern, wanted, names in _VARIABLE_NAMES:
        if re.search(pattern, last) and wanted in (None, axes) and index < len(names):
            return names[index]
    return f"vars_{index}"
