"""Writes and takes apart weight files of every layout, without the package's code."""

import io
import json
import struct
import warnings
import zipfile
from dataclasses import dataclass

import golden
import numpy as np

INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Layout:
    """One kind of file: how it is called, and what must be said beside it."""

    file: str  # which is mutated
    arguments: dict  # what the file cannot tell
    opened: str = ""  # what is passed, by default the file; "." is the folder


LAYOUTS = {
    "npz": Layout("weights.npz", {"num_heads": 3}),
    "timm": Layout("weights.safetensors", {"num_heads": 3}),
    "hub": Layout("model.safetensors", {}, "."),
    "sharded": Layout("model-00001-of-00002.safetensors", {}, "."),
    "keras": Layout("model.keras", {}),
    "h5": Layout("model.weights.h5", {"num_heads": 2}),
}


def write_sound(layout, folder):
    """A sound file, or folder, of a layout; its models are tiny."""
    path = folder / LAYOUTS[layout].file
    if layout == "npz":
        np.savez(path, **golden.arrays("vit/token_norep.ckpt.npz"))
    elif layout == "timm":
        path.write_bytes(golden.path("timm/vit_token/model.safetensors").read_bytes())
    elif layout in ("hub", "sharded"):
        for name in ("config.json", "model.safetensors"):
            file = golden.path(f"hf/vit_cls/{name}")
            (folder / name).write_bytes(file.read_bytes())
        if layout == "sharded":
            split(folder / "model.safetensors", 0.5)
    else:
        model = own_model()
        model.save(path) if layout == "keras" else model.save_weights(path)


def own_model():
    import keras_vit

    model = keras_vit.ViT(
        5,
        patch_size=4,
        num_layers=2,
        hidden_dim=16,
        mlp_dim=24,
        num_heads=2,
        image_size=16,
    )
    rng = np.random.default_rng(3)
    for variable in model.variables:
        variable.assign(rng.normal(size=variable.shape))
    model.metadata["class_names"] = ["ant", "bee", "cat", "dog", "eel"]
    return model


# safetensors ------------------------------------------------------------------------


def parts_of(path):
    """`(header, data)` of a sound safetensors file."""
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:start]), data[start:]


def join(header, data):
    """The bytes of a safetensors file; the header may be text of any kind."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensors_of(path):
    """Dictionary of name to `(type, shape, bytes)`."""
    header, data = parts_of(path)
    header.pop("__metadata__", None)
    return {
        name: (e["dtype"], e["shape"], data[slice(*e["data_offsets"])])
        for name, e in header.items()
    }


def joined(tensors, metadata=None):
    """The bytes of a safetensors file of these tensors, in their order."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (kind, shape, raw) in tensors.items():
        places = [len(data), len(data) + len(raw)]
        header[name] = dict(dtype=kind, shape=shape, data_offsets=places)
        data += raw
    return join(header, data)


def split(path, share):
    """Puts two files and an index in the place of one."""
    tensors, names = tensors_of(path), [LAYOUTS["sharded"].file]
    names.append(names[0].replace("00001-of", "00002-of"))
    first = round(share * len(tensors))
    halves = [dict(list(tensors.items())[part]) for part in halves_at(first)]
    for name, half in zip(names, halves):
        (path.parent / name).write_bytes(joined(half, {"format": "pt"}))
    listed = {n: name for name, half in zip(names, halves) for n in half}
    index = {"metadata": {"total_size": 1}, "weight_map": listed}
    (path.parent / INDEX).write_text(json.dumps(index))
    path.unlink()


def halves_at(first):
    return slice(None, first), slice(first, None)


# Zip archives -----------------------------------------------------------------------


def members_of(path):
    """Dictionary of the members' names to their bytes."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, packing=zipfile.ZIP_STORED, comment=b""):
    """Writes an archive of these members; of pairs, where a name occurs twice."""
    pairs = members.items() if isinstance(members, dict) else members
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        archive.comment = comment
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name), data, packing)


def npy(array):
    """The bytes of a `.npy` member."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


# What independent readers find ------------------------------------------------------


def numbers_in(layout, folder):
    """All numbers of a file, sorted, by the formats' own libraries."""
    path = folder / LAYOUTS[layout].file
    if layout == "npz":
        with np.load(path) as file:
            arrays = [file[name] for name in file.files]
    elif layout in ("timm", "hub", "sharded"):
        import safetensors.numpy

        arrays = []
        for file in sorted(folder.glob("*.safetensors")):
            arrays += safetensors.numpy.load_file(file).values()
    else:
        import h5py

        source = path
        if layout == "keras":
            source = io.BytesIO(members_of(path)["model.weights.h5"])
        arrays = []
        with h5py.File(source) as file:
            file.visititems(
                lambda _, item: arrays.append(item[()]) if _is_data(item) else None
            )
    flat = [np.asarray(array).ravel().astype("float32") for array in arrays]
    return np.sort(np.concatenate(flat))


def _is_data(item):
    return hasattr(item, "shape")
