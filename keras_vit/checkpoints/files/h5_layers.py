"""Arrays of HDF5 files that Keras 1 and 2 wrote, layer by layer.

The weights that `keras.applications` publishes are such files. An attribute of the
file lists the layers, one of each layer's group its arrays.
"""

import re

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.common.wording import display

_INSIDE = "model_weights"  # the group of a file that holds a whole model
# What Keras 1 called its variables, and Keras 2 those of depthwise convolutions; the
# running_std of Keras 1 has always been a variance.
_NAMES = {
    "W": "kernel",
    "b": "bias",
    "depthwise_kernel": "kernel",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}


def is_by_layer(file):
    """Whether an open `h5py.File` has this layout."""
    return bool(_listed(file, "layer_names")) or _INSIDE in file


def by_layer(file, path):
    """The arrays by name, `"<layer>/<variable>"`, as Keras 3 calls both.

    Args:
        file: An open `h5py.File` that `check_h5` has passed.
        path: Path of the file, for messages.
    """
    root = file[_INSIDE] if _INSIDE in file else file
    found, named = {}, set()
    for layer in _listed(root, "layer_names"):
        group = root[layer]
        for name in _listed(group, "weight_names"):
            data = group[name]
            named.add(data.name)
            ours = f"{layer}/{_variable_of(layer, name)}"
            if found.setdefault(ours, data) is not data:
                raise Refused(
                    f"{display(path)} holds two arrays that are {ours!r}: the layer "
                    f"{layer!r} is probably a model itself. Save the weights of that "
                    "inner model, and pass those."
                )
    there = []
    root.visititems(lambda _, item: there.append(item) if _is_array(item) else None)
    left = sorted(item.name for item in there if item.name not in named)
    if left:
        raise Refused(
            f"{display(path)} holds {len(left)} arrays that it does not list, such as "
            f"{left[0]!r}. Fetch it again, or save it anew with the program that wrote "
            "it."
        )
    return found


def _is_array(item):
    return hasattr(item, "dtype")


def _listed(group, key):
    """Names in an attribute; too many for one stand in several, counted from 0."""
    parts, attributes = [], group.attrs
    if key in attributes:
        parts = [attributes[key]]
    while f"{key}{len(parts)}" in attributes:
        parts.append(attributes[f"{key}{len(parts)}"])
    names = [name for part in parts for name in part]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _variable_of(layer, name):
    """`kernel` of `conv/kernel:0`, `conv/kernel_1:0` or `conv_W_1:0`."""
    last = re.sub(r"(?:_\d+)?(?::\d+)?$", "", name.rpartition("/")[2])
    last = last.removeprefix(f"{layer}_")
    return _NAMES.get(last, last)
