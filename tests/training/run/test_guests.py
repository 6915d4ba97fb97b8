"""Callbacks of Keras in a run: they work, also after a resume, or are refused."""

import csv
import dataclasses
import json
import signal

import keras
import numpy as np
import pytest
from tiny_runs import assert_same_bits, finished

from keras_vit.training import Interrupted, Recipe, train
from keras_vit.training.optimizers.build import build_schedule
from keras_vit.training.run.guests import check_callbacks

LOSSES = [3.0, 1.0, 2.0, 4.0, 5.0, 6.0]  # the least in epoch 2
CALLBACKS = keras.callbacks


class Scores(CALLBACKS.Callback):
    """Decides the test loss, and keeps the weights of each epoch."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = LOSSES[epoch]
        self.kept[epoch + 1] = self.model.get_weights()


class StopAt(CALLBACKS.Callback):
    """Presses Ctrl-C after so many updates of this session."""

    def __init__(self, update):
        super().__init__()
        self.left = update

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            signal.raise_signal(signal.SIGINT)


def early():
    return CALLBACKS.EarlyStopping("val_loss", patience=2, restore_best_weights=True)


@pytest.fixture(scope="module")
def six(tiny):
    return dataclasses.replace(tiny, epochs=6)


@pytest.fixture(scope="module")
def stopped_early(six, tmp_path_factory):
    folder, scores = tmp_path_factory.mktemp("early") / "run", Scores()
    result = train(six, folder, callbacks=[scores, early()])
    return result, scores


def record_of(result):
    return json.loads(result.folder.record.read_text())


@pytest.mark.slow
def test_the_best_epoch_is_saved_and_what_was_trained_is_counted(stopped_early):
    result, scores = stopped_early
    assert_same_bits(result.load_model().get_weights(), scores.kept[2])
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]
    assert result.metrics["epoch"] == 2 and result.metrics["val_loss"] == 1.0
    record = record_of(result)
    assert record["status"] == "finished" and record["result"]["epoch"] == 2
    assert record["cost"]["images"] == 4 * 4 * 4  # epochs, updates, images


@pytest.mark.slow
@pytest.mark.parametrize("update", [3, 4, 10, 16])
def test_a_stopped_run_with_early_stopping_ends_the_same(
    update, six, stopped_early, tmp_path
):
    whole, scores = stopped_early
    with pytest.raises(Interrupted):
        train(six, tmp_path / "run", callbacks=[Scores(), early(), StopAt(update)])
    with pytest.raises(ValueError, match=r"callbacks \['EarlyStopping'\]"):
        train(six, tmp_path / "run", resume=True)
    result = train(six, tmp_path / "run", resume=True, callbacks=[Scores(), early()])
    assert_same_bits(result.load_model().get_weights(), scores.kept[2])
    assert result.history == whole.history and result.metrics == whole.metrics
    assert record_of(result)["cost"]["images"] == record_of(whole)["cost"]["images"]


def half_of_every_epoch():
    return [
        CALLBACKS.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=100.0),
    ]


def two_thirds_of_every_epoch():
    return [CALLBACKS.LearningRateScheduler(lambda epoch, rate: rate * 2 / 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "callbacks, rates",
    [
        (half_of_every_epoch, [1.0, 1.0, 0.5]),
        (two_thirds_of_every_epoch, [2 / 3, 4 / 9, 8 / 27]),
    ],
)
def test_a_callback_sets_a_constant_rate(callbacks, rates, tiny, tmp_path):
    constant = {"decay": "constant", "warmup_steps": 0}
    recipe = dataclasses.replace(tiny, epochs=3, **constant)
    table = tmp_path / "table.csv"
    run = {"run": tmp_path / "run"}
    with pytest.raises(Interrupted):  # within the second epoch
        guests = [*callbacks(), CALLBACKS.CSVLogger(table), StopAt(6)]
        train(recipe, **run, callbacks=guests)
    guests = [*callbacks(), CALLBACKS.CSVLogger(table)]
    result = train(recipe, **run, resume=True, callbacks=guests)
    found = [row["learning_rate"] for row in result.history]
    np.testing.assert_allclose(found, np.array(rates) * 1e-3, rtol=1e-6)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert [float(row["loss"]) for row in rows] == [r["loss"] for r in result.history]


class StepRates(CALLBACKS.Callback):
    """Notes the rate of each update."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_begin(self, batch, logs=None):
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self.rates.append(float(rate))


