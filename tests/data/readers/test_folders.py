"""Errors about folders name the folder; splits are stratified."""

import numpy as np
import pytest
from pictures import encode, picture

from keras_vit.data import load, load_splits, splits
from keras_vit.data.readers import folders
from keras_vit.data.readers.folders import UNLABELLED


def put(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(picture(6, 6)))


def test_a_file_is_not_a_folder(tmp_path):
    put(tmp_path, "photo.png")
    with pytest.raises(ValueError, match=r"photo\.png is a file"):
        load(tmp_path / "photo.png")


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path.name} is empty"):
        load(tmp_path)


def test_images_without_class_folders_have_no_labels(tmp_path):
    put(tmp_path, "a.png", "b.png")
    with pytest.raises(ValueError, match="2 images and no class folders"):
        load(tmp_path)


def test_folders_without_images_are_named(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "readme.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"no images in its folders \(cat, dog\)"):
        load(tmp_path)
    put(tmp_path, "dog/a.png")
    with pytest.raises(ValueError, match=r"Empty ones.*: cat"):
        load(tmp_path)


def test_a_single_class_is_named(tmp_path):
    put(tmp_path, "photos/a.png")
    with pytest.raises(ValueError, match=r"only one class, 'photos'"):
        load(tmp_path)
    put(tmp_path, "inner/cat/a.png", "inner/dog/a.png")
    (tmp_path / "photos" / "a.png").unlink()
    (tmp_path / "photos").rmdir()
    with pytest.raises(ValueError, match=r"or name .*inner itself"):
        load(tmp_path)


def test_a_test_class_that_training_lacks_is_named(tmp_path):
    put(tmp_path, "train/cat/a.png", "train/dog/a.png", "test/cow/a.png")
    with pytest.raises(ValueError, match="training folder lacks: cow"):
        load(tmp_path)


def test_test_without_train_is_an_error(tmp_path):
    put(tmp_path, "test/cat/a.png", "val/cat/a.png")
    with pytest.raises(ValueError, match="but no train folder"):
        load(tmp_path)


def test_hidden_and_other_files_are_left_alone(tmp_path):
    put(tmp_path, "cat/a.PNG", "cat/.b.png", "dog/deep/er/c.jpeg", ".git/x/d.png")
    (tmp_path / "cat" / "notes.txt").write_text("x")
    found = folders.scan(str(tmp_path))
    assert found.class_names == ["cat", "dog"]
    files, labels = found.splits["all"]
    assert files.tolist() == ["cat/a.PNG", "dog/deep/er/c.jpeg"]
    assert labels.tolist() == [0, 1]


def test_unknown_split_of_a_folder_lists_the_splits(tmp_path):
    put(tmp_path, "cat/a.png", "cat/b.png", "dog/a.png", "dog/b.png")
    with pytest.raises(ValueError, match="splits all, train, test"):
        load(f"{tmp_path}:dev")
    with pytest.raises(ValueError, match="written as in TFDS"):
        load(f"{tmp_path}:all[1]")


def names(*counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    files = np.asarray([f"{label}/{i}.png" for i, label in enumerate(labels)], object)
    return files, labels


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_every_class_with_two_images_is_in_both_parts(fraction):
    files, labels = names(2, 3, 50, 1)
    first, second = folders.stratified(files, labels, fraction, 0)
    assert sorted([*first, *second]) == list(range(56))
    assert set(labels[first]) == {0, 1, 2, 3} and set(labels[second]) == {0, 1, 2}
    wanted = min(max(1, round(50 * fraction)), 49)
    assert (labels[second] == 2).sum() == wanted


def test_a_split_depends_on_names_not_on_places():
    files, labels = names(20, 20)
    _, second = folders.stratified(files, labels, 0.2, 0)
    shuffle = np.random.default_rng(0).permutation(40)
    _, again = folders.stratified(files[shuffle], labels[shuffle], 0.2, 0)
    assert set(files[second]) == set(files[shuffle][again])


def test_decomposed_names_split_alike():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    orders = []
    for name in (composed, decomposed):
        files = [f"{name}/{i}.png" for i in range(9)]
        orders.append(folders.hash_order(files, 0, range(9)).tolist())
    assert orders[0] == orders[1]


def test_impossible_splits_are_errors():
    with pytest.raises(ValueError, match="test_fraction=1"):
        folders.stratified(*names(5, 5), 1, 0)
    with pytest.raises(ValueError, match="No class has two images"):
        folders.stratified(*names(1, 1), 0.5, 0)


@pytest.mark.parametrize(
    ("brackets", "wanted"),
    [("[:80%]", 8), ("[80%:]", 2), ("[-25%:]", 2), ("[3:5]", 2), ("[:]", 10)],
)
def test_brackets_are_those_of_tfds(brackets, wanted):
    assert len(range(10)[folders.slice_of(10, brackets)]) == wanted


# Folders of images without classes.


def test_images_in_any_folders_are_found(tmp_path):
    put(tmp_path, "a.png", "x/b.png", "x/y/c.png", ".hidden/d.png")
    (tmp_path / "notes.txt").write_text("no image")
    source = load(f"{tmp_path}:all", labelled=False)
    assert source.files == ["a.png", "x/b.png", "x/y/c.png"]
    assert source.class_names == [UNLABELLED] and list(source.labels) == [0, 0, 0]
    ((images, _),) = source.batches(3, image_size=6)
    assert images.shape == (3, 6, 6, 3)


def test_a_test_part_is_drawn_by_the_names(tmp_path):
    put(tmp_path, *(f"{i:02d}.png" for i in range(10)))
    train, test = load_splits(tmp_path, labelled=False, test_fraction=0.3)
    assert len(train.files) == 7 and len(test.files) == 3
    assert not set(train.files) & set(test.files)
    assert splits(tmp_path, labelled=False) == {"all": 10}


def test_split_folders_are_taken_where_there_are_some(tmp_path):
    put(tmp_path, "train/a.png", "train/cat/b.png", "val/c.png")
    train, validation = load_splits(tmp_path, labelled=False)
    assert train.files == ["train/a.png", "train/cat/b.png"]
    assert validation.files == ["val/c.png"]


def test_images_beside_a_split_folder_are_not_left_out_silently(tmp_path, caplog):
    put(tmp_path, "train/a.png", "val/b.png")
    load(tmp_path, labelled=False)
    assert not caplog.records
    put(tmp_path, "cars/c.png", "planes/d.png")
    assert load(tmp_path, labelled=False).files == ["train/a.png"]
    assert "2 images, such as cars/c.png, are left out" in caplog.text


def test_what_holds_no_images_is_named(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path.name} holds no images"):
        load(tmp_path, labelled=False)
    with pytest.raises(ValueError, match="is a file, not a folder"):
        put(tmp_path, "a.png")
        load(tmp_path / "a.png", labelled=False)
