"""Writes a model's variables as arrays of a given layout, with the same name tables."""

import numpy as np

from keras_vit.checkpoints.names.layouts import LAYOUTS
from keras_vit.checkpoints.names.spelling import published
from keras_vit.checkpoints.names.transforms import INVERSES
from keras_vit.checkpoints.names.vit import PATCH_KERNEL

# Rows of one variable that are spelled in several ways are written in the first one,
# but for these, which the published files have.
_PUBLISHED = {"Transformer/posembed_input/pos_embedding"}
# Hugging Face's heads stand outside the prefix.
_OUTSIDE = "classifier."


def arrays_in_layout(layout, values, arguments, *, as_published=False, prefix=""):
    """Named arrays as a project writes them.

    Args:
        layout: String, the name of one of `layouts.LAYOUTS`, such as `"timm ViT"`.
        values: Dictionary of a variable's path to its value, a NumPy array.
        arguments: Dictionary, the arguments of the model's constructor.
        as_published: Boolean, whether names of the JAX projects are spelled as in the
            published files, which count the modules of a block with one counter.
        prefix: String, what stands before every name but that of a PyTorch head.

    Returns:
        Dictionary of names to arrays.

    Raises:
        ValueError: if the layout has no name for a variable; the message lists them.
    """
    rows = next(known.rows for known in LAYOUTS if known.name == layout)
    if as_published:
        rows = sorted(rows, key=lambda row: row.name.text not in _PUBLISHED)
    arrays, nameless = {}, []
    for path, value in values.items():
        found = _names_of(rows, path)
        if not found:
            nameless.append(path)
        for (which, count), (name, transform) in found.items():
            part = np.split(value, count, axis=-1)[which]
            array = INVERSES[transform](part, _axes(path, name, arguments))
            name = published(name) if as_published else name
            start = "" if name.startswith(_OUTSIDE) else prefix
            arrays[start + name] = np.ascontiguousarray(array)
    if nameless:
        shown = ", ".join(nameless[:6]) + (", ..." if len(nameless) > 6 else "")
        raise ValueError(
            f"The {layout} layout has no names for {len(nameless)} variables of this "
            f"model: {shown}. Save it with `model.save('model.keras')`, or choose "
            "another format."
        )
    return arrays


def _names_of(rows, path):
    """`{(which, count): (name, transform)}`: the arrays that make up a variable."""
    found = {}
    for row in rows:
        numbers = row.path.numbers(path)
        if numbers is None or row.place in found:
            continue
        if all(row.place[1] == count for _, count in found):  # of one spelling
            found[row.place] = row.name.fill(numbers), row.transform
    return found


def _axes(path, name, arguments):
    """The lengths of joined axes, but for the last; see `transforms.INVERSES`."""
    if path == PATCH_KERNEL:
        return tuple(arguments["patch_size"])
    if "attention/" in path or path.startswith("pooling/"):
        return (arguments["num_heads"],)
    # The heads of the BiT projects are convolutions of one pixel.
    if "conv2d" in name or name == "head.fc.weight":
        return (1, 1)
    return ()


def write_npz(path, arrays):
    """Writes an uncompressed `.npz` file under exactly this name."""
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def write_safetensors(path, arrays, about=None):
    """Writes a safetensors file.

    Args:
        path: Path of the file.
        arrays: Dictionary of names to arrays, which are written as float32.
        about: Dictionary of one string for its header, by default the usual `format`.
            (Of several, the library's order changes from call to call.)
    """
    from safetensors.numpy import save_file

    arrays = {n: np.ascontiguousarray(array, "<f4") for n, array in arrays.items()}
    save_file(arrays, path, about or {"format": "pt"})
