"""Changes of HDF5 files, alone or within an archive."""

import io

import h5py
import numpy as np
from changing import HARMLESS, HOSTILE, change, file_of
from layouts_of_files import members_of, pack

_SECRET = "/etc/hostname"  # that no model may be made of


def _in_h5(folder, layout, edit):
    """Changes the HDF5 file, or the one within the archive."""
    path = file_of(folder, layout)
    if layout == "h5":
        with h5py.File(path, "r+") as file:
            edit(file)
        return
    members = members_of(path)
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        edit(file)
    members["model.weights.h5"] = buffer.getvalue()
    pack(path, members)


def _data_of(file):
    found = []
    file.visititems(lambda name, x: found.append(name) if hasattr(x, "shape") else None)
    return sorted(name for name in found if "vars" in name)


@change(HARMLESS, "h5", "keras", each=("gzip", "float64", "attributes", "chunks"))
def h5_rewritten(how, rng, folder, layout):
    def edit(file):
        file.attrs["note"] = "saved by somebody"
        for name in _data_of(file):
            values = file[name][()]
            options = {}
            if values.ndim and how in ("gzip", "chunks"):
                options = {"chunks": tuple(-(-side // 2) for side in values.shape)}
                options |= (
                    {"compression": "gzip", "shuffle": True} if how == "gzip" else {}
                )
            if how == "float64" and values.dtype == "float32":
                values = values.astype("float64")
            del file[name]
            file.create_dataset(name, data=values, **options)
            if how == "attributes":
                file[name].attrs["unit"] = "none"

    _in_h5(folder, layout, edit)


@change(
    HOSTILE,
    "h5",
    "keras",
    each=(
        *("external", "virtual", "external link", "soft link", "loop", "deep", "nan"),
        *("large", "text", "shape", "gone", "giant", "name", "renumbered", "twin"),
    ),
)
def h5_wrong(how, rng, folder, layout):
    def edit(file):
        name = rng.choice(_data_of(file))
        values, group = file[name][()], file[name].parent
        shape = values.shape
        if how == "gone":
            del file[name]
        elif how == "external":
            del file[name]
            file.create_dataset(name, shape, "f4", external=[(_SECRET, 0, 2**40)])
        elif how == "virtual":
            del file[name]
            layout_ = h5py.VirtualLayout(shape, "f4")
            layout_[...] = h5py.VirtualSource(_SECRET, "a", shape)
            file.create_virtual_dataset(name, layout_)
        elif how == "external link":
            del file[name]
            file[name] = h5py.ExternalLink(_SECRET, "/a")
        elif how == "soft link":
            del file[name]
            file[name] = h5py.SoftLink("/" + name)
        elif how == "loop":
            group["again"] = file["/"]
        elif how == "deep":
            for _ in range(3000):
                group = group.create_group("a")
        elif how in ("nan", "large"):
            values = np.atleast_1d(values.astype("f8"))
            values.flat[0] = np.nan if how == "nan" else 1e300
            del file[name]
            file[name] = values.reshape(shape)
        elif how == "text":
            del file[name]
            file[name] = ["text"] * 3
        elif how == "shape":
            del file[name]
            file[name] = np.stack([values, values])
        elif how == "giant":
            del file[name]
            file.create_dataset(name, (2**20, 2**16), "f4", chunks=(2**10, 2**8))
        elif how == "name":
            group.attrs["name"] = rng.choice(["\x1b[2J\n", "x" * 60000, 7, b"\xff"])
        elif how == "renumbered":
            group["17"] = file[name]
            del file[name]
        else:
            file[name + "_twin"] = file[name]

    _in_h5(folder, layout, edit)
