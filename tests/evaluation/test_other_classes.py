"""Classes of model and data are matched by name, whatever their number and order."""

import unicodedata

import numpy as np
import pytest
from PIL import Image
from tiny_models import numbered, tiny

import keras_vit.data
from keras_vit.cli import main
from keras_vit.data import from_arrays
from keras_vit.evaluation import evaluate
from keras_vit.evaluation.classes import match_classes
from keras_vit.models import imagenet_classes

CLASSES = ["cat", "dog", "owl", "pig"]


@pytest.fixture(scope="module")
def named():
    model = tiny(4)
    model.metadata["class_names"] = CLASSES
    return model


def folders(root, classes, count=3, seed=1):
    """A folder of a class folder each, the images of a class of one shade."""
    random = np.random.default_rng(seed)
    for name in classes:
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.mark.parametrize(
    "given",
    [["pig", "owl", "cat"], ["owl"], ["pig", "owl", "dog", "cat"], [*CLASSES, "fox"]],
)
def test_numbers_are_those_of_the_same_images_under_the_model_s_numbers(named, given):
    _, images, labels = numbered(20, 4)
    keep = np.isin(np.array(CLASSES)[labels], given)
    images, labels = images[keep], labels[keep]
    wanted = evaluate(named, from_arrays(images, labels, CLASSES))
    renumbered = np.array([given.index(CLASSES[label]) for label in labels])
    found = evaluate(named, from_arrays(images, renumbered, given))
    assert found.to_json() == wanted.to_json()
    assert found.class_names == CLASSES and (found.labels == labels).all()
    assert found.missing == [name for name in CLASSES if name not in given]
    right = (found.predicted == labels).mean()
    assert found.accuracy == right
    assert found.confusion.shape == (4, 4) and len(found.classes) == 4


def test_what_differs_is_named_and_nothing_else(named):
    source, *_ = numbered(16, 4, names=["cat", "owl", "pig", "fox"])
    with pytest.raises(ValueError, match=r"1 class \(fox\).*images there: dog\. ") as e:
        evaluate(named, source)
    assert "owl" not in str(e.value)
    many = [f"class {k}" for k in range(50)]
    source, *_ = numbered(50, 50, names=many)
    with pytest.raises(ValueError, match=r"50 classes \(class 0, .* and 40 more\)"):
        evaluate(named, source)


def test_one_name_in_two_forms_of_unicode_is_one_class():
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    source, *_ = numbered(8, 2, names=["bar", apart])
    assert match_classes([composed, "bar"], 2, source).tolist() == [1, 0]


def test_the_first_of_equal_names_counts():
    source, *_ = numbered(8, 2, names=["bar", "foo"])
    assert match_classes(["foo", "foo", "bar"], 3, source).tolist() == [2, 0]


def test_a_model_without_names_wants_as_many_classes():
    source, *_ = numbered(8, 2)
    assert match_classes(None, 2, source).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"its 3 classes .* 2 classes \(class 0, cl"):
        evaluate(tiny(), source)


@pytest.mark.parametrize("named", [False, True])
def test_a_model_of_imagenet_knows_the_synsets_of_a_few_of_its_classes(named):
    classes = imagenet_classes()
    model = tiny(1000)
    if named:
        model.metadata["class_names"] = [words for _, words in classes]
    given = [classes[number][0] for number in (999, 0, 207)]
    source, _, labels = numbered(9, 3, names=given)
    found = evaluate(model, source)
    assert (found.labels == np.array([999, 0, 207])[labels]).all()
    assert found.class_names[207] == given[2] and len(found.missing) == 997
    other, *_ = numbered(9, 3, names=["n00000000", *given[1:]])
    with pytest.raises(ValueError, match=r"1000|1,000"):
        evaluate(model, other)


@pytest.mark.slow
def test_folders_and_lists_of_any_classes_are_scored_whole(named, tmp_path, capsys):
    model = tmp_path / "model.keras"
    named.save(model)
    folders(tmp_path / "one", ["owl"])
    (folders(tmp_path / "few", ["pig", "cat"]) / "dog").mkdir()
    folders(tmp_path / "parts" / "train", ["cat"])
    folders(tmp_path / "parts" / "test", ["dog", "cat"], 2)
    folders(tmp_path / "tested" / "test", ["dog", "cat"], 2)
    lines = ["file,label", *(f"one/owl/{k}.png,owl" for k in range(3))]
    (tmp_path / "one.csv").write_text("\n".join(lines) + "\n")
    for data, count, part in (
        *((name, 3, "all of them") for name in ("one", "one.csv")),
        ("few", 6, "all of them"),
        ("parts", 4, "its test part"),
        ("tested", 4, "its test part"),
        ("one:all", 3, "the part that was named"),
    ):
        assert main(["evaluate", str(model), "--data", str(tmp_path / data)]) == 0
        out = capsys.readouterr().out
        assert f", {count} examples ({part}" in out.splitlines()[0]
        missing = set(CLASSES) - {"one": {"owl"}, "few": {"pig", "cat"}}.get(
            data.partition(".")[0].partition(":")[0], {"cat", "dog"}
        )
        assert f"classes without images: {', '.join(sorted(missing))}\n" in out


def test_training_data_still_needs_two_classes_and_no_empty_ones(tmp_path):
    folders(tmp_path / "one", ["owl"])
    (folders(tmp_path / "few", ["pig", "cat"]) / "dog").mkdir()
    for data, message in (("one", "only one class"), ("few", "must hold an image")):
        with pytest.raises(ValueError, match=message):
            keras_vit.data.load_splits(tmp_path / data)
