"""Images of a run that change before it is resumed are noticed, and named."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny_runs import write_images

import keras_vit.data
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.run import images
from keras_vit.training.run.images import check_images
from keras_vit.training.run.images import write_images as note


@pytest.fixture
def photos(tmp_path):
    return write_images(tmp_path / "photos")


@pytest.fixture
def folder(photos, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    note(folder, *loaded(photos))
    check(folder, photos)
    return folder


def loaded(photos):
    return keras_vit.data.load_splits(str(photos), test_fraction=0.2)


def check(folder, photos):
    check_images(folder, *loaded(photos))


def test_an_image_of_another_size_is_named(folder, photos):
    target = photos / "dark" / "03.png"
    target.write_bytes(target.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"dark/03\.png is another image than when"):
        check(folder, photos)


def test_an_image_of_the_same_size_and_another_time_is_hashed(folder, photos):
    target = photos / "light" / "02.png"
    target.touch()
    os.utime(target, (0, 0))
    check(folder, photos)  # only its time is another
    data = bytearray(target.read_bytes())
    data[-20] ^= 1
    target.write_bytes(data)
    with pytest.raises(ValueError, match=r"light/02\.png is another image"):
        check(folder, photos)


def test_images_that_went_came_or_moved_are_named(folder, photos):
    os.remove(photos / "dark" / "00.png")
    with pytest.raises(ValueError, match=r"started: \S*dark/00\.png is gone\. Bring"):
        check(folder, photos)
    shutil.copy(photos / "dark" / "01.png", photos / "light" / "new.png")
    with pytest.raises(ValueError, match=r"00\.png is gone, \S*new\.png is new"):
        check(folder, photos)
    shutil.rmtree(photos / "dark")
    (photos / "dark").mkdir()
    shutil.copy(photos / "light" / "new.png", photos / "dark" / "new.png")
    with pytest.raises(ValueError, match=r", and 10 more\. Bring"):
        check(folder, photos)


def test_beyond_so_many_bytes_an_unsure_image_is_named(
    folder, photos, monkeypatch, caplog
):
    monkeypatch.setattr(images, "HASHED", 0)
    note(folder, *loaded(photos))
    target = photos / "light" / "02.png"
    os.utime(target, (0, 0))
    check(folder, photos)
    assert "02.png and 0 more" in caplog.text


def test_parts_of_their_own_may_hold_the_same_names(tmp_path):
    for seed, part in enumerate(("train", "test")):
        write_images(tmp_path / "photos" / part, seed)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    note(folder, *loaded(tmp_path / "photos"))
    os.remove(tmp_path / "photos" / "test" / "dark" / "05.png")
    with pytest.raises(ValueError, match=r"photos/test/dark/05\.png is gone\. Bring"):
        check(folder, tmp_path / "photos")


def test_another_class_of_the_same_image_is_named(folder, photos):
    train, test = loaded(photos)
    store = dataclasses.replace(train.store, labels=1 - train.store.labels)
    with pytest.raises(ValueError, match=r"is of another class, .* more\."):
        check_images(folder, train.with_store(store), test)


def test_older_runs_know_the_names_and_damaged_files_are_named(folder, photos):
    data = folder.images.read_bytes()
    for damaged in (data[:200], b"", b"PK" + bytes(50)):
        folder.images.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"images\.npz is damaged"):
            check(folder, photos)
    np.savez(folder.images, names=np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"images\.npz is damaged"):
        check(folder, photos)
    folder.images.unlink()
    check(folder, photos)
    folder.split.write_text('{"train": ["dark/00.png"], "test": []}')
    with pytest.raises(ValueError, match=r"is new, .*, and 18 more"):
        check(folder, photos)
    folder.split.write_text("[")
    with pytest.raises(ValueError, match=r"split\.json is damaged"):
        check(folder, photos)


def test_a_changed_mask_is_named(tmp_path):
    for number in range(5):
        for part, value in (("images", 9), ("masks", 1)):
            path = tmp_path / "set" / part / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.eye(8, dtype=np.uint8) * np.uint8(value)
            Image.fromarray(pixels).save(path)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    splits = lambda: keras_vit.data.load_splits(  # noqa: E731
        str(tmp_path / "set"), task="segmentation"
    )
    note(run, *splits())
    check_images(run, *splits())
    Image.fromarray(pixels[::-1]).save(tmp_path / "set" / "masks" / "3.png")
    with pytest.raises(ValueError, match=r"images/3\.png has another annotation\."):
        check_images(run, *splits())
