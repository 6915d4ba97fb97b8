"""What a check of the data finds: everything that was planted, and nothing else."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_vit.data
from keras_vit.data.check.data_check import check_data
from keras_vit.data.check.duplicates import find_duplicates
from keras_vit.data.check.fingerprints import Fingerprints

XRAY = os.environ.get("KERAS_VIT_XRAY")


def picture(seed, height=24, width=24, channels=3):
    """A smooth image that no other seed gives: uint8 (H, W, C) or (H, W)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 6, channels)).astype("uint8")
    coarse = coarse[..., 0] if channels == 1 else coarse
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))


def write(root, split, name, counts, **options):
    """Writes `counts` images, PNG, numbered from 0; returns their folder."""
    folder = Path(root) / split / name
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(counts):
        seed = [len(split), len(name), *map(ord, name), index]
        Image.fromarray(picture(seed, **options)).save(folder / f"{index:02d}.png")
    return folder


def both(root):
    return keras_vit.data.load_splits(str(root))


@pytest.fixture
def photos(tmp_path):
    """12 training and 4 test images of each of two classes."""
    for split, counts in (("train", 12), ("test", 4)):
        for name in ("cat", "dog"):
            write(tmp_path, split, name, counts)
    return tmp_path


def test_good_data_gets_no_warning(photos):
    check = check_data(*both(photos))
    assert check.warnings == []
    assert check.train_counts == [12, 12] and check.test_counts == [4, 4]
    assert check.num_checked == check.num_examples == 32
    assert check.sizes["distinct"] == 1 and check.sizes["median"] == [24, 24]
    assert str(check).splitlines() == [
        "24 training and 8 test images, 2 classes: cat 12, dog 12",
        "height x width: 24x24",
    ]
    assert json.loads(json.dumps(check.to_json()))["warnings"] == []


def test_a_test_image_that_is_trained_on_is_named(photos):
    (photos / "test/dog/copy.png").write_bytes(
        (photos / "train/dog/03.png").read_bytes()
    )
    check = check_data(*both(photos))
    assert check.leaks.count == 1 and check.near_leaks.count == 0
    test, train = check.leaks.examples[0]
    assert (test, train) == ("test/dog/copy.png", "train/dog/03.png")
    (warning,) = check.warnings
    assert "copy.png" in warning and "03.png" in warning


def test_a_smaller_jpeg_of_a_training_image_is_a_near_leak(photos):
    large = Image.fromarray(picture(77, height=96, width=120)).convert("L")
    large.save(photos / "train/cat/large.png")
    large.resize((80, 64)).save(photos / "test/cat/again.jpg", quality=60)
    check = check_data(*both(photos))
    assert check.leaks.count == 0 and check.near_leaks.count == 1
    test, train, correlation = check.near_leaks.examples[0]
    assert test.endswith("again.jpg") and train.endswith("large.png")
    assert 0.998 <= correlation <= 1.001
    assert check_data(*both(photos), near=False).near_leaks.count == 0


def test_equal_images_of_two_classes_contradict_each_other(photos):
    data = (photos / "train/cat/00.png").read_bytes()
    (photos / "train/dog/99.png").write_bytes(data)
    (photos / "train/cat/99.png").write_bytes(data)
    check = check_data(*both(photos))
    assert check.repeats.count == 1 and check.contradictions.count == 1
    assert "another class" in check.warnings[0]


