"""Every rule of advice: a planted fault is named, a good run gets no alarm."""

import copy
import json

import numpy as np
import pytest

from keras_vit.advising.advice import Advice, Line
from keras_vit.advising.conditions import Evidence
from keras_vit.advising.looking import Looked, Suspect
from keras_vit.advising.rules import ALL, RULES
from keras_vit.advising.writing import lines
from keras_vit.evaluation.metrics import wilson_interval
from keras_vit.training import Recipe


def history(losses, judged, accuracies=None, others=None):
    rows = []
    for number, (loss, other) in enumerate(zip(losses, judged), 1):
        row = {"epoch": number, "loss": loss, "val_loss": other}
        row["accuracy"] = 0.9 if accuracies is None else accuracies[number - 1]
        row["val_accuracy"] = 0.9 if others is None else others[number - 1]
        rows.append(row)
    return rows


def evaluation(rights, supports, names="abcdefgh"):
    """An evaluation in which all mistakes of a class go to the next one."""
    classes, confusion = [], []
    for place, (right, support) in enumerate(zip(rights, supports)):
        row = {"class": names[place], "support": support, "recall": right / support}
        classes.append(row)
        following = names[(place + 1) % len(rights)]
        confusion += [[names[place], names[place], right]] * bool(right)
        confusion += [[names[place], following, support - right]] * (right < support)
    total, good = sum(supports), sum(rights)
    return {
        "num_examples": total,
        "accuracy": good / total,
        "accuracy_interval": list(wilson_interval(good, total)),
        "classes": classes,
        "confusion": confusion,
    }


def good_run(**changes):
    """A long run of pretrained weights that has converged, with clean data."""
    losses = [1.0, 0.5, 0.3, 0.22, 0.201, 0.2, 0.2, 0.2, 0.2]
    check = {
        "class_names": ["a", "b"],
        "train_counts": [500, 450],
        "test_counts": [300, 300],
        "pixel_accuracy": 0.62,
        **{name: {"count": 0, "examples": []} for name in ("leaks", "near_leaks")},
        "contradictions": {"count": 0, "examples": []},
    }
    record = {
        "status": "finished",
        "data": {
            "train": {"num_examples": 950},
            "test": {"num_examples": 600},
        },
        "check": check,
    }
    recipe = Recipe("./my photos", epochs=9, weights="augreg").to_json()
    parts = {
        "record": record,
        "recipe": recipe,
        "history": history(losses, [loss + 0.05 for loss in losses]),
        "evaluation": evaluation([281, 277], [300, 300]),
    }
    parts = copy.deepcopy(parts)
    for name, change in changes.items():
        change(parts[name]) if callable(change) else parts.update({name: change})
    return Evidence(**parts)


def advice(evidence):
    return {line.rule: line for line in lines(evidence, "runs/mine")}


def test_a_good_run_is_told_how_good_it_is_and_nothing_else():
    found = advice(good_run())
    assert list(found) == ["how_good"]
    line = found["how_good"]
    assert line.text == (
        "93.0% are right. For comparison: always saying a gives 50.0%, and the class "
        "of the most alike training image 62.0%."
    )
    assert not line.command and line.numbers["majority"] == 0.5


def scratch(recipe):
    recipe["weights"] = None


def unequal(record):
    record["check"]["train_counts"] = [900, 50]


def few(record):
    record["check"]["train_counts"] = [900, 9]


def leaking(record):
    record["check"]["leaks"] = {"count": 3, "examples": [["t", "u"]]}
    record["check"]["near_leaks"] = {"count": 6, "examples": []}


def contradicting(record):
    record["check"]["contradictions"] = {"count": 2, "examples": [["x.png", "y.png"]]}


def odd(record):
    record["check"]["odd"] = [["z.png", "5x5 pixels: small"]]


FALLING = [2 / (1 + 0.2 * n) for n in range(9)]
SUSPECT = Suspect("train", 3, "train/a/3.png", "a", "b", 0.97, 9, 10)
LOOKED = Looked(950, [SUSPECT], {})