def test_a_plateau_lowers_what_the_schedule_says_also_over_a_resume(tiny, tmp_path):
    def guests():
        plateau = CALLBACKS.ReduceLROnPlateau(
            "loss", factor=0.5, patience=1, cooldown=0, min_delta=100.0, min_lr=2e-5
        )
        return [plateau, StepRates()]

    recipe = dataclasses.replace(tiny, epochs=5, warmup_steps=2)
    whole = finished(recipe, tmp_path / "whole", *guests(), rates := StepRates())
    # The loss is better than infinity once; of the 5 epochs 2 to 4 end in a halving,
    # the last down to the least rate, of what the schedule has then.
    plain = [float(build_schedule(recipe, 20)(step)) for step in range(21)]
    factors = [1.0] * 8 + [0.5] * 4 + [0.25] * 4
    expected = plain[:16] * np.array(factors)
    np.testing.assert_allclose(rates.rates[:16], expected, rtol=1e-6)
    least = np.array(plain[16:20]) * 2e-5 / plain[16]
    np.testing.assert_allclose(rates.rates[16:], least, rtol=1e-5)
    with pytest.raises(Interrupted):  # within the fourth epoch
        train(recipe, tmp_path / "run", callbacks=[*guests(), StopAt(14)])
    rest = finished(recipe, tmp_path / "run", *guests(), resume=True)
    assert_same_bits(whole.variables, rest.variables)
    assert whole.history_text == rest.history_text


def test_the_best_of_the_test_is_what_a_checkpoint_holds(tiny, tmp_path):
    best, whole = tmp_path / "best.weights.h5", tmp_path / "best.keras"
    kept = {"monitor": "val_accuracy", "save_best_only": True}
    checkpoint = CALLBACKS.ModelCheckpoint(best, **kept, save_weights_only=True)
    scores, guests = Scores(), [CALLBACKS.ModelCheckpoint(whole, **kept), checkpoint]
    # Of micro-batches, so that the model to fit is not the one to save.
    recipe = dataclasses.replace(tiny, accumulation_steps=2)
    result = train(recipe, tmp_path / "run", callbacks=[scores, *guests])
    row = max(result.history, key=lambda row: row["val_accuracy"])  # the first such
    model = keras.saving.load_model(whole, compile=False)
    assert_same_bits(model.get_weights(), scores.kept[row["epoch"]])
    model = result.load_model()
    model.load_weights(best)
    assert_same_bits(model.get_weights(), scores.kept[row["epoch"]])
    assert checkpoint.best == row["val_accuracy"]


@pytest.mark.parametrize(
    "callback, message",
    [
        (lambda: CALLBACKS.LearningRateScheduler(lambda e: 1.0), "decay='constant'"),
        (lambda: CALLBACKS.BackupAndRestore("backup"), "resume=True"),
        (lambda: CALLBACKS.SwapEMAWeights(), "ema_momentum"),
        (lambda: CALLBACKS.EarlyStopping("val_acc"), r"'val_acc'.*val_accuracy"),
        (lambda: "EarlyStopping", "str in it"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    callback, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        train(Recipe(), tmp_path / "run", callbacks=[callback()])
    assert not (tmp_path / "run").exists()


def test_callbacks_are_a_list():
    assert check_callbacks(None, Recipe()) == []
    assert len(check_callbacks((CALLBACKS.TerminateOnNaN(),), Recipe())) == 1
    with pytest.raises(ValueError, match="must be a list"):
        check_callbacks(CALLBACKS.TerminateOnNaN(), Recipe())
    # Another callback may bring the number that one of Keras watches.
    assert check_callbacks([Scores(), CALLBACKS.EarlyStopping("f1")], Recipe())
