"""Early stopping: when a run ends, which weights it leaves, and resuming it."""

import dataclasses
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import keras
import pytest
from test_guests import StopAt, record_of
from test_kept import Scores
from tiny_runs import TINY, assert_same_bits, write_boxes, write_masks

from keras_vit.reporting.card import model_card
from keras_vit.training import Interrupted, Recipe, train
from keras_vit.training.run.kept import end_of_patience, kept_row, other_row

# In test_kept: 0.25, 0.75, 0.75, 0.5. The best is that of test 2.
STOP = {"early_stopping": 1, "validation_fraction": 0.4, "epochs": 4}


def rows(name, values):
    return [{"epoch": n, name: value} for n, value in enumerate(values, 1)]


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_run_ends_where_early_stopping_of_keras_ends_it(patience, mode):
    values = [0.3, 0.5, 0.4, 0.5, 0.6, 0.2, 0.2, 0.4, 0.1, 0.1, 0.1, 0.1, 0.3, 0.2]
    recipe = dataclasses.replace(
        TINY, **{**STOP, "early_stopping": patience, "mode": mode}, monitor="val_loss"
    )
    callback = keras.callbacks.EarlyStopping("val_loss", patience=patience, mode=mode)
    callback.set_model(types.SimpleNamespace(stop_training=False))
    callback.on_train_begin()
    for count, value in enumerate(values, 1):
        callback.on_epoch_end(count - 1, {"val_loss": value})
        history = rows("val_loss", values[:count])
        why = end_of_patience(recipe, history)
        assert (why is not None) == callback.model.stop_training
        if why:
            assert f"after test {count}:" in why
            assert f"best in test {callback.best_epoch + 1}," in why
            return
    assert patience == 5  # the others are used up


def test_each_task_has_a_number_that_its_tests_are_compared_by():
    for task, name, values, best in (
        ("classification", "val_accuracy", (0.1, 0.4, 0.2), 2),
        ("segmentation", "val_mean_iou", (0.1, 0.2, 0.4), 3),
    ):
        recipe = Recipe(task=task, early_stopping=2, validation_fraction=0.1)
        history = rows(name, values)
        assert kept_row(recipe, history)["epoch"] == 3
        assert other_row(recipe, history)["epoch"] == best
    loss = dataclasses.replace(recipe, monitor="val_loss", keep="best")
    assert kept_row(loss, rows("val_loss", (3.0, 1.0, 2.0)))["epoch"] == 2


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"early_stopping": 0}, "at least 1"),
        ({"early_stopping": 2, "monitor": "val_acc"}, "one of val_accuracy, val_loss"),
        ({"early_stopping": 2, "monitor": "loss"}, "one of val_accuracy, val_loss"),
        ({"early_stopping": 2, "validation_fraction": 0}, "must choose nothing"),
        ({"early_stopping": 2, "masked_target": "pixels"}, "pretraining does not"),
    ],
)
def test_what_cannot_choose_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**fields)


@pytest.fixture(scope="module")
def stopped(tiny, tmp_path_factory):
    scores, run = Scores(), tmp_path_factory.mktemp("stopped") / "run"
    return train(dataclasses.replace(tiny, **STOP), run, callbacks=[scores]), scores


def test_a_run_that_was_stopped_keeps_its_last_and_its_best_weights(stopped):
    result, scores = stopped
    record = record_of(result)
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert "after test 3: val_accuracy was best in test 2," in record["stopped"]
    assert record["result"]["epoch"] == record["kept"]["model.keras"]["epoch"] == 3
    assert record["kept"]["best.keras"]["val_accuracy"] == 0.75
    assert (record["kept"]["monitor"], record["kept"]["mode"]) == (
        *("val_accuracy", "max"),
    )
    for path, test in ((result.folder.model, 3), (result.folder.best, 2)):
        model = keras.saving.load_model(path, compile=False)
        assert_same_bits(model.get_weights(), scores.kept[test])
    assert not result.folder.last.exists()
    card = model_card(record)
    assert record["stopped"] in card and record["kept"]["said"] in card
    assert "model.keras, of test 3 (val_accuracy 0.75); best.keras has" in card


@pytest.mark.parametrize(
    "update",
    [
        5,
        pytest.param(4, marks=pytest.mark.slow),
        pytest.param(6, marks=pytest.mark.slow),
    ],
)
def test_patience_is_counted_on_when_a_run_is_resumed(update, stopped, tiny, tmp_path):
    whole, scores = stopped
    recipe = dataclasses.replace(tiny, **STOP, keep="best")
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", callbacks=[Scores(), StopAt(update)])
    rest = train(recipe, tmp_path / "run", callbacks=[Scores()], resume=True)
    assert rest.history == whole.history and rest.epoch == 2
    for path, test in ((rest.folder.model, 2), (rest.folder.last, 3)):
        model = keras.saving.load_model(path, compile=False)
        assert_same_bits(model.get_weights(), scores.kept[test])


# Too small to change a weight, so that the first test stays the best.
STILL = {"learning_rate": 1e-30, "weight_decay": 0.0, "early_stopping": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    "task, write, monitor",
    [
        ("segmentation", write_masks, "val_mean_iou"),
        ("detection", write_boxes, "val_loss"),
    ],
)
def test_runs_of_other_tasks_end_early_too(task, write, monitor, tmp_path):
    fields = {**STILL, "task": task, "augment": "none", "epochs": 5}
    recipe = dataclasses.replace(TINY, data=str(write(tmp_path / "data")), **fields)
    result = train(recipe, tmp_path / "run", check=False)
    record = record_of(result)
    assert len(result.history) == 3 and record["kept"]["monitor"] == monitor
    assert f"after test 3: {monitor} was best in test 1," in record["stopped"]
    assert "validation" in record["data"]


REPLICAS = """
import dataclasses, json, sys
sys.path.insert(0, sys.argv[1])
from tiny_runs import TINY
from keras_vit.training import train
rates = dict.fromkeys(("dropout_rate", "attention_dropout_rate", "drop_path_rate"), 0.0)
recipe = dataclasses.replace(TINY, **rates, **json.loads(sys.argv[2]))
result = train(recipe, sys.argv[4], devices=sys.argv[3])
print(json.dumps(result.folder.read_record()["stopped"]))
"""


@pytest.mark.slow
def test_two_replicas_end_after_the_same_test(images, tmp_path):
    fields = {"data": str(images), "epochs": 40, "learning_rate": 0.02}
    fields |= {"early_stopping": 3, "validation_fraction": 0.4, "decay": "constant"}
    here, said = [str(Path(__file__).parents[1]), json.dumps(fields)], []
    for devices in ("cpu:1", "cpu:2"):
        done = subprocess.run(
            [sys.executable, "-c", REPLICAS, *here, devices, tmp_path / devices[-1]],
            capture_output=True,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout)
    assert said[0] == said[1] and "Stopped early after test" in said[0]
