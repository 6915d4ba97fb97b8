"""Groups of images: parts that are drawn never share one."""

import numpy as np
import pytest
from PIL import Image

from keras_vit.data import fold_of, hold_out, load, load_splits
from keras_vit.data.readers.grouping import apportion, deal

PATTERN = r"(p\d+)_"


@pytest.fixture
def photos(tmp_path):
    """Two classes of 24 images each, of 12 patients, whose names are in the files."""
    root, random = tmp_path / "photos", np.random.default_rng(0)
    for label in ("a", "b"):
        (root / label).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 256, (4, 4, 3)).astype("uint8")
            name = f"p{number % 12:02d}_{number}.png"
            Image.fromarray(pixels).save(root / label / name)
    return root


def rows(root, extra=("file", "label", "patient")):
    lines = [",".join(extra)]
    for file in sorted(root.rglob("*.png")):
        patient = file.name.partition("_")[0]
        lines.append(f"{file.relative_to(root)},{file.parent.name},{patient}")
    path = root / "list.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def patients(source):
    return {file.rpartition("/")[2].partition("_")[0] for file in source.files}


def test_no_group_is_in_two_parts_whatever_the_groups_are():
    random = np.random.default_rng(0)
    for seed in range(200):
        number = int(random.integers(8, 120))
        groups = random.integers(0, random.integers(4, 30), number).astype(str)
        labels = random.integers(0, random.integers(1, 4), number)
        for shares in ((0.8, 0.2), (0.95, 0.05), (0.25,) * 4):
            try:
                part = apportion(labels, groups, shares, seed)
            except ValueError as error:
                assert "No group can be set apart" in str(error) or "as many" in str(
                    error
                )
                continue
            assert set(part) == set(range(len(shares)))
            assert all(len(set(part[groups == group])) == 1 for group in groups)
            if len(shares) == 2:  # training has an image of every class
                assert set(labels[part == 0]) == set(labels)


def test_groups_of_one_image_are_drawn_in_the_proportion_of_the_classes():
    labels = np.repeat([0, 1, 2], (100, 50, 50))
    part = apportion(labels, np.arange(200), (0.9, 0.1), 0)
    assert np.bincount(labels[part == 1]).tolist() == [10, 5, 5]
    folds = apportion(labels, np.arange(200), (0.2,) * 5, 0)
    for fold in range(5):
        assert np.bincount(labels[folds == fold]).tolist() == [20, 10, 10]


def test_single_images_are_dealt_evenly_in_all_and_in_each_class():
    labels = np.repeat([0, 1, 2], (7, 13, 3))
    part = deal(labels, range(23), 4, seed=1)
    assert np.ptp(np.bincount(part)) <= 1
    for label in range(3):
        assert np.ptp(np.bincount(part[labels == label], minlength=4)) <= 1
    assert (part != deal(labels, range(23), 4, seed=2)).any()


def test_test_validation_and_folds_keep_patients_whole(photos):
    for name, group_by in ((photos, PATTERN), (rows(photos), "patient")):
        train, test = load_splits(name, group_by=group_by)
        rest, held = hold_out(train, 0.2)
        parts = [patients(source) for source in (rest, held, test)]
        assert sum(map(len, parts)) == len(set().union(*parts)) == 12
        assert train.num_examples + test.num_examples == 48
        assert set(test.groups) == patients(test)
        tests = []
        for number in range(1, 5):
            train, test = load_splits(name, group_by=group_by, fold=f"{number}/4")
            assert not patients(train) & patients(test)
            assert train.num_examples + test.num_examples == 48
            tests += test.files
        assert len(tests) == len(set(tests)) == 48


def test_folds_without_groups_have_each_image_once(photos):
    whole = load(f"{photos}:all")
    parts = [fold_of(whole, f"{number}/5")[1] for number in range(1, 6)]
    files = [file for part in parts for file in part.files]
    assert sorted(files) == sorted(whole.files)
    for number in ("0/5", "6/5", "1/1", "two"):
        with pytest.raises(ValueError, match="second of five"):
            fold_of(whole, number)
    with pytest.raises(ValueError, match="49 folds need as many images"):
        fold_of(whole, "1/49")


def test_what_names_no_group_is_refused(photos):
    for number in range(7):
        image = photos / "a" / "p00_0.png"
        (photos / "b" / f"stray{number}.png").write_bytes(image.read_bytes())
    with pytest.raises(ValueError, match=r"stray0\.png.*stray4\.png and 2 more"):
        load(photos, group_by=PATTERN)
    for pattern, message in (
        (r"p\d+", "one group in parentheses.*which has 0"),
        ("(", "no regular expression"),
        ("(p)(.)", "which has 2"),
    ):
        with pytest.raises(ValueError, match=message):
            load(photos, group_by=pattern)
    with pytest.raises(ValueError, match="neither a folder nor a list"):
        load("fashion_mnist_mini", group_by=PATTERN)


def test_an_empty_cell_of_the_column_is_named_by_its_line(photos):
    path = rows(photos)
    lines = path.read_text().splitlines()
    lines[3] = lines[3].rpartition(",")[0] + ","
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="an empty patient in line 4"):
        load(path, group_by="patient")


def test_a_class_of_one_group_stays_in_training():
    labels, groups = np.array([0] * 6 + [1] * 6), np.array(list("aabbcc") + ["d"] * 6)
    for seed in range(5):
        part = apportion(labels, groups, (0.5, 0.5), seed)
        assert (part[labels == 1] == 0).all() and (part == 1).any()
    with pytest.raises(ValueError, match="only one of some class"):
        apportion(labels, np.array(["a"] * 6 + ["d"] * 6), (0.5, 0.5), 0)
    with pytest.raises(ValueError, match="as many groups"):
        apportion(labels, np.array(["a"] * 12), (0.5, 0.5), 0)
