"""Lists with several labels an image: what they mean, and what is refused."""

import logging

import numpy as np
import pytest
from pictures import encode, picture

from keras_vit.data import describe, from_arrays, hold_out, load, load_splits, splits
from keras_vit.evaluation.probes.features import check_same_classes

TASK = {"task": "multilabel"}
SETS = ["cat", "dog", "cat;dog", "", "dog;cat", "bird"] * 4


@pytest.fixture
def root(tmp_path):
    """24 images in a folder."""
    (tmp_path / "images").mkdir()
    for i in range(24):
        (tmp_path / "images" / f"{i:02d}.png").write_bytes(
            encode(picture(9, 7, seed=i))
        )
    return tmp_path


def write(root, header, cells, name="photos.csv"):
    lines = [f"images/{i:02d}.png,{cell}" for i, cell in enumerate(cells)]
    path = root / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return str(path)


def truth(names=("bird", "cat", "dog")):
    return [[int(name in cell.split(";")) for name in names] for cell in SETS]


@pytest.mark.parametrize(
    "cells",
    [
        SETS,
        [cell.replace(";", "|") for cell in SETS],
        [f'"{cell.replace(";", ", ")}"' for cell in SETS],
        [cell.replace(";", " ") for cell in SETS],
        [f'"{cell.split(";")}"' if cell else "none" for cell in SETS],
    ],
    ids=["semicolons", "bars", "quoted commas", "spaces", "lists"],
)
def test_every_separator_gives_the_same_labels(root, cells):
    source = load(write(root, "file,labels", cells) + ":all", **TASK)
    assert source.class_names == ["bird", "cat", "dog"]
    assert source.labels.tolist() == truth()
    assert source.examples_per_class() == {"bird": 4, "cat": 12, "dog": 12}
    assert source.examples_per_count() == {0: 4, 1: 12, 2: 8}


def test_columns_of_0_and_1_are_labels_and_others_are_not(root, caplog):
    words = {0: "no", 1: "Yes"}
    rows = [
        f"{a},{float(b)},{words[c]},{i + 20}" for i, (a, b, c) in enumerate(truth())
    ]
    path = write(root, "file,bird,cat,dog,age", rows)
    with caplog.at_level(logging.INFO):
        source = load(path + ":all", **TASK)
    assert source.class_names == ["bird", "cat", "dog"]
    assert source.labels.tolist() == truth()
    assert "Not read: age" in caplog.text
    assert "0 and 1: bird, cat, dog. Not read" in caplog.text
    sexes = write(
        root, "file,bird,cat,sex", [f"{a},{b},{c}" for a, b, c in truth()], "s.csv"
    )
    with caplog.at_level(logging.INFO):
        assert load(sexes, **TASK).class_names == ["bird", "cat", "sex"]
    assert "column sex is learned as a label, too" in caplog.text
    chosen = load(path + ":all", columns={"label": ["dog", "bird"]}, **TASK)
    assert chosen.class_names == ["dog", "bird"]
    assert chosen.labels.tolist() == truth(("dog", "bird"))


def test_a_folder_is_read_with_the_list_in_it_or_beside_it(root):
    inside = write(root, "path,tags", [cell.replace(";", "|") for cell in SETS])
    assert load(f"{root}:all", **TASK).labels.tolist() == truth()
    text = open(inside).read().replace("images/", "")
    (root / "images.csv").write_text(text)
    (root / "photos.csv").unlink()
    source = load(f"{root / 'images'}:all", **TASK)
    assert source.labels.tolist() == truth() and source.files[0] == "00.png"
    (root / "images.csv").unlink()
    with pytest.raises(ValueError, match=r"has no list of labels.*images.csv"):
        load(root / "images", **TASK)


def test_parts_of_the_list_and_parts_that_are_drawn(root):
    parts = ["train"] * 16 + ["val"] * 4 + ["test"] * 4
    rows = [f"{cell},{part}" for cell, part in zip(SETS, parts)]
    path = write(root, "file,labels,split", rows)
    assert splits(path, **TASK) == {"train": 16, "validation": 4, "test": 4}
    train, test = load_splits(path, **TASK)
    assert (train.num_examples, test.num_examples) == (16, 4)
    train, test = load_splits(write(root, "file,labels", SETS), **TASK)
    assert train.num_examples + test.num_examples == 24
    assert not set(train.files) & set(test.files)
    again = load_splits(write(root, "file,labels", SETS), **TASK)[1]
    assert again.files == test.files


@pytest.mark.parametrize(
    ("header", "change", "message"),
    [
        ("file,bird,cat,dog", {3: "0,2,0"}, r"value other than 0 and 1.*'cat'.*line 5"),
        ("file,bird,cat,dog", {3: "0,,0"}, r"'cat'.*line 5 \(empty\)"),
        ("file,bird,cat,dog", dict.fromkeys(range(24), "0,1,0"), "label bird, dog"),
        ("file,labels", {0: "a;b", 1: "a|b"}, "one separator.*'a|b' and 'a;b'"),
        ("file,labels", dict.fromkeys(range(24), "cat"), "two\\s+classes or more"),
        ("file,labels,tags", dict.fromkeys(range(24), "a;b,c"), "several columns"),
        ("file,age", dict.fromkeys(range(24), "31"), "column named labels or"),
    ],
)
def test_what_is_wrong_is_named(root, header, change, message):
    binary = header == "file,bird,cat,dog"
    cells = [",".join(map(str, row)) for row in truth()] if binary else list(SETS)
    for place, cell in change.items():
        cells[place] = cell
    with pytest.raises(ValueError, match=message):
        load(write(root, header, cells), **TASK)


