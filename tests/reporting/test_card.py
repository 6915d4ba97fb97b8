"""A model card says what is known, and that the rest is not."""

import ast
import json
import re

import numpy as np
import pytest

import keras_vit.data
from keras_vit.cards import model_card
from keras_vit.data.check.data_check import check_data
from keras_vit.training import Recipe

RECIPE = Recipe(
    data="./my photos", model="ViT_S16", weights="augreg", total_steps=500, seed=7
)
RECORD = {
    "status": "finished",
    "recipe": RECIPE.to_json(),
    "resolved": {"total_steps": 500, "batch_size": 64, "parameters": 21_666_434},
    "data": {
        "train": {"split": "train", "num_examples": 2532, "files_sha256": "0"},
        "test": {"split": "test", "num_examples": 634, "files_sha256": "1"},
        "class_names": ["cat", "d|og\nx"],
    },
    "sessions": [
        {
            "environment": {
                "python": "3.11.9",
                "platform": "Linux-6",
                "processor": "x86_64",
                "backend": "tensorflow",
                "devices": ["cpu:0"],
                "versions": {"keras": "3.15.0", "keras_vit": "1.0"},
                "threads": {"processors": 2},
            }
        }
    ],
    "result": {"val_accuracy": 0.9, "seconds": 5400.0},
    "cost": {"images": 32_000, "flops": 2.5e15, "device_hours": 1.5},
}
EVALUATION = {
    "num_examples": 634,
    "accuracy": 0.9211,
    "accuracy_interval": [0.8976, 0.9396],
    "top5_accuracy": None,
    "loss": 0.234567,
    "calibration_error": float("nan"),
    "classes": [
        {"class": "cat", "support": 319, "precision": 0.9, "recall": 0.95, "f1": 0.9},
        {"class": "d|og", "support": 315, "precision": float("nan"), "recall": 0.5},
    ],
}


def section(card, name):
    return card.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_a_whole_record_is_told():
    card = model_card(
        RECORD, EVALUATION, weights_licence="Apache-2.0", path="runs/mine"
    )
    assert card.startswith("# ViT\\_S16 on ./my photos\n")
    results = section(card, "Results")
    assert "| Accuracy | 92.11%, 95 % interval 89.76% to 93.96% |" in results
    assert "0.2346" in results and "Calibration" not in results and "nan" not in card
    assert "| d\\|og | 315 | - | 50.0% |" in results
    data = section(card, "Data")
    assert "2,532 images" in data and "2 classes: cat, d\\|og x" in data
    assert "seed 0" in data and "not checked" in data
    assert "2.5e+15" in section(card, "Cost") and "32,000" in section(card, "Cost")
    assert "1.5 hours, 1.5 device-hours" in section(card, "Cost")
    assert "keras 3.15.0" in section(card, "Versions and hardware")
    licences = section(card, "Licences")
    assert "(augreg): Apache-2.0" in licences and "Images: not known" in licences
    assert "seed 7" in section(card, "Limits")


def test_every_changed_field_of_the_recipe_is_listed_and_no_other():
    rows = re.findall(r"^\| `(\w+)` ", section(model_card(RECORD), "Recipe"), re.M)
    assert sorted(rows) == sorted(RECIPE.diff(Recipe()))
    plain = model_card({"recipe": Recipe().to_json()})
    assert "The defaults of" in section(plain, "Recipe")
    assert "random weights" in section(plain, "Licences")


@pytest.mark.parametrize("removed", [*RECORD, None])
def test_any_part_may_be_missing(removed):
    record = {name: part for name, part in RECORD.items() if name != removed}
    assert model_card(record, EVALUATION).count("\n## ") == 8
    assert model_card({**record, removed or "data": None}).count("\n## ") == 8


def test_of_nothing_it_says_that_nothing_is_known():
    card = model_card({})
    assert "was not evaluated" in card and card.count("not known") >= 6
    assert "this was not checked" in section(card, "Limits")


def test_the_accuracy_of_training_stands_in_without_an_interval():
    results = section(model_card(RECORD), "Results")
    assert "90.00%" in results and "No interval" in results


def test_the_program_can_be_run_as_it_stands():
    card = model_card(RECORD, path="it's mine/model.keras")
    program = card.split("```python\n")[1].split("```")[0]
    call = ast.parse(program).body[1].value
    assert call.args[0].value == "it's mine/model.keras"
    assert len(program.strip().splitlines()) == 3
    assert 'keras-vit predict "it\'s mine/model.keras" photo.jpg' in card


def test_tables_keep_their_columns():
    for line in model_card(RECORD, EVALUATION).splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) in (4, 6), line


def test_many_classes_are_summed_up():
    classes = [
        {"class": f"c{i}", "support": 1, "precision": 1.0, "recall": i / 100}
        for i in range(100)
    ]
    names = [row["class"] for row in classes]
    record = {"data": {"class_names": names}}
    card = model_card(record, {**EVALUATION, "classes": classes})
    assert "100 classes: c0, " in card and "and 80 more" in card
    assert "lowest recall, of 100" in card and "| c19 |" in card
    assert "| c20 |" not in card


def test_objects_and_warnings_of_the_check_are_understood():
    class Evaluation:
        def to_json(self):
            return {**EVALUATION, "accuracy_interval": [0.1, 0.6]}

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype("uint8")
    source = keras_vit.data.from_arrays(images, np.arange(20) % 2)
    check = check_data(source, source)
    for given in (check, json.loads(json.dumps(check.to_json()))):
        card = model_card(RECORD, Evaluation(), check=given)
        assert "Test images that are also training images: 20" in section(card, "Data")
        limits = section(card, "Limits")
        assert "see Data" in limits and "too few test images" in limits


def test_an_unfinished_run_is_said_to_be_one():
    limits = section(model_card({**RECORD, "status": "interrupted"}), "Limits")
    assert limits.strip().startswith("- The run is not finished")
