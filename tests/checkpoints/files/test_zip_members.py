"""Archives of arrays claim what is there, or are refused."""

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from keras_vit.checkpoints.files.npz import from_npz
from keras_vit.checkpoints.opening import open_source


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array))
    return file.getvalue()


ARRAY = np.arange(400, dtype="f4").reshape(20, 20)


def write(path, pairs, packing=zipfile.ZIP_DEFLATED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        with zipfile.ZipFile(path, "w", packing) as archive:
            for name, data in pairs:
                archive.writestr(name, data)


def patch(path, place, form, value, sign=b"PK\x01\x02"):
    """Changes a field of the first entry of the archive's table."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.find(sign) + place, value)
    path.write_bytes(data)


def refused(path, match):
    with pytest.raises(ValueError, match=match) as error:
        open_source(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("place", "form", "value", "match"),
    [
        (8, "<H", 1, "is encrypted"),
        (10, "<H", 93, "packed in an unknown way"),
        (20, "<I", 0xF0000000, "claims more bytes than are there"),
        (24, "<I", 0xF0000000, "claims to unpack to"),
        (24, "<I", 200, "corrupted at the array"),
        (42, "<I", 0x0FFFFFFF, "claims more bytes than are there"),
    ],
)
def test_the_table_of_an_archive_is_not_believed(tmp_path, place, form, value, match):
    path = tmp_path / "weights.npz"
    write(path, [("a.npy", npy(ARRAY))])
    patch(path, place, form, value)
    refused(path, match)


def test_members_have_names_of_their_own_inside_the_archive(tmp_path):
    path = tmp_path / "weights.npz"
    write(path, [("a.npy", npy(ARRAY)), ("a.npy", npy(ARRAY + 1))])
    refused(path, "two members 'a.npy'")
    for name in ("../a.npy", "/a.npy", "a/../../b.npy", "..\\a.npy"):
        write(path, [(name, npy(ARRAY))])
        refused(path, "leads out of it")


@pytest.mark.parametrize(
    "shape", ["(1099511627776,)", "(-1, -400)", "(0, 20)", "(" * 3000, "(-" * 90 + "1"]
)
def test_a_shape_is_compared_with_what_is_there(tmp_path, shape):
    path, whole = tmp_path / "weights.npz", npy(ARRAY)
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        write(path, [("a.npy", head + whole[128:])], packing)
        refused(path, "at the array 'a'")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.npy", "w") as member:
            for _ in range(300):
                member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    refused(path, "no weights compress so well")


@pytest.mark.parametrize(
    "packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_packed_members_are_read_to_their_checksum(tmp_path, packing):
    path = tmp_path / "weights.npz"
    write(path, [("a.npy", npy(ARRAY))], packing)
    np.testing.assert_array_equal(from_npz(path).read("a"), ARRAY)
    # One more byte after the array is unpacked too, and must not hide the checksum.
    write(path, [("a.npy", npy(ARRAY) + b"x")], packing)
    with pytest.raises(ValueError, match="needs 1600 bytes, it has 1601"):
        from_npz(path)
    write(path, [("a.npy", npy(ARRAY))], packing)
    patch(path, 16, "<I", 7)
    with pytest.raises(ValueError, match="corrupted at the array 'a'"):
        from_npz(path).read("a")


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_errors_of_unpacking_name_file_and_array(tmp_path, packing):
    path = tmp_path / "weights.npz"
    write(path, [("a.npy", npy(np.random.default_rng(0).random(4000)))], packing)
    data = bytearray(path.read_bytes())
    data[2000:9000] = bytes(7000)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"weights\.npz is .*corrupted at the array"):
        from_npz(path).read("a")
