"""HDF5 files hold their numbers themselves, or are refused before any is read."""

import zlib

import h5py
import numpy as np
import pytest

from keras_vit.checkpoints.opening import open_source


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(np.arange(64, dtype="f4").tobytes())
    return path


def write(path, change):
    """A file as Keras writes it, in which `change` makes the kernel of a layer."""
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "head"
        change(group)
        if "1" not in group:
            group["1"] = np.zeros(4, "f4")


def refused(path, match):
    with pytest.raises(ValueError, match=match) as error:
        open_source(path)
    assert str(path) in str(error.value) and "ave " in str(error.value)


def test_numbers_of_another_file_are_not_read(tmp_path, secret):
    def external(group):
        group.create_dataset("0", (4, 4), "f4", external=[(str(secret), 0, 64)])

    def virtual(group):
        layout = h5py.VirtualLayout((4, 4), "f4")
        layout[...] = h5py.VirtualSource(str(secret), "a", (4, 4))
        group.create_virtual_dataset("0", layout)

    def link(group):
        group["0"] = h5py.ExternalLink(str(secret), "/a")

    for change, match in (
        (external, "in another file"),
        (virtual, "made of others"),
        (link, "a link to another place"),
    ):
        path = tmp_path / f"{change.__name__}.weights.h5"
        write(path, change)
        refused(path, match)


def test_links_in_circles_end(tmp_path):
    def soft(group):
        group["0"] = h5py.SoftLink("/layers/dense/vars/0")

    def hard(group):
        group["0"] = np.ones((4, 4), "f4")
        group["again"] = group.file["/layers"]

    for change, match in ((soft, "a link"), (hard, "one object under two names")):
        path = tmp_path / f"{change.__name__}.weights.h5"
        write(path, change)
        refused(path, match)


def test_groups_within_groups_end(tmp_path):
    def deep(group):
        for _ in range(2000):
            group = group.create_group("a")

    path = tmp_path / "deep.weights.h5"
    write(path, deep)
    refused(path, "more groups within groups")


def test_arrays_are_there_as_a_whole(tmp_path):
    def unwritten(group):
        group.create_dataset("0", (4, 4), "f4")

    def some(group):
        data = group.create_dataset("0", (4, 4), "f4", chunks=(2, 2))
        data[:2] = 1

    def giant(group):
        options = {"chunks": (2**20,), "compression": "gzip"}
        data = group.create_dataset("0", (2**27,), "f4", **options)
        for start in range(0, 2**27, 2**20):
            data.id.write_direct_chunk((start,), zlib.compress(bytes(2**22)))

    for change, match in (
        (unwritten, "not complete"),
        (some, "not complete"),
        (giant, "no weights compress so well"),
    ):
        path = tmp_path / f"{change.__name__}.weights.h5"
        write(path, change)
        refused(path, match)


def test_only_numbers_in_known_packings_are_arrays(tmp_path):
    def text(group):
        group["0"] = ["a", "b"]

    def packing(group):
        group.create_dataset("0", (4, 4), "f4", scaleoffset=3)

    for change, match in (
        (text, "holds no numbers"),
        (packing, "packed in an unknown way"),
    ):
        path = tmp_path / f"{change.__name__}.weights.h5"
        write(path, change)
        refused(path, match)


def test_variables_of_a_layer_are_counted_from_zero(tmp_path):
    def later(group):
        group["2"] = np.ones((4, 4), "f4")

    path = tmp_path / "later.weights.h5"
    write(path, later)
    with pytest.raises(ValueError, match="not counted from 0"):
        open_source(path)
