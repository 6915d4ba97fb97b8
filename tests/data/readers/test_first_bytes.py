"""Decisions about all images rest on the headers of all, or say on how many."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from keras_vit.data import describe, load, load_splits, open_place
from keras_vit.data.decoding.headers import read_header
from keras_vit.data.decoding.jpeg_png import decode
from keras_vit.data.readers import looking


def save(path, mode="RGB", size=(9, 6), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def turned(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


FILES = [
    ("a.png", "RGB", {}),
    ("a.png", "L", {}),
    ("a.png", "LA", {}),
    ("a.png", "RGBA", {}),
    ("a.png", "P", {}),
    ("a.png", "1", {}),
    ("a.jpg", "RGB", {}),
    ("a.jpg", "L", {}),
    ("a.jpg", "CMYK", {}),
    ("a.jpg", "RGB", {"progressive": True}),
    ("a.jpg", "RGB", {"exif": turned(6)}),
    ("a.jpg", "RGB", {"exif": turned(3)}),
    ("a.jpg", "RGB", {"exif": turned(8), "icc_profile": b"x" * 70_000}),
    ("a.jpg", "L", {"icc_profile": b"x" * 200_000, "comment": b"y" * 3000}),
    ("a.gif", "P", {}),
    ("a.bmp", "RGB", {}),
    ("a.bmp", "L", {}),
    ("a.webp", "RGB", {}),
    ("a.tif", "L", {}),
    ("a.tif", "RGB", {"compression": "tiff_lzw"}),
]


@pytest.mark.parametrize(("name", "mode", "options"), FILES)
def test_the_header_says_what_the_decoder_makes(name, mode, options, tmp_path):
    path = save(tmp_path / name, mode, **options)
    height, width, channels = decode(path.read_bytes()).shape
    found = read_header(path)
    orientation = options.get("exif", turned(1))[0x0112]
    assert found == (height, width, channels, orientation, path.stat().st_size)


def test_a_long_exif_block_is_read_over(tmp_path):
    data = io.BytesIO()
    Image.new("L", (7, 5)).save(data, "JPEG")
    begin, rest = data.getvalue()[:2], data.getvalue()[2:]
    for length in (10, 1000, 1010, 1022, 1030, 60_000):
        block = b"\xff\xe1" + (length + 2).to_bytes(2) + b"\0" * length
        (tmp_path / "a.jpg").write_bytes(begin + block + b"\xff\xff" + rest[1:])
        assert read_header(tmp_path / "a.jpg")[:3] == (5, 7, 1)


def test_what_cannot_be_read_says_why(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("gone.png", tmp_path / "dangling.png")
    os.symlink("/dev/zero", tmp_path / "device.png")
    os.symlink("circle.png", tmp_path / "circle.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "short.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "100")
    save(tmp_path / "large.png", size=(20, 6))
    for name, reason in {
        "pipe.png": "a pipe",
        "dangling.png": "a link that leads nowhere",
        "device.png": "a link to /dev/zero, a device",
        "circle.png": "a link that leads back to itself",
        "folder.png": "a folder",
        "empty.png": "not an image",
        "text.jpg": "not an image",
        "short.jpg": "not ",
        "large.png": "KERAS_VIT_MAX_PIXELS",
        "absent.png": "No such file",
    }.items():
        with pytest.raises(ValueError, match=reason):
            read_header(tmp_path / name)


def test_colour_among_grey_is_seen_and_said(tmp_path, caplog):
    caplog.set_level("INFO", "keras_vit")
    for number in range(200):
        save(tmp_path / "arm" / f"{number:03d}.png", "L", (3, 2))
    save(tmp_path / "skull" / "0.png", "RGB", (3, 2))
    save(tmp_path / "skull" / "1.png", "L", (3, 2))
    place = open_place(tmp_path)
    for source in load_splits(place):
        assert source.num_channels == 3 and source.image_size == (2, 3)
    lines = [r.getMessage() for r in caplog.records if "in colour" in r.getMessage()]
    assert len(lines) == 1 and "201 images are grey and 1 in colour" in lines[0]
    found = describe(place)
    assert (found.num_channels, found.num_grey, found.num_colour) == (3, 201, 1)
    assert found.image_size == (2, 3)
    assert "201 grey and 1 in colour" in str(found)


def test_one_image_of_another_size_is_seen(tmp_path):
    for number in range(100):
        save(tmp_path / "ab"[number % 2] / f"{number:03d}.png", size=(3, 2))
    assert load(tmp_path).image_size == (2, 3)
    save(tmp_path / "b" / "033.png", size=(2, 3))
    assert load(tmp_path).image_size is None


def test_unreadable_images_are_described_and_counted(tmp_path):
    for name in "ab":
        save(tmp_path / name / "0.png", "L")
    os.symlink("nowhere.png", tmp_path / "a" / "1.png")
    found = describe(tmp_path)
    assert found.examples_per_class == {"a": 2, "b": 1} and found.num_channels == 1
    assert found.num_unreadable == 1
    assert "1 image cannot be read (a/1.png: a link that leads" in found.notes


def test_of_too_many_a_part_of_every_class_is_looked_at_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "MOST", 40)
    for number in range(60):
        save(tmp_path / "many" / f"{number:02d}.png", "L", (3, 2))
    for name in "abc":
        save(tmp_path / name / "0.png", "L", (3, 2))
        save(tmp_path / name / "1.png", "RGB", (3, 2))
    place = open_place(tmp_path)
    seen = place.look()
    assert (seen.num_looked_at, seen.num_images) == (40, 66)
    assert seen.num_grey == 37 and seen.num_channels == 3
    assert "looked at 40 of 66 images, drawn from all classes" in describe(place).notes
    assert (looking._drawn(np.zeros(9, int), 9) == np.arange(9)).all()


def test_headers_are_read_once_for_all_parts(tmp_path, monkeypatch):
    for number in range(8):
        save(tmp_path / "ab"[number % 2] / f"{number}.png")
    read = []
    original = looking.read_header
    monkeypatch.setattr(
        looking, "read_header", lambda path: read.append(path) or original(path)
    )
    place = open_place(tmp_path)
    load_splits(place)
    describe(place)
    load_splits(place, test_fraction=0.4)
    assert len(read) == 8 == len(set(read))
