"""The parts of a run's data: validation is not the test."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY, write_images

import keras_vit
from keras_vit.data.check.data_check import check_data
from keras_vit.evaluation import evaluate
from keras_vit.training import train
from keras_vit.training.datasets import load_parts


def recipe_of(data, **fields):
    return dataclasses.replace(TINY, data=str(data), epochs=1, **fields)


def test_a_run_has_a_validation_part_if_asked_or_if_something_is_chosen(images):
    assert load_parts(recipe_of(images)).validation is None
    assert load_parts(recipe_of(images, validation_fraction=0)).validation is None
    parts = load_parts(recipe_of(images, validation_fraction=0.25))
    assert parts.judged is parts.validation
    files = [file for _, part in parts.named() for file in part.files]
    assert len(files) == len(set(files)) == 22
    parts = load_parts(recipe_of(images), choosing=["something is chosen"])
    assert parts.validation.num_examples == 2  # a tenth of 18
    with pytest.raises(ValueError, match="choose nothing, but something is"):
        load_parts(recipe_of(images, validation_fraction=0), choosing=["something is"])


@pytest.mark.parametrize("split", ["test", "train", "train[80%:]"])
def test_a_validation_part_with_images_of_another_part_is_refused(split, tmp_path):
    for seed, part in enumerate(("train", "test")):
        write_images(tmp_path / part, seed=seed, count=5)
    for data in (tmp_path, "fashion_mnist_mini"):
        with pytest.raises(ValueError, match="images, and must have none"):
            load_parts(recipe_of(data, validation_split=split))
        apart = recipe_of(f"{data}:train[:80%]", validation_split="train[80%:]")
        assert load_parts(apart).validation.num_examples > 0


def test_a_set_s_own_validation_part_is_taken_where_one_is_needed(tmp_path):
    for seed, part in enumerate(("train", "val", "test")):
        write_images(tmp_path / part, seed=seed, count=4)
    for data in (tmp_path, listed(tmp_path)):
        parts = load_parts(recipe_of(data), choosing=["keep"])
        counts = {name: source.num_examples for name, source in parts.named()}
        assert counts == {"train": 8, "validation": 8, "test": 8}
        found, reasons = keras_vit.training.resolve(given={"data": str(data)})
        assert found.validation_split == "validation"
        assert "own split 'validation'" in reasons[0]
        given = {"data": str(data), "validation_fraction": 0.25}
        assert load_parts(keras_vit.training.resolve(given=given)[0]).train.files[1:]


def listed(root):
    lines = ["file,label,split"]
    for file in sorted(root.rglob("*.png")):
        split, label, _ = file.relative_to(root).parts
        lines.append(f"{file.relative_to(root)},{label},{split}")
    path = root.parent / f"{root.name}.csv"
    text = "\n".join(lines).replace("\n", f"\n{root.name}/")
    path.write_text(text + "\n")
    return path


def test_the_validation_split_is_the_test_where_there_is_no_other(tmp_path):
    for seed, part in enumerate(("train", "val")):
        write_images(tmp_path / part, seed=seed, count=20)
    parts = load_parts(recipe_of(tmp_path), choosing=["keep"])
    assert [s.num_examples for _, s in parts.named()] == [36, 4, 40]


def test_no_test_image_is_decoded_before_the_end(tmp_path):
    data = write_images(tmp_path / "photos")
    recipe = recipe_of(data, validation_fraction=0.25)
    for path in load_parts(recipe).test.paths:  # whoever decodes them fails
        content = open(path, "rb").read()
        with open(path, "wb") as file:
            file.write(content[:-30])
    result = train(recipe, tmp_path / "run", check=False)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["data"]["validation"]["num_examples"] == 4
    assert record["judged_by"].startswith("validation images")
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert list(split) == ["train", "validation", "test"]
    with pytest.raises(ValueError, match="Corrupt image"):
        evaluate(result.folder.path)


def test_a_class_of_one_image_gives_it_to_training(tmp_path):
    data = write_images(tmp_path / "photos", count=6)
    (data / "rare").mkdir()
    Image.fromarray(np.zeros((8, 8), "uint8")).save(data / "rare" / "one.png")
    parts = load_parts(recipe_of(data, validation_fraction=0.6))
    labels = parts.train.labels
    assert set(labels) == {0, 1, 2} and (parts.validation.labels != 2).all()
    for name in ("dark", "light"):
        for file in sorted((data / name).iterdir())[2:]:
            file.unlink()  # one to train on, one to test on
    with pytest.raises(ValueError, match=r"no class has two of them.*Add images"):
        load_parts(recipe_of(data, validation_fraction=0.5))


def test_groups_that_the_given_parts_share_are_refused(tmp_path):
    for seed, part in enumerate(("train", "test")):
        write_images(tmp_path / part, seed=seed, count=4)
    recipe = recipe_of(tmp_path, group_by=r"/(\d+)\.png")
    with pytest.raises(ValueError, match="group '00' are in the train and in the test"):
        load_parts(recipe)


def test_duplicates_of_training_images_are_found_in_validation_and_test(tmp_path):
    for seed, part in enumerate(("train", "val", "test")):
        write_images(tmp_path / part, seed=seed, count=4)
    copied = (tmp_path / "train/dark/01.png").read_bytes()
    for part in ("val", "test"):
        (tmp_path / part / "light/00.png").write_bytes(copied)
    parts = load_parts(recipe_of(tmp_path, validation_split="validation"))
    found = check_data(parts.train, parts.test, validation=parts.validation)
    assert found.leaks.count == found.validation_leaks.count == 1
    assert any("Validation images that are also" in line for line in found.warnings)
    assert found.num_checked == found.num_examples == 24
    (tmp_path / "val/light/02.png").write_bytes(copied[:-30])
    found = check_data(parts.train, parts.test, validation=parts.validation)
    assert len(found.broken) == 1 and check_data(parts.train, parts.test).broken == []