def test_a_broken_file_is_named_with_its_reason(photos):
    whole = (photos / "train/cat/00.png").read_bytes()
    (photos / "train/cat/half.png").write_bytes(whole[: len(whole) // 2])
    (photos / "test/dog/text.jpg").write_bytes(b"not an image")
    check = check_data(*both(photos))
    names = [Path(name).name for name, _ in check.broken]
    assert names == ["half.png", "text.jpg"]
    assert all(reason for _, reason in check.broken)
    assert "corrupt='skip'" in check.warnings[0]


def test_a_file_that_vanished_is_counted_as_broken(photos):
    train, test = both(photos)
    (photos / "train/dog/11.png").unlink()
    check = check_data(train, test)
    assert len(check.broken) == 1 and check.num_checked == 32


def numbered(counts, class_names, first=0):
    """A source of different images, so many of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.stack([picture(first + i) for i in range(len(labels))])
    return keras_vit.data.from_arrays(images, labels, class_names)


def test_rare_and_empty_classes_are_named():
    names = ["many", "one", "test only"]
    check = check_data(numbered([31, 1, 0], names), numbered([3, 0, 1], names, 50))
    text = "\n".join(check.warnings)
    assert "1 class without training images: test only" in text
    assert "1 class without test images: one" in text
    assert "fewer than 10 training images: one" in text
    assert check.imbalance == 31 and "31 times" in text


def test_one_image_of_each_class_is_few():
    names = [f"class {i}" for i in range(12)]
    ones = np.ones(12, int)
    check = check_data(numbered(ones, names), numbered(ones, names, 50))
    (warning,) = check.warnings
    assert warning.startswith("12 classes with fewer than 10 training images: class 0;")
    assert warning.endswith("class 4; 7 more")
    assert "12 classes: 1 to 1 in training" in str(check)


def test_one_class_is_nothing_to_tell_apart():
    check = check_data(numbered([11], ["cat"]), numbered([2], ["cat"], 50))
    (warning,) = check.warnings
    assert "one class" in warning


def test_grey_and_oblong_images_and_their_sizes(tmp_path):
    write(tmp_path, "train", "a", 10, height=20, width=60, channels=1)
    write(tmp_path, "train", "b", 10, height=50, width=30, channels=1)
    write(tmp_path, "test", "a", 1, height=8, width=4, channels=1)
    write(tmp_path, "test", "b", 1, height=90, width=80)
    check = check_data(*both(tmp_path))
    assert check.sizes == {
        "smallest": [8, 4],
        "median": [50, 30],
        "largest": [90, 80],
        "distinct": 4,
    }
    assert check.warnings == []


def test_arrays_are_compared_by_their_pixels():
    train = np.stack([picture(i, channels=1) for i in range(20)])
    test = np.stack([picture(i, channels=1) for i in range(19, 22)])
    labels = np.arange(20) % 2
    check = check_data(
        keras_vit.data.from_arrays(train, labels),
        keras_vit.data.from_arrays(test, labels[:3]),
    )
    assert check.leaks.examples == [("0", "19")] and check.near_leaks.count == 0


def test_flat_images_look_like_nothing():
    def grey(*levels):
        images = np.ones((len(levels), 8, 8), np.uint8)
        return keras_vit.data.from_arrays(
            images * np.uint8(levels)[:, None, None], np.arange(len(levels)) % 2
        )

    check = check_data(grey(*range(20)), grey(50, 51))
    assert check.leaks.count == check.near_leaks.count == 0


def test_of_a_large_set_a_part_of_every_class_is_looked_at(photos):
    seen = []
    train, test = both(photos)
    check = check_data(train, test, limit=6, progress=lambda *at: seen.append(at))
    assert check.num_checked == 6 + 4 and check.num_examples == 32
    assert check.train_counts == [12, 12]  # the labels are known anyway
    assert "10 of 32 images were looked at" in str(check)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= whole for done, whole in seen)


def test_wrong_arguments_are_explained(photos):
    train, test = both(photos)
    with pytest.raises(ValueError, match="`limit` must be a positive integer"):
        check_data(train, test, limit=0)
    other = keras_vit.data.from_arrays(np.zeros((2, 8, 8), "uint8"), [0, 1])
    with pytest.raises(ValueError, match="same classes"):
        check_data(train, other)


def test_near_images_are_those_of_the_highest_correlation():
    random = np.random.default_rng(0)
    base = random.normal(size=(40, 256))
    noise = 0.02 * random.normal(size=(10, 256))

    def prints(values, first):
        values = values - values.mean(axis=1, keepdims=True)
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        count = len(values)
        return Fingerprints(
            hashes=np.arange(count) + first,
            labels=np.zeros(count, int),
            names=[f"{first}+{i}" for i in range(count)],
            shapes=np.ones((count, 3), int),
            pictures=values.astype("float16"),
            broken=[],
            num_checked=count,
        )

    test = np.concatenate([base[30:] + noise, random.normal(size=(5, 256))])
    found = find_duplicates(prints(base, 0), prints(test, 100))
    pairs = [pair[:2] for pair in found["near_leaks"].examples]
    assert pairs == [(f"100+{i}", f"0+{30 + i}") for i in range(10)]
    expected = [np.corrcoef(base[30 + i], test[i])[0, 1] for i in range(10)]
    got = [pair[2] for pair in found["near_leaks"].examples]
    np.testing.assert_allclose(got, expected, atol=2e-3)


@pytest.mark.skipif(not XRAY, reason="KERAS_VIT_XRAY names no folder of chest X-rays")
def test_the_nine_known_duplicates_of_the_chest_x_rays_are_found():
    check = check_data(*both(XRAY))
    assert check.train_counts == [1264, 1268] and check.test_counts == [319, 315]
    assert check.broken == [] and check.contradictions.count == 0
    # Nine pairs in all, one of them within the test part.
    assert check.leaks.count + check.repeats.count == 8
    assert check.near_leaks.count == 0
    assert check.sizes["median"] == [224, 224]


def test_the_nearest_training_image_tells_how_hard_the_classes_are(tmp_path):
    for split, counts in (("train", 12), ("test", 9)):
        for name in ("cat", "dog"):
            write(tmp_path, split, name, counts, height=16, width=16, channels=1)
    train, test = both(tmp_path)
    parts = []
    for source in (train, test):  # by brute force
        images, labels = next(iter(source.batches(24, image_size=16, num_channels=1)))
        grey = np.asarray(images).reshape(len(images), -1)
        parts += [grey, np.asarray(labels)]
    x, y, x_test, y_test = parts
    nearest = np.corrcoef(x_test, x)[: len(x_test), len(x_test) :].argmax(axis=1)
    found = check_data(train, test)
    assert found.pixel_accuracy == (y[nearest] == y_test).mean()
    assert check_data(train, test, near=False).pixel_accuracy is None


def test_small_empty_long_and_colourless_images_are_odd(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path, "train", name, 40)
        write(tmp_path, "test", name, 4)
    folder = tmp_path / "train" / "cat"
    planted = {
        "empty.png": np.full((24, 24, 3), 200, "uint8"),
        "grey.png": picture(1, channels=1),
        "icon.png": picture(2, 5, 5),
        "strip.png": picture(3, 24, 96),
    }
    for name, image in planted.items():
        Image.fromarray(image).save(folder / name)
    found = check_data(*both(tmp_path))
    odd = {Path(name).name: reason for name, reason in found.odd}
    assert odd.keys() == planted.keys()
    assert "contrast" in odd["empty.png"] and "grey" in odd["grey.png"]
    assert "5x5 pixels: small" in odd["icon.png"] and "24x96" in odd["strip.png"]
    assert found.warnings == []


def test_photographs_upright_and_across_are_not_odd(tmp_path):
    write(tmp_path, "train", "cat", 10, height=24, width=32)
    write(tmp_path, "train", "dog", 10, height=32, width=24, channels=1)
    write(tmp_path, "test", "cat", 3)
    write(tmp_path, "test", "dog", 3)
    assert check_data(*both(tmp_path)).odd == []
