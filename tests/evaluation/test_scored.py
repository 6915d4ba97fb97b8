"""Which examples are scored, by the name that was given."""

import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tiny_models import NAMES, tiny
from writing import write

import keras_vit.data
from keras_vit.data import open_place
from keras_vit.evaluation import evaluate
from keras_vit.evaluation.scored import SET_APART, WHOLE, find_scored
from keras_vit.training.datasets import Parts, data_facts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten grey images of each class; their names say which they are."""
    root = tmp_path_factory.mktemp("scored") / "photos"
    random = np.random.default_rng(0)
    for name in NAMES:
        (root / name).mkdir(parents=True)
        for index in range(10):
            pixels = random.integers(0, 256, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.mark.parametrize(
    ("split", "count"),
    [
        *(("", 30), (":test", 6), (":train", 24), (":train[:50%]", 12), (":all", 30)),
        *((":all,per_class=3", 9), (":per_class=1", 3)),
    ],
)
def test_the_named_part_is_scored_and_without_one_all_of_other_data(
    model, folder, split, count
):
    found = evaluate(model, f"{folder}{split}")
    assert found.num_examples == count
    test = set(keras_vit.data.load_splits(folder)[1].files)
    source, part = find_scored(model, f"{folder}{split}")
    assert (set(source.files) == test) == (split == ":test")
    wanted = split[1:] or "all"
    assert found.data.startswith(f"{folder}:{wanted.removeprefix('per_class=1')}")
    assert found.part == part and (WHOLE in part) == (split in ("", ":per_class=1"))


def test_a_part_of_the_test_set_may_be_larger_than_the_training_set(tmp_path):
    for split, count in (("train", 1), ("test", 2)):
        for name in NAMES:
            (tmp_path / split / name).mkdir(parents=True)
            for index in range(count):
                path = tmp_path / split / name / f"{index}.png"
                Image.new("L", (8, 8)).save(path)
    assert find_scored(tiny(), f"{tmp_path}:per_class=2")[0].num_examples == 6


def test_a_part_of_a_set_that_has_only_a_train_split(model, tmp_path, folder):
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label": tfds.features.ClassLabel(names=NAMES),
    }
    random = np.random.default_rng(0)
    examples = [
        {"image": random.integers(0, 256, (8, 8, 1)).astype("uint8"), "label": i % 3}
        for i in range(20)
    ]
    write(tmp_path, "only_train", features, examples)
    for name, count in (("train[75%:]", 5), ("train", 20)):
        found = evaluate(model, f"only_train:{name}", data_dir=tmp_path)
        assert (found.data, found.num_examples) == (f"only_train:{name}", count)
    found = evaluate(model, "only_train", data_dir=tmp_path)
    assert (found.data, found.num_examples) == ("only_train:train", 20)


def test_the_test_images_are_drawn_as_in_training(folder):
    recipe = {"test_fraction": 0.3, "split_seed": 5, "corrupt": "error"}
    trained = tiny()
    trained.metadata.update(recipe={**recipe, "data": str(folder)}, class_names=NAMES)
    _, wanted = keras_vit.data.load_splits(folder, test_fraction=0.3, split_seed=5)
    for spelling in (folder, f"{folder}/", f"{folder}/../{folder.name}/."):
        found, part = find_scored(trained, str(spelling))
        assert found.files == wanted.files and len(found.files) == 9
        assert part == SET_APART
    assert find_scored(tiny(), f"{folder}:test")[0].files != found.files


def test_the_split_that_a_run_is_tested_on_is_that_of_its_data_by_name_too(folder):
    # Part of the training images otherwise: the folder itself would be divided anew.
    recipe = {"data": f"{folder}:all[:80%]", "test_split": "all[80%:]"}
    trained = tiny()
    trained.metadata.update(recipe=recipe, class_names=NAMES)
    wanted = keras_vit.data.load(f"{folder}:all[80%:]")
    assert find_scored(trained, str(folder))[0].files == wanted.files


def test_broken_images_and_other_columns_as_asked(model, folder, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    lines = [f"{folder / name / f'{i}.png'},{name}" for name in NAMES for i in range(5)]
    path = tmp_path / "photos.csv"
    path.write_text("\n".join(["photo,kind", *lines, "broken.png,dark", ""]))
    columns = {"file": "photo", "label": "kind"}
    with pytest.raises(ValueError, match=r"Corrupt image: .*broken\.png"):
        evaluate(model, f"{path}:all", columns=columns)
    found = evaluate(model, f"{path}:all", columns=columns, corrupt="skip")
    assert found.num_examples == 15
    trained = tiny()
    trained.metadata.update(recipe={"corrupt": "skip"})
    assert evaluate(trained, f"{path}:all", columns=columns).num_examples == 15


@pytest.fixture
def run(folder, tmp_path):
    """Copies of the images in tmp_path/work/photos, and a model trained on them."""
    shutil.copytree(folder, tmp_path / "work" / "photos")
    train, test = keras_vit.data.load_splits(tmp_path / "work" / "photos")
    trained = tiny()
    trained.metadata.update(
        recipe={"data": "photos", "data_dir": None, "test_split": None},
        data=data_facts(Parts(train, None, test)),
        data_name=str(tmp_path / "work" / "photos"),
        class_names=NAMES,
    )
    return trained, test.files


def test_a_run_finds_its_images_from_every_folder(run, tmp_path, monkeypatch):
    trained, files = run
    (tmp_path / "elsewhere").mkdir()
    # Other images of the same name are not those of the run.
    shutil.copytree(tmp_path / "work" / "photos", tmp_path / "other" / "photos")
    for place in ("elsewhere", "work", "other"):
        monkeypatch.chdir(tmp_path / place)
        source, part = find_scored(trained, run=tmp_path / "work" / "r")
        assert source.files == files and part == SET_APART
        at = (tmp_path / place / source.name).resolve()
        assert at == tmp_path / "work" / "photos"
    source, part = find_scored(trained, "photos")
    assert source.num_examples == 30 and part == WHOLE


def test_images_of_a_run_that_are_gone_are_asked_for(run, tmp_path, monkeypatch):
    trained, files = run
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "photos").rename(tmp_path / "work" / "moved")
    with pytest.raises(ValueError, match=r"were at .*work/photos, .* \(--data\)") as e:
        find_scored(trained, run=tmp_path / "work" / "r")
    assert "TFDS" not in str(e.value) and "\n" not in str(e.value)
    # Under their new name they are still those of the run, other images are not.
    source, part = find_scored(trained, "moved")
    assert source.files == files and part == SET_APART
    (tmp_path / "work" / "moved" / files[0]).rename("moved/dark/x.png")
    assert find_scored(trained, "moved")[1] == WHOLE


@pytest.mark.parametrize("recorded", [True, False])
def test_a_moved_project_is_found_by_the_run_in_it(
    run, tmp_path, monkeypatch, recorded
):
    trained, files = run
    if not recorded:  # as version 0.1 wrote it
        del trained.metadata["data_name"]
    (tmp_path / "work").rename(tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found, _ = find_scored(trained, run=tmp_path / "project" / "runs" / "r")
    assert found.files == files
    shutil.rmtree(tmp_path / "project" / "photos")
    with pytest.raises(ValueError, match=r"no longer there"):
        find_scored(trained, run=tmp_path / "project" / "runs" / "r")


def test_a_name_says_the_same_from_every_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for name in ("photos", "photos:train", "photos:all[:80%]", "photos:per_class=2"):
        full = open_place(name).full_name
        assert full.startswith(f"{folder}{name[6:]}")
        assert open_place(full).full_name == full
    assert open_place("cifar10:train[:5]").full_name == "cifar10:train[:5]"
