"""Folders of images without classes."""

import pytest
from pictures import encode, picture

from keras_vit import data
from keras_vit.data.readers.folders import UNLABELLED


def put(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(picture(6, 6)))


def test_images_in_any_folders_are_found(tmp_path):
    put(tmp_path, "a.png", "x/b.png", "x/y/c.png", ".hidden/d.png")
    (tmp_path / "notes.txt").write_text("no image")
    source = data.load(f"{tmp_path}:all", labelled=False)
    assert source.files == ["a.png", "x/b.png", "x/y/c.png"]
    assert source.class_names == [UNLABELLED] and list(source.labels) == [0, 0, 0]
    ((images, _),) = source.batches(3, image_size=6)
    assert images.shape == (3, 6, 6, 3)


def test_a_test_part_is_drawn_by_the_names(tmp_path):
    put(tmp_path, *(f"{i:02d}.png" for i in range(10)))
    train, test = data.load_splits(tmp_path, labelled=False, test_fraction=0.3)
    assert len(train.files) == 7 and len(test.files) == 3
    assert not set(train.files) & set(test.files)
    assert data.splits(tmp_path, labelled=False) == {"all": 10}


def test_split_folders_are_taken_where_there_are_some(tmp_path):
    put(tmp_path, "train/a.png", "train/cat/b.png", "val/c.png")
    train, validation = data.load_splits(tmp_path, labelled=False)
    assert train.files == ["train/a.png", "train/cat/b.png"]
    assert validation.files == ["val/c.png"]


def test_images_beside_a_split_folder_are_not_left_out_silently(tmp_path, caplog):
    put(tmp_path, "train/a.png", "val/b.png")
    data.load(tmp_path, labelled=False)
    assert not caplog.records
    put(tmp_path, "cars/c.png", "planes/d.png")
    assert data.load(tmp_path, labelled=False).files == ["train/a.png"]
    assert "2 images, such as cars/c.png, are left out" in caplog.text


def test_what_holds_no_images_is_named(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path.name} holds no images"):
        data.load(tmp_path, labelled=False)
    with pytest.raises(ValueError, match="is a file, not a folder"):
        put(tmp_path, "a.png")
        data.load(tmp_path / "a.png", labelled=False)
