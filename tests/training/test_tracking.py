"""Trackers are told of a run, and a run does without those that fail."""

import dataclasses
import json
import struct

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vit.reporting.results import write_results
from keras_vit.training import Recipe, train
from keras_vit.training.tracking import tracking


class Fail(keras.callbacks.Callback):
    """Fails in the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise RuntimeError("on purpose")


@pytest.mark.slow
def test_mlflow_and_tensorboard_have_all_of_a_run_that_was_resumed(
    tiny, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'mlruns'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client, run = MlflowClient(), tmp_path / "run"
    with pytest.raises(RuntimeError, match="on purpose"):
        track = ["mlflow", "tensorboard", "mlflow"]
        train(tiny, run, callbacks=[Fail()], track=track)
    record = json.loads((run / "run.json").read_text())
    key = record["tracking"]["mlflow"]
    assert client.get_run(key).info.status == "FAILED"
    result = train(tiny, run, resume=True)  # told again without being asked
    evaluation = write_results(result.folder)
    told = client.get_run(key)
    assert told.info.status == "FINISHED" and told.info.run_name == "run"
    assert told.data.params["learning_rate"] == "0.001"
    assert told.data.params["resolved_total_steps"] == "8"
    for name in ("loss", "val_accuracy", "learning_rate"):
        numbers = [(m.step, m.value) for m in client.get_metric_history(key, name)]
        assert numbers == [(row["epoch"], row[name]) for row in result.history]
    assert told.data.metrics["test_accuracy"] == evaluation.accuracy
    files = {file.path for file in client.list_artifacts(key)}
    assert {"run.json", "history.csv", "report.html", "evaluation.json"} <= files
    found = _told_tensorboard(run / "tensorboard" / "final")
    assert found["test_accuracy"] == np.float32(evaluation.accuracy)
    assert b"| learning_rate | 0.001 |" in found["recipe"].item()


def _told_tensorboard(folder):
    """The last value of each name in a folder of TensorBoard."""
    found = {}
    for path in sorted(folder.iterdir()):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found[value.tag] = tf.make_ndarray(value.tensor)
    return found


def _records(data):
    """The records of a file of wandb: a log as LevelDB has it, after seven bytes."""
    position, parts = 7, b""
    while position + 7 <= len(data):
        if 32768 - position % 32768 < 7:  # the end of a block is not used
            position += 32768 - position % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield parts
            parts = b""


def _told_wandb(folder):
    """What runs that were offline have: rows by step, summary and configuration."""
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # Its service has then written everything.
    rows, summary, config = {}, {}, {}
    for path in sorted(folder.glob("offline-run-*/*.wandb")):
        for data in _records(path.read_bytes()):
            record = Record.FromString(data)
            values = _values(record.history.item)
            if values:
                rows[values["_step"]] = values
            summary |= _values(record.summary.update)
            config |= _values(record.run.config.update)
    return rows, summary, config


def _values(items):
    return {i.key or i.nested_key[0]: json.loads(i.value_json) for i in items}


@pytest.mark.slow
def test_wandb_has_a_run_offline(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    result = train(tiny, tmp_path / "run", track="wandb")
    evaluation = write_results(result.folder)
    rows, summary, config = _told_wandb(tmp_path / "run" / "wandb")
    assert config["learning_rate"] == 1e-3
    for row in result.history:
        assert rows[row["epoch"]]["val_loss"] == row["val_loss"]
    assert summary["test_accuracy"] == evaluation.accuracy


class Broken:
    """A tracker that is told one thing, and then fails."""

    key = "1"

    def __init__(self, folder, parameters, key=None):
        self.told = []

    def log(self, numbers, step):
        raise ConnectionError("the server is gone")

    def end(self, status):
        raise AssertionError("told more after it failed")


class Absent:
    """A tracker that cannot begin."""

    def __init__(self, folder, parameters, key=None):
        raise PermissionError("log in first")


def test_a_tracker_that_fails_does_not_end_the_training(
    tiny, tmp_path, monkeypatch, caplog
):
    for name, kind in (("mlflow", Broken), ("wandb", Absent)):
        monkeypatch.setitem(tracking.TRACKERS, name, (kind, "json"))
    recipe = dataclasses.replace(tiny, epochs=1)
    track = ["mlflow", "wandb", "tensorboard"]
    result = train(recipe, tmp_path / "run", track=track)
    record = json.loads(result.folder.record.read_text())
    assert record["status"] == "finished"
    assert record["tracking"] == {"mlflow": "1", "tensorboard": "tensorboard"}
    assert "wandb failed" in caplog.text and "log in first" in caplog.text
    assert caplog.text.count("the server is gone") == 1
    told = _told_tensorboard(tmp_path / "run" / "tensorboard" / "final")
    assert b"| learning_rate | 0.001 |" in told["recipe"].item()


def test_what_is_unknown_or_missing_is_said_before_anything(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="mlflow"):
        train(Recipe(), tmp_path / "run", track="mlfow")
    missing = {"wandb": (Absent, "no_such_package")}
    monkeypatch.setattr(tracking, "TRACKERS", missing)
    with pytest.raises(ImportError, match=r'pip install "keras-vision.*\[track\]"'):
        train(Recipe(), tmp_path / "run", track="wandb")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_callbacks_of_wandb_work_in_a_run(tiny, tmp_path, monkeypatch):
    import wandb
    from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

    monkeypatch.setenv("WANDB_MODE", "offline")
    best = tmp_path / "best.keras"
    kept = {"monitor": "val_loss", "save_best_only": True}
    recipe = dataclasses.replace(tiny, accumulation_steps=2)
    with wandb.init(project="mine", dir=tmp_path):
        guests = [WandbMetricsLogger(), WandbModelCheckpoint(best, **kept)]
        result = train(recipe, tmp_path / "run", callbacks=guests)
    rows, _, _ = _told_wandb(tmp_path / "wandb")
    losses = [row["epoch/val_loss"] for row in rows.values() if "epoch/loss" in row]
    assert losses == [row["val_loss"] for row in result.history]
    assert keras.saving.load_model(best, compile=False).name == "vit_small"


@pytest.mark.slow
def test_the_callback_of_mlflow_works_in_a_run(tiny, tmp_path, monkeypatch):
    pytest.importorskip("pandas")  # which mlflow.keras imports
    import mlflow
    from mlflow.keras import MlflowCallback

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'mlruns'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with mlflow.start_run() as run:
        result = train(tiny, tmp_path / "run", callbacks=[MlflowCallback(run)])
    told = mlflow.get_run(run.info.run_id).data.metrics
    assert told["val_loss"] == result.history[-1]["val_loss"]