# Rule: (what is wrong with the run, words of the sentence, words of the command).
FAULTS = {
    "no_better_than_guessing": (
        {"evaluation": evaluation([200, 110], [300, 300])},
        ["51.7% are right", "always saying a gives 50.0%"],
        "train --recipe runs/mine --learning-rate 0.0001",
    ),
    "no_better_than_pixels": (
        {"evaluation": evaluation([200, 180], [300, 300])},
        ["63.3% are right", "62.0%", "50.0%"],
        "train --recipe runs/mine --epochs 27",
    ),
    "still_falling": (
        {"history": history(FALLING, FALLING)},
        ["fell by 23% over the last 3 tests (1 to 0.769)"],
        "train --recipe runs/mine --epochs 27",
    ),
    "overfitting": (
        {
            "history": history(
                [1, 0.3, 0.01], [1, 0.8, 0.8], [0.5, 0.9, 1.0], [0.5, 0.8, 0.8]
            )
        },
        ["100.0% in training, 80.0% on test images, a gap of 20.0%"],
        "train --recipe runs/mine --augment randaugment",
    ),
    "best_epoch_passed": (
        {"history": history([1, 0.5, 0.2, 0.1], [1.0, 0.6, 0.7, 0.9])},
        ["lowest after epoch 2 (0.6) and ended at 0.9"],
        "train --recipe runs/mine --early-stopping 5",
    ),
    "weak_class": (
        {"evaluation": evaluation([295, 20], [300, 40])},
        ["b is found least: 20 of 40 (50.0%)", "20 were taken for a"],
        "train --recipe runs/mine --augment randaugment",
    ),
    "few_images": (
        {"record": few},
        ["b has 9 training images; 1 of the classes have fewer than 10"],
        "data './my photos' --report data.html",
    ),
    "unequal_classes": (
        {"record": unequal},
        ["a has 18 times the training images of b (900 and 50)"],
        "train --recipe runs/mine --class-weights balanced",
    ),
    "duplicates": (
        {"record": leaking},
        ["9 of 600 test images", "3 of them to the byte and 6 nearly", "1.5%"],
        "data './my photos' --report data.html",
    ),
    "contradictions": (
        {"record": contradicting},
        ["2 training images are in two classes", "x.png and y.png"],
        "data './my photos' --report data.html",
    ),
    "few_test_images": (
        {"evaluation": evaluation([28, 27], [30, 30])},
        ["60 test images leave the accuracy open between"],
        "evaluate runs/mine --data MORE_IMAGES",
    ),
    "suspicious_labels": (
        {"looked": LOOKED},
        [
            "1 of 950 labels",
            "train/a/3.png (labelled a; b by the model with 97% and by 9",
        ],
        "train --data runs/mine/relabel.csv",
    ),
    "suspicious_labels_elsewhere": (
        {"looked": LOOKED, "listed": False},
        ["1 of 950 labels", "mend labels where the data are from"],
        "",
    ),
    "odd_images": (
        {"record": odd},
        ["1 image is unlike the others, first z.png (5x5 pixels: small)"],
        "data './my photos' --report data.html",
    ),
    "from_scratch": (
        {"recipe": scratch},
        ["950 training images", "fewer than 20,000", "more than 93.0%"],
        "probe --data './my photos' --model ViT_S16 --weights augreg",
    ),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_named_with_its_numbers_and_a_command(rule):
    changes, words, command = FAULTS[rule]
    evidence = good_run(**changes)
    found = advice(evidence)
    line = found[rule]
    assert all(word in line.text for word in words), line.text
    assert line.typed == f"keras-vit {command}".strip()
    assert line.numbers and json.loads(json.dumps(line.to_json()))["rule"] == rule


def test_every_rule_has_its_fault_and_names_known_tasks():
    named = {rule.name for rule in RULES if "classification" in rule.tasks}
    assert named == {*FAULTS, "how_good"}
    assert all(set(rule.tasks) <= set(ALL) for rule in RULES)


def test_every_command_is_one_that_the_command_line_takes():
    from keras_vit.cli import parse

    for rule in FAULTS:
        line = advice(good_run(**FAULTS[rule][0]))[rule]
        if line.command:
            parse(list(line.command))


def test_an_overfitted_run_is_not_told_to_train_longer():
    falling = [loss / 3 for loss in FALLING]
    rows = history(falling, FALLING, [0.99] * 9, [0.8] * 9)
    found = advice(good_run(history=rows))
    assert "overfitting" in found and "still_falling" not in found


def test_a_small_test_part_makes_no_gap():
    rows = history([1, 0.3], [1, 0.6], [0.8, 1.0], [0.8, 0.9])

    def small(record):
        record["data"]["test"]["num_examples"] = 10

    assert "overfitting" in advice(good_run(history=rows))
    assert "overfitting" not in advice(good_run(history=rows, record=small))


def test_validation_images_are_called_so():
    def with_validation(record):
        record["data"]["validation"] = {"num_examples": 100}

    rows = history([1, 0.5, 0.2, 0.1], [1.0, 0.6, 0.7, 0.9])
    found = advice(good_run(history=rows, record=with_validation))
    assert "The validation loss was lowest" in found["best_epoch_passed"].text


def test_what_is_missing_gives_no_line():
    empty = Evidence({}, {}, [], {})
    assert lines(empty, "runs/mine") == []
    broken = history([1, np.nan, np.nan], [1, np.nan, np.nan])
    assert "still_falling" not in advice(good_run(history=broken))


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_masks_and_boxes_get_the_rules_that_have_a_meaning(task):
    keys = {
        "segmentation": {"iou": 0.9, "iou_interval": [0.88, 0.92], "images": 30},
        "detection": {"AP50": 0.9, "support": 30},
    }[task]
    worse = {"iou": 0.3, "iou_interval": [0.2, 0.4], "AP50": 0.3}
    rows = [{"class": name, **keys} for name in "abc"]
    rows.append({"class": "d", **{k: worse.get(k, v) for k, v in keys.items()}})
    found = {"task": task, "mean_iou": 0.75, "AP50": 0.75, "classes": rows}
    recipe = {**good_run().recipe, "task": task, "weights": None}
    evidence = good_run(
        evaluation=found, recipe=recipe, history=history(FALLING, FALLING)
    )
    lines_ = advice(evidence)
    assert set(lines_) == {"still_falling", "weak_class", "from_scratch"}
    assert "d is" in lines_["weak_class"].text and "30" in lines_["weak_class"].text
    assert f"--task {task}" in lines_["from_scratch"].typed
    even = {**found, "classes": rows[:3]}
    assert "weak_class" not in advice(good_run(evaluation=even, recipe=recipe))


def test_advice_prints_and_escapes():
    some = Advice([Line("x", "<b> & \x1b[1m", ("data", "a b"), {"n": 1})])
    assert str(some) == "- <b> & \\x1b[1m\n    keras-vit data 'a b'"
    assert "&lt;b&gt; &amp;" in some._repr_html_()
    assert "Nothing" in str(Advice()) and "Nothing" in Advice()._repr_html_()
