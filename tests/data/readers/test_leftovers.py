"""What systems, archives, tools and runs leave behind is no data, and is named."""

import logging
import os

import pytest
from each import holds_for_each
from pictures import encode, picture

from keras_vit.data import describe, load, load_splits, open_place
from keras_vit.data.readers import folders
from keras_vit.data.readers.leftovers import is_leftover, is_run
from keras_vit.data.readers.walking import images_below
from keras_vit.training import Recipe
from keras_vit.training.folder.choice import new_folder, run_name
from keras_vit.tuner.search_folder import SearchFolder

LEFT = (
    *("@eaDir", "#recycle", "@Recycle", ".@__thumb", "lost+found", "$RECYCLE.BIN"),
    *("System Volume Information", ".Trashes", ".Spotlight-V100", ".AppleDouble"),
    *("__MACOSX", ".ipynb_checkpoints", "__pycache__", "found.000", ".Trash-1000"),
)
IMAGE = encode(picture(6, 6))


def put(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(IMAGE)


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    put(root, *(f"{name}/{k}.png" for name in ("cat", "dog") for k in range(3)))
    return root


def files_of(found):
    return [file for files, _ in found.splits.values() for file in files]


def test_what_is_left_behind_is_no_class_and_no_image_at_any_depth(photos):
    wanted = files_of(folders.scan(str(photos)))

    def check(name):
        where = [photos / name, photos / "cat" / name, photos / "dog" / "in" / name]
        for folder in where:
            put(folder, "a.png", "deep/b.jpg")
        found = folders.scan(str(photos))
        assert found.class_names == ["cat", "dog"] and files_of(found) == wanted
        assert files_of(folders.scan_unlabelled(str(photos))) == wanted
        assert list(images_below(photos)) == wanted
        (note,) = found.notes
        for folder in where:
            assert str(folder.relative_to(photos)) in note
            os.rename(folder, photos.parent / f"{len(list(photos.parent.iterdir()))}")

    holds_for_each(LEFT, check)


def test_empty_ones_and_files_are_left_aside_too(photos):
    put(photos, "cat/._0.png", "dog/Thumbs.db", "desktop.ini", "cat/note.txt")
    (photos / "lost+found").mkdir()
    found = folders.scan(str(photos))
    assert len(files_of(found)) == 6
    (note,) = found.notes
    assert "lost+found, cat/._0.png" in note and "1 .txt" in note


def test_ordinary_names_are_not_taken_for_leftovers():
    names = [
        "cat",
        "@home",
        "recycle",
        "recycled",
        "#1",
        "lost",
        "thumbs",
        "runs",
        "system",
    ]
    assert not [name for name in names if is_leftover(name)]


def test_the_line_says_it_and_what_to_do_once(photos, caplog):
    caplog.set_level(logging.INFO, "keras_vit")
    put(photos, *(f"cat/{k}/@eaDir/0.png" for k in range(5)), "cat/4/9.png")
    place = folders.scan(str(photos))
    assert "cat/2/@eaDir and 2 more; rename what is a class" in place.notes[0]
    load(f"{photos}:all")
    (line,) = [r for r in caplog.records if "@eaDir" in r.getMessage()]
    assert line.levelname == "INFO" and line.getMessage() == place.notes[0]
    assert place.notes[0] in describe(photos).notes


def test_images_in_no_class_folder_are_named(photos, caplog):
    put(photos, "loose.png")
    load(photos)
    (warning,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "the image loose.png is left out: it is in no class folder" in warning


# Runs below the data.


def is_data(root):
    return set(files_of(folders.scan(str(root))))


@pytest.mark.parametrize("where", ["runs/x-1", "r", "cat/r", "dog/in/r", "s/seed-1"])
@pytest.mark.parametrize("stage", ["begun", "recorded", "finished", "copied"])
def test_a_run_below_the_data_is_no_data(photos, where, stage):
    wanted = is_data(photos)
    put(photos, "dog/in/z.png")
    wanted.add("dog/in/z.png")
    folder = new_folder(Recipe(), photos / where)
    with folder.locked():
        if stage != "begun":
            folder.write_record({"recipe": {}, "status": "running"})
            folder.write_history([])
    if stage in ("finished", "copied"):
        put(folder.path, "curves.png", "pictures/epoch-0001.png")
    if stage == "copied":  # without hidden files
        (folder.path / ".lock").unlink()
    assert is_data(photos) == wanted
    assert where in folders.scan(str(photos)).notes[0]


def test_a_killed_run_and_a_search_are_no_data(photos):
    wanted = is_data(photos)
    put(photos, "runs/k-1/.lock", "runs/k-1/.run.406.json")
    search = SearchFolder(photos / "searches" / "p-1")
    search.path.mkdir(parents=True)
    with search.locked():
        search.settings_file.write_text("{}")
        put(search.path, "parallel_coordinates.png")
        assert is_data(photos) == wanted


def test_an_empty_folder_of_runs_stops_no_run(photos):
    (photos / "runs").mkdir()
    (photos / "searches").mkdir()
    assert folders.scan(str(photos)).class_names == ["cat", "dog"]
    put(photos, "runs/marathon.png")
    assert folders.scan(str(photos)).class_names == ["cat", "dog", "runs"]


def test_a_class_with_a_file_like_ours_stays_a_class(photos):
    put(photos, "cat/run.json", "dog/.lock")
    assert folders.scan(str(photos)).class_names == ["cat", "dog"]
    assert not is_run(["run.json", "a.png"]) and not is_run([".lock", "a.png"])


def test_the_name_of_a_run_is_that_of_the_folder(photos, monkeypatch):
    monkeypatch.chdir(photos)
    for data in (".", "./", f"{photos}", "../photos", "cat/.."):
        assert run_name(Recipe(data=data)) == "photos-small"
    assert run_name(Recipe(data=".:train")) == "photos_train-small"
    monkeypatch.chdir(photos / "cat")
    assert run_name(Recipe(data="..")) == "photos-small"


# Links.


def test_a_link_back_is_named(photos):
    os.symlink("..", photos / "cat" / "up")
    with pytest.raises(ValueError, match=r"cat/up leads back into itself.*Remove"):
        folders.scan(str(photos))


def test_a_folder_that_may_not_be_read_is_named(photos, monkeypatch):
    scan = os.scandir

    def scandir(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ValueError, match=r"photos/dog cannot be .*Permission denied"):
        load(photos)


def test_every_folder_is_listed_once(photos, monkeypatch):
    put(photos, *(f"cat/deep/{number}.png" for number in range(200)))
    listed, scan = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scan(path))
    place = open_place(photos)
    del listed[:]  # to find out whether it is a set of TFDS
    load_splits(place)
    describe(place)
    load_splits(place, test_fraction=0.5)
    inside = ("", "/cat", "/cat/deep", "/dog")
    assert sorted(map(str, listed)) == [f"{photos}{name}" for name in inside]


def test_links_to_folders_are_followed_and_dead_ones_named(photos, tmp_path):
    put(tmp_path / "elsewhere", "o.png")
    os.symlink(tmp_path / "elsewhere", photos / "owl")
    os.symlink(tmp_path / "gone", photos / "pig")
    os.symlink("itself", photos / "itself")
    found = folders.scan(str(photos))
    assert found.class_names == ["cat", "dog", "owl"]
    assert "links that lead nowhere (itself, pig)" in found.notes[0]


def test_paths_come_in_the_order_of_their_texts(photos):
    put(photos, "cat/a/x.png", "cat/a-b.png", "cat/a.png", "cat/ab.png", "cat-b/x.png")
    found = list(images_below(photos))
    assert found == sorted(found) and len(found) == 11


# Names in two Unicode forms.


def test_two_forms_of_a_name_are_one_class(tmp_path):
    one, two = "caf\u00e9", "cafe\u0301"
    put(tmp_path, f"train/{two}/a.png", "train/bar/b.png", f"test/{one}/c.png")
    put(tmp_path, f"train/{one}/d.png")
    found = folders.scan(str(tmp_path))
    assert found.class_names == ["bar", one]
    files, labels = found.splits["train"]
    assert files.tolist() == [
        "train/bar/b.png",
        f"train/{two}/a.png",
        f"train/{one}/d.png",
    ]
    assert labels.tolist() == [0, 1, 1]
    assert found.splits["test"][1].tolist() == [1]
    assert f"{one} is written in two Unicode forms" in found.notes[0]


def test_two_forms_of_one_class_are_not_two_classes(tmp_path):
    put(tmp_path, "caf\u00e9/a.png", "cafe\u0301/b.png")
    with pytest.raises(ValueError, match="only one class"):
        folders.scan(str(tmp_path))
