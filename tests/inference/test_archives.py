"""Images in archives: all that a folder would give, and nothing that does harm."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from PIL import Image

from keras_vit.inference import archives
from keras_vit.inference.archives import images_in_archive
from keras_vit.inference.inputs import image_names, named_images

COMPRESSED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}
COMPRESSED |= {".xz": lzma.compress}


def png(grey):
    buffer = io.BytesIO()
    Image.new("L", (8, 6), grey).save(buffer, "PNG")
    return buffer.getvalue()


# What a person packs, and what the system adds.
FILES = {
    "photos/b.png": png(2),
    "photos/deep/er/a.PNG": png(1),
    "photos/read me.txt": b"hello",
    "photos/ä.png": png(3),
    "__MACOSX/photos/._b.png": b"\0\5\26\7",
    "photos/.hidden.png": png(9),
    "photos/inner.zip": b"PK",
}
IMAGES = ["photos/b.png", "photos/deep/er/a.PNG", "photos/ä.png"]


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path, files, compress=bytes):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(compress(buffer.getvalue()))
    return path


def outcome(path):
    """Names inside to bytes, or to the error."""
    return {
        name.removeprefix(f"{path}/"): error or image.read()
        for name, image, error in images_in_archive(path)
    }


@pytest.mark.parametrize("ending", [".zip", *(f".tar{end}" for end in COMPRESSED)])
def test_an_archive_gives_the_images_of_the_folder_that_was_packed(tmp_path, ending):
    path = tmp_path / f"my photos{ending}"
    if ending == ".zip":
        write_zip(path, FILES)
    else:
        write_tar(path, FILES, COMPRESSED[ending.removeprefix(".tar")])
    assert outcome(path) == {name: FILES[name] for name in IMAGES}
    assert image_names([path]) == [f"{path}/{name}" for name in IMAGES]
    assert [n for n, _, _ in named_images([path])] == image_names([path])
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]  # nothing unpacked


def test_names_of_zips_without_the_mark_of_utf8_are_read_as_what_they_are(tmp_path):
    # As Info-ZIP's zip writes them, and old tools of DOS.
    for name, encoded in (("grün.png", "grün.png".encode()), ("ü.png", b"\x81.png")):
        path = write_zip(tmp_path / "a.zip", {"x" * len(encoded): png(1)})
        path.write_bytes(path.read_bytes().replace(b"x" * len(encoded), encoded))
        assert outcome(path) == {name: png(1)}


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused_and_the_others_are_read(tmp_path, write):
    path = tmp_path / ("a.zip" if write is write_zip else "a.tar")
    bad = ["../../up.png", "/etc/abs.png", "C:/win.png", "x/../../y.png"]
    found = outcome(write(path, dict.fromkeys([*bad, "./good.png"], png(5))))
    good = found.pop("good.png" if write is write_tar else "./good.png")
    assert good == png(5)
    assert len(found) == 4 and all("leads out" in error for error in found.values())


def test_links_and_devices_in_a_tar_are_no_images(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("l.png", tarfile.SYMTYPE),
            ("h.png", tarfile.LNKTYPE),
            ("d.png", tarfile.CHRTYPE),
            ("p.png", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    (error,) = outcome(path).values()
    assert "archive without images" in error


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SPARE", 2**16)
    zeros = bytes(2**23)
    for path in (
        write_zip(tmp_path / "a.zip", {"a.png": png(1), "b.png": zeros}),
        write_tar(
            tmp_path / "a.tar.gz", {"a.png": png(1), "b.png": zeros}, gzip.compress
        ),
        write_tar(
            tmp_path / "b.tar.xz", {"x.bin": zeros, "a.png": png(1)}, lzma.compress
        ),
    ):
        assert path.stat().st_size < 2**14
        (error,) = [e for e in outcome(path).values() if isinstance(e, str)]
        assert "unpacks to more than 100 times its size" in error


def test_an_image_that_is_larger_than_the_archive_says_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": bytes(5000), "b.png": png(1)})
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):  # of the first file
        at = data.index(mark) + place
        assert struct.unpack_from("<I", data, at) == (5000,)
        struct.pack_into("<I", data, at, 100)
    path.write_bytes(data)
    found = outcome(path)
    assert isinstance(found["a.png"], str) and found["b.png"] == png(1)


def test_an_encrypted_image_and_one_that_is_damaged_are_named(tmp_path):
    path = write_zip(
        tmp_path / "a.zip",
        {"a.png": png(1), "b.png": png(2), "c.png": png(3)},
        zipfile.ZIP_STORED,
    )
    data = bytearray(path.read_bytes())
    data[data.index(png(2)) + 40] ^= 1  # its checksum is wrong now
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1  # the flag of encryption
    path.write_bytes(data)
    found = outcome(path)
    assert "encrypted" in found["a.png"] and "damaged" in found["b.png"]
    assert found["c.png"] == png(3)


def test_a_file_that_is_no_archive_is_one_error(tmp_path):
    whole = write_tar(tmp_path / "whole.tar.gz", FILES, gzip.compress).read_bytes()
    cases = {"a.zip": b"", "b.zip": b"PK\3\4nothing", "c.tar": b"x" * 2000}
    cases |= {"d.tar.gz": whole[: len(whole) // 2], "e.tar.xz": b"\xfd7zXZ\x00..."}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        errors = [e for e in outcome(tmp_path / name).values() if isinstance(e, str)]
        assert len(errors) == 1 and name in errors[0], name
    assert "not there" in str(outcome(tmp_path / "gone.zip"))


def test_a_list_names_files_beside_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "list.txt").write_text("a.png\n\n/x/b.png\r\n")
    (tmp_path / "in" / "list.csv").write_text("label,File\ncat,a.png\ndog,c.png\n")
    here = str(tmp_path / "in")
    assert image_names([f"{here}/list.txt"]) == [f"{here}/a.png", "/x/b.png"]
    assert image_names([f"{here}/list.csv"]) == [f"{here}/a.png", f"{here}/c.png"]
    (tmp_path / "bad.csv").write_text("name\na.png\n")
    (tmp_path / "empty.txt").touch()
    errors = [
        e for _, _, e in named_images([tmp_path / "bad.csv", tmp_path / "empty.txt"])
    ]
    assert "no column of files" in errors[0] and "without images" in errors[1]