def test_a_class_that_only_the_test_part_has_is_refused_with_its_line(root):
    rows = [f"{cell},train" for cell in SETS]
    rows[5], rows[23] = "cat,train", "cat;fox,test"
    path = write(root, "file,labels,split", rows)
    with pytest.raises(ValueError, match=r"training part lacks in line 25 \(fox\)"):
        load(path, **TASK)


def test_one_label_is_not_taken_silently_where_several_are_likely(root, caplog):
    load(write(root, "file,label", [c.replace(";", " ") or "cat" for c in SETS]))
    assert "'cat dog'" in caplog.text and "--task multilabel" in caplog.text
    caplog.clear()
    pairs = ["cat dog", "dog bird", "bird cat"] * 8  # none stands alone
    load(write(root, "file,label", pairs))
    assert "--task multilabel" in caplog.text
    binary = [",".join(map(str, row)) for row in truth()]
    with pytest.raises(ValueError, match=r"3 columns of 0 and 1.*--task multilabel"):
        load(write(root, "file,bird,cat,dog", binary))
    with pytest.raises(ValueError, match=r"'tags' hold several labels.*--task"):
        describe(write(root, "file,tags", SETS))
    with pytest.raises(ValueError, match=r"There is a list: name .*photos.csv"):
        load(root)
    caplog.clear()
    both = [f"{row},{'ab'[i % 2]}" for i, row in enumerate(binary)]
    load(write(root, "file,bird,cat,dog,label", both))
    assert "3 columns of 0 and 1" in caplog.text


def test_a_file_with_two_rows_is_told_how_to_have_two_labels(root):
    path = write(root, "file,label", ["cat", "dog"] * 12)
    with open(path, "a") as file:
        file.write("images/00.png,dog\n")
    with pytest.raises(ValueError, match=r"its one row.*--task multilabel"):
        load(path)
    with pytest.raises(ValueError, match="twice"):
        load(path, **TASK)


def test_batches_have_labels_of_every_class_which_mixup_blends(root):
    source = load(write(root, "file,labels", SETS) + ":all", **TASK)
    images, labels = next(iter(source.batches(24, image_size=8)))
    assert images.shape == (24, 8, 8, 3) and labels.dtype == "float32"
    assert labels.numpy().tolist() == truth()
    short = [len(labels) for _, labels in source.batches(10, image_size=8)]
    assert short == [10, 10, 4]
    options = {"training": True, "seed": 1, "epochs": 1}
    mixed = source.batches(24, image_size=8, augment="mixup(0.5)", **options)
    plain = source.batches(24, image_size=8, augment="none", **options)
    (_, blended), (_, whole) = next(iter(mixed)), next(iter(plain))
    before = np.roll(whole.numpy(), 1, axis=0)
    share = (blended - before)[whole != before] / (whole - before)[whole != before]
    np.testing.assert_allclose(share, share[0], rtol=1e-5)
    with pytest.raises(ValueError, match="label_smoothing"):
        source.batches(8, image_size=8, augment="label_smoothing(0.1)", training=True)


def test_held_out_images_keep_the_share_of_every_label_and_depend_on_the_seed():
    random = np.random.default_rng(0)
    labels = (random.random((600, 8)) < np.linspace(0.02, 0.6, 8)).astype(int)
    images = np.zeros((600, 2, 2, 1), np.uint8)
    source = from_arrays(images, labels)
    rest, held = hold_out(source, 0.2, seed=3)
    assert held.num_examples == 120 and rest.num_examples == 480
    wanted = 0.2 * labels.sum(axis=0)
    found = held.labels.sum(axis=0)
    drawn = np.abs(np.sqrt(wanted * 0.8))  # the spread of a plain draw
    assert (np.abs(found - wanted) <= np.maximum(1.5, drawn)).all()
    assert abs(found[0] - wanted[0]) <= 1.5  # the rarest
    again = hold_out(source, 0.2, seed=3)[1]
    other = hold_out(source, 0.2, seed=4)[1]
    names = [s.store.names() for s in (held, again, other)]
    assert np.array_equal(held.labels, again.labels)
    assert not np.array_equal(held.labels, other.labels), names
    tenth = source.take_fraction(0.1, seed=3)
    assert tenth.num_examples == 60
    with pytest.raises(ValueError, match="take_fraction"):
        source.take_per_class(5)


def test_arrays_of_label_sets_are_checked():
    images = np.zeros((4, 6, 6), np.uint8)
    source = from_arrays(images, np.eye(4, 3, dtype=bool), ["a", "b", "c"])
    assert source.task == "multilabel" and source.num_channels == 1
    assert source.examples_per_count() == {0: 1, 1: 3}
    for labels in (np.full((4, 2), 2), np.zeros((3, 2)), np.full((4, 2), 0.5)):
        with pytest.raises(ValueError, match="must be 0 and 1"):
            from_arrays(images, labels)
    with pytest.raises(ValueError, match="name each column"):
        from_arrays(images, np.zeros((4, 2), int), ["a"])


def test_a_list_is_described_with_the_labels_of_an_image(root):
    found = describe(write(root, "file,labels", SETS), **TASK)
    assert found.labels_per_image == {0: 4, 1: 12, 2: 8}
    assert found.examples_per_class == {"bird": 4, "cat": 12, "dog": 12}
    text = str(found)
    assert "labels per image: 0 (4), 1 (12), 2 (8); 1.17 on average" in text
    assert found.splits == {"all": 24} and "--task multilabel" in text


def test_probes_refuse_several_labels_with_the_reason(root):
    train, test = load_splits(write(root, "file,labels", SETS), **TASK)
    with pytest.raises(ValueError, match=r"is in several\. Train with task='multi"):
        check_same_classes((train, test))
