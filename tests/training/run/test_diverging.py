"""A run that ends early says so, and keeps no weights that are not numbers."""

import dataclasses
import errno
import json
import math

import keras
import numpy as np
import pytest

from keras_vit.reporting.runs import compare_runs
from keras_vit.training import Recipe, RunFolder, train
from keras_vit.training.folder.state import Position, last_state
from keras_vit.training.run.callbacks import Save
from keras_vit.training.run.divergence import Diverged, StopDiverged

SLOW = pytest.mark.slow


class Poison(keras.callbacks.Callback):
    """Puts a value into the weights at the end of an epoch, or of an update of it."""

    def __init__(self, epoch, value, at="epoch"):
        super().__init__()
        self.epoch, self.value, self.at = epoch, value, at

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if self.at == "update" and self.now == self.epoch:
            self.poison()

    def on_epoch_end(self, epoch, logs=None):
        if self.at == "epoch" and self.now == self.epoch:
            self.poison()

    def poison(self):
        kernel = self.model.get_layer("head").kernel
        kernel.assign(np.full(kernel.shape, self.value, "float32"))


def finite(model):
    return all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize("at", ["epoch", pytest.param("update", marks=SLOW)])
def test_the_last_finite_weights_stay_and_are_named(at, tiny, tmp_path):
    with pytest.raises(
        Diverged, match=r"in epoch 2.*of epoch 1, are in .*keras"
    ) as error:
        train(tiny, tmp_path / "run", callbacks=[Poison(2, math.nan, at)])
    folder = RunFolder(tmp_path / "run")
    record = folder.read_record()
    assert record["status"] == "failed" and record["error"] == str(error.value)
    assert [row["epoch"] for row in folder.read_history()] == [1]
    assert finite(keras.saving.load_model(folder.model, compile=False))
    state = last_state(folder.checkpoints)
    assert state.position.step == 4 and np.isfinite(state.values[0]).all()
    (run,) = compare_runs(tmp_path)
    assert run.status == "failed" and run.error == str(error.value)


def test_a_loss_of_the_first_updates_keeps_no_weights(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, learning_rate=1e30, global_clipnorm=1e30)
    with pytest.raises(Diverged, match=r"epoch 1, loss is .*No weights were kept"):
        train(recipe, tmp_path / "run")
    assert not RunFolder(tmp_path / "run").model.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_every_number_is_looked_at(value, tmp_path):
    stop = StopDiverged(RunFolder(tmp_path), Position(), Recipe())
    stop.on_epoch_begin(6)
    good = {"loss": 1.0, "accuracy": np.float32(0.5)}
    stop.on_train_batch_end(0, good)
    stop.on_test_end(good)
    stop.on_epoch_end(0, good)
    with pytest.raises(Diverged, match="epoch 7, loss is"):
        stop.on_train_batch_end(0, {"loss": value})
    with pytest.raises(Diverged, match="val_loss is"):
        stop.on_test_end({"loss": value})
    with pytest.raises(Diverged, match="accuracy is"):
        stop.on_epoch_end(0, {"loss": 1.0, "accuracy": np.float32(value)})


@pytest.mark.slow
def test_any_other_error_ends_a_run_as_failed(tiny, tmp_path, monkeypatch):
    def full(self, *args):
        raise OSError(errno.ENOSPC, "No space left on device", "model.keras")

    monkeypatch.setattr(Save, "_save", full)
    with pytest.raises(OSError, match="No space"):
        train(tiny, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and "No space left" in record["error"]
    monkeypatch.undo()
    result = train(tiny, tmp_path / "run", resume=True)  # with room again
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "finished" and "error" not in record
    assert len(result.history) == 2
