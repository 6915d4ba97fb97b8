"""A data set's name is opened once, and its files are looked for once."""

import collections
import os

import pytest
import tensorflow_datasets as tfds
from pictures import encode, picture

from keras_vit.data import describe, load, load_splits, open_place, splits
from keras_vit.data import places as places_module
from keras_vit.data.readers import folders


@pytest.fixture
def calls(monkeypatch):
    """How often folders and lists are scanned, and TFDS directories opened."""
    counts = collections.Counter()

    def count(module, name):
        function = getattr(module, name)

        def counted(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, counted)

    count(folders, "scan")
    count(folders, "scan_unlabelled")
    count(places_module, "scan_list")
    count(tfds, "builder_from_directory")
    count(places_module, "prepared_directory")
    return counts


@pytest.fixture
def photo_list(tmp_path):
    (tmp_path / "a.png").write_bytes(encode(picture()))
    (tmp_path / "b.png").write_bytes(encode(picture(seed=1)))
    (tmp_path / "c.png").write_bytes(encode(picture(seed=2)))
    path = tmp_path / "photos.csv"
    rows = ("file,label,split", "a.png,x,train", "b.png,y,train", "c.png,x,test")
    path.write_text("\n".join(rows))
    return path


def test_a_folder_is_scanned_once_for_both_parts(folder, calls):
    load_splits(folder)
    assert calls == {"scan": 1, "prepared_directory": 1}


def test_a_folder_without_classes_is_scanned_once(folder, calls):
    load_splits(folder, labelled=False)
    assert calls == {"scan_unlabelled": 1, "prepared_directory": 1}


def test_a_list_is_read_once(photo_list, calls):
    load_splits(photo_list)
    assert calls == {"scan_list": 1}


def test_a_tfds_set_is_opened_once(calls):
    load_splits("fashion_mnist_mini")
    assert calls == {"builder_from_directory": 1}


def test_several_calls_with_one_place_scan_once(folder, calls):
    place = open_place(f"{folder}:all")
    assert load(place).num_examples == splits(place)["all"] == 30
    assert describe(place).splits == {"all": 30}
    train, test = load_splits(place.with_split(None), test_fraction=0.3)
    assert (train.num_examples, test.num_examples) == (21, 9)
    assert calls == {"scan": 1, "prepared_directory": 1}
    load(place, labelled=False)
    assert calls["scan"] == calls["scan_unlabelled"] == 1


def test_a_place_gives_what_its_name_gives(folder, photo_list):
    for name in (str(folder), f"{folder}:all[:50%],per_class=2", str(photo_list)):
        by_name, by_place = load(name), load(open_place(name))
        assert by_name.files == by_place.files and by_name.split == by_place.split
        assert repr(by_name) == repr(by_place)
        assert str(describe(name)) == str(describe(open_place(name)))


def test_a_place_says_what_its_name_means(folder, photo_list):
    place = open_place(f"{folder}:train[:80%],per_class=3,seed=1")
    assert (place.kind, place.path, place.split) == ("folder", folder, "train[:80%]")
    assert (place.parts[0].per_class, place.parts[0].seed) == (3, 1)
    assert open_place(place) is place
    assert open_place((str(folder), "test")) == place.with_split("test")
    assert open_place(photo_list).kind == "list"
    prepared = folders.__file__.replace("readers/folders.py", "embedded")
    assert open_place(f"{prepared}/fashion_mnist_mini").kind == "prepared"
    assert open_place("fashion_mnist_mini").kind == "tfds"
    assert open_place("vtab/dtd").vtab_task.num_classes == 47
    with pytest.raises(ValueError, match=r"no task 'dtdd'\. Did you mean vtab/dtd"):
        open_place("vtab/dtdd")


def test_what_is_no_folder_and_no_list_is_named(tmp_path):
    made = {name: tmp_path / name for name in ("pipe.csv", "gone", "loop.csv")}
    os.mkfifo(made["pipe.csv"])
    made["gone"].symlink_to("photos of last year")
    made["loop.csv"].symlink_to("loop.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name, words in {
        "pipe.csv": "is a pipe, no regular file",
        "gone": "is a link that leads nowhere, to photos of last year",
        "loop.csv": "is a link that leads back to itself",
        "zero.csv:train": "is a link to /dev/zero, a device",
    }.items():
        with pytest.raises(ValueError, match=f"{words}.* Name a folder of images"):
            open_place(str(tmp_path / name))
