"""Parts of a split: nested, balanced, the same however the set is read."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from pictures import encode, picture
from writing import write, write_numbered

import keras_vit.data
from keras_vit.data import hold_out, load, load_splits, subsets
from keras_vit.data.readers import records
from keras_vit.data.subsets import Subset

NAMES = ["a", "b", "c"]


def places(labels, **options):
    names = [f"image {i}" for i in range(len(labels))]
    return Subset(**options).places(np.asarray(labels), names, NAMES)


UNEVEN = np.repeat([0, 1, 2], [500, 33, 7])


@pytest.mark.parametrize("labels", [UNEVEN, np.arange(300) % 3])
def test_fractions_are_exact_balanced_and_nested(labels):
    inside = set()
    for fraction in (0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 1.0):
        chosen = places(labels, fraction=fraction)
        assert len(chosen) == max(1, round(fraction * len(labels)))
        shares = np.bincount(labels[chosen], minlength=3)
        assert (abs(shares - np.bincount(labels) * fraction) <= 1).all()
        assert inside <= set(chosen)
        inside = set(chosen)
    assert chosen.tolist() == list(range(len(labels)))


def test_examples_per_class_are_nested_and_exact():
    inside = set()
    for count in (1, 2, 5, 7):
        chosen = places(UNEVEN, per_class=count)
        assert np.bincount(UNEVEN[chosen]).tolist() == [count] * 3
        assert inside <= set(chosen) and (np.diff(chosen) > 0).all()
        inside = set(chosen)
    with pytest.raises(ValueError, match=r"per_class=8.*Too few: c \(7\)"):
        places(UNEVEN, per_class=8)
    with pytest.raises(ValueError, match=r"Too few: b \(0\), c \(0\)"):
        places([0, 0], per_class=1)


def test_the_seed_chooses_and_the_order_of_the_examples_does_not():
    names = np.asarray([f"{i}.png" for i in range(540)], object)
    turn = np.random.default_rng(0).permutation(540)
    for options in ({"fraction": 0.1}, {"per_class": 3}):
        subset = Subset(**options, seed=3)
        first = names[subset.places(UNEVEN, names, NAMES)]
        again = names[turn][subset.places(UNEVEN[turn], names[turn], NAMES)]
        other = names[Subset(**options, seed=4).places(UNEVEN, names, NAMES)]
        assert set(first) == set(again) != set(other)


@pytest.mark.parametrize(
    ("text", "base", "wanted"),
    [
        ("train", "train", ()),
        (None, None, ()),
        ("train,fraction=1%", "train", (Subset(fraction=0.01),)),
        (
            "train[:50%]+test, per_class=10, seed=3",
            "train[:50%]+test",
            (Subset(None, 10, 3),),
        ),
        ("per_class=2", None, (Subset(per_class=2),)),
        (
            "all,fraction=0.5,per_class=1,seed=1",
            "all",
            (Subset(0.5), Subset(None, 1, 1)),
        ),
    ],
)
def test_parts_are_written_behind_the_split(text, base, wanted):
    assert subsets.parse(text) == (base, wanted)
    for subset in wanted:
        assert subsets.parse(f"train{subset}") == ("train", (subset,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train,per_klass=3", "'per_klass=3'"),
        ("train,per_class=few", "'per_class=few'"),
        ("train,per_class=0", "positive integer"),
        ("train,fraction=0", "above 0 and at most 1"),
        ("train,fraction=200%", "at most 1"),
        ("train,fraction=0.1,10", "'10'"),
        ("train,seed=3", "must follow"),
        ("train,per_class=3,seed=1,seed=2", "must follow"),
    ],
)
def test_badly_written_parts_are_explained(text, message):
    with pytest.raises(ValueError, match=message):
        load(f"fashion_mnist_mini:{text}")


def test_neither_or_both_is_an_error():
    for options in ({}, {"fraction": 0.1, "per_class": 1}):
        with pytest.raises(ValueError, match="a fraction or by a number per class"):
            Subset(**options)
    with pytest.raises(ValueError, match=r"seed=0\.5"):
        Subset(fraction=0.1, seed=0.5)


def ids(source):
    return [example["id"] for example in source.examples().as_numpy_iterator()]


@pytest.mark.slow
def test_a_source_takes_parts_of_itself():
    train = load("fashion_mnist_mini:train[:50%]")
    part = train.take_per_class(4, seed=1)
    assert set(part.examples_per_class().values()) == {4}
    assert part.split == "train[:50%],per_class=4,seed=1"
    assert ids(load(f"fashion_mnist_mini:{part.split}")) == ids(part)
    tenth, half = train.take_fraction(0.1), train.take_fraction(0.5)
    assert set(ids(tenth)) < set(ids(half)) and tenth.num_examples == 300
    again = half.take_per_class(2)
    assert again.split == "train[:50%],fraction=0.5,seed=0,per_class=2,seed=0"
    assert ids(load(f"fashion_mnist_mini:{again.split}")) == ids(again)
    batches = part.batches(20, image_size=28, training=True, epochs=1)
    assert len(list(batches)) == 2


def test_streamed_and_kept_sets_give_the_same_part(monkeypatch):
    kept = load("fashion_mnist_mini:test").take_per_class(3)
    counts = load("fashion_mnist_mini:test[:20%]").examples_per_class()
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    streamed = load("fashion_mnist_mini:test")
    assert isinstance(streamed.store, records.RecordStore)
    part = streamed.take_per_class(3)
    assert ids(part) == ids(kept) and (part.labels == kept.labels).all()
    assert load("fashion_mnist_mini:test[:20%]").examples_per_class() == counts
    monkeypatch.setattr(records, "SUBSET_BUDGET", 1000)
    with pytest.raises(ValueError, match=r"30 examples of some.*Take a smaller part"):
        streamed.take_per_class(3)


def test_folders_arrays_and_lists_give_parts(folder, arrays):
    part = load(f"{folder}:all,per_class=4")
    assert part.examples_per_class() == {"cat": 4, "dog": 4}
    assert set(part.files) < set(load(f"{folder}:all,per_class=9").files)
    assert arrays.take_fraction(0.5).num_examples == 12
    assert arrays.examples_per_class() == {"a": 8, "b": 8, "c": 7}


def test_the_test_part_stays_whole(folder):
    train, test = load_splits(f"{folder}:train,per_class=2")
    assert (train.num_examples, test.num_examples) == (4, 6)
    assert train.split == "train,per_class=2,seed=0"


def test_a_set_without_a_test_part_is_cut_first(tmp_path):
    train, test = load_splits(f"{write_numbered(tmp_path)}:train,per_class=3,seed=2")
    assert test.split == "train[80%:]" and test.num_examples == 6
    assert train.split == "train[:80%],per_class=3,seed=2" and train.num_examples == 6


def test_broken_images_are_left_out_before_parts_are_taken(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            data = encode(picture(9, 7, seed=i))
            (tmp_path / name / f"{i}.png").write_bytes(data[: 40 if i == 0 else None])
    source = load(f"{tmp_path}:all,per_class=3", corrupt="skip")
    assert source.num_examples == 6 and len(source.skipped) == 2
    with pytest.raises(ValueError, match=r"Too few: a \(3\), b \(3\)"):
        load(f"{tmp_path}:all,per_class=4", corrupt="skip")


def test_a_skipping_stream_gives_parts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    source = keras_vit.data.load(write_numbered(tmp_path))
    rest = source.with_store(source.store.leave_out([(0, ids(source)[0].decode(), "")]))
    assert rest.take_fraction(1.0).num_examples == 29
    assert sum(rest.examples_per_class().values()) == 29


@pytest.mark.parametrize("budget", [2**30, 0])
def test_a_set_whose_labels_are_withheld_says_so(tmp_path, monkeypatch, budget):
    monkeypatch.setattr(records, "MEMORY_BUDGET", budget)
    features = {
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    image = np.zeros((8, 8, 3), np.uint8)
    write(tmp_path, "withheld", features, [{"image": image, "label": -1}] * 3)
    with pytest.raises(ValueError, match="has no labels"):
        load("withheld", tmp_path).take_per_class(1)


# What is held out is a fair sample, and never learned from.


def test_the_parts_share_no_image_and_miss_none(folder):
    train = load(str(folder))
    rest, held = hold_out(train, 0.25, seed=3)
    assert (rest.num_examples, held.num_examples) == (18, 6)
    assert sorted(ids(rest) + ids(held)) == sorted(ids(train))
    assert np.bincount(held.labels).tolist() == [4, 2]
    # What is held out can be asked for by its name.
    assert ids(load((str(folder), held.split))) == ids(held)


def test_the_seed_decides(folder):
    train = load(str(folder))
    once, again, other = (
        ids(hold_out(train, 0.25, seed=seed)[1]) for seed in (0, 0, 1)
    )
    assert once == again != other


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_share_of_nothing_or_all_is_refused(folder, fraction):
    with pytest.raises(ValueError, match=rf"in \(0, 1\).*fraction={fraction}"):
        hold_out(load(str(folder)), fraction)


def test_one_image_cannot_be_two_parts(arrays):
    with pytest.raises(ValueError, match="Too few examples"):
        hold_out(arrays.take_fraction(0.01), 0.5)
