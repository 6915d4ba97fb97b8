"""A run that stops, however it stops, ends as if it never had."""

import csv
import dataclasses
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import zipfile

import keras
import pytest
from tiny_runs import assert_same_bits, finished, write_images

from keras_vit.training import Interrupted, Recipe, train


class At(keras.callbacks.Callback):
    """Does something after a number of updates of this process."""

    def __init__(self, step, act):
        super().__init__()
        self.step, self.act, self.seen = step, act, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            self.act()


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


class AtTheEnd(keras.callbacks.Callback):
    """Presses Ctrl-C when everything has been saved."""

    def on_train_end(self, logs=None):
        press_ctrl_c()


class PowerCut(Exception):
    pass


def cut_power():
    raise PowerCut


@pytest.mark.slow
def test_a_request_to_stop_is_heard_after_the_last_update_too(
    tiny, uninterrupted, tmp_path
):
    with pytest.raises(Interrupted, match="after all updates"):
        train(tiny, tmp_path / "run", callbacks=[AtTheEnd()])
    result = train(tiny, tmp_path / "run", resume=True)
    assert result.folder.history.read_text() == uninterrupted.history_text


@pytest.mark.slow
def test_a_run_stopped_in_every_way_ends_with_the_bits_of_one_never_stopped(
    tiny, uninterrupted, tmp_path, caplog
):
    run = tmp_path / "run"
    checkpoints = run / "checkpoints"
    # Ctrl-C inside the first epoch of four updates.
    with pytest.raises(Interrupted) as stop:
        train(tiny, run, callbacks=[At(1, press_ctrl_c)])
    assert stop.value.signal_number == signal.SIGINT
    assert stop.value.folder.path == run
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert [path.name for path in checkpoints.iterdir()] == ["step-000000001.npz"]
    # Ctrl-C at the last update of the epoch.
    with pytest.raises(Interrupted):
        train(tiny, run, resume=True, callbacks=[At(3, press_ctrl_c)])
    assert (checkpoints / "step-000000004.npz").exists()
    assert (run / "model.keras").exists()
    # A failure after a save inside the second epoch, and a damaged file.
    with pytest.raises(PowerCut):
        train(tiny, run, resume=True, save_steps=1, callbacks=[At(3, cut_power)])
    assert sorted(path.name for path in checkpoints.iterdir()) == [
        "step-000000005.npz",
        "step-000000006.npz",
    ]
    newest = checkpoints / "step-000000006.npz"
    newest.write_bytes(newest.read_bytes()[:2000])
    counter = At(100, cut_power)
    with caplog.at_level(logging.WARNING):
        rest = finished(tiny, run, counter, resume=True)
    assert str(newest) in caplog.text
    assert counter.seen == 3  # updates 6, 7 and 8
    assert_same_bits(rest.variables, uninterrupted.variables)
    assert rest.history_text == uninterrupted.history_text
    sessions = json.loads((run / "run.json").read_text())["sessions"]
    assert [session["step"] for session in sessions] == [0, 1, 4, 5]


@pytest.mark.slow
def test_a_process_killed_by_sigkill_is_resumed_to_the_same_bits(
    tiny, uninterrupted, tmp_path
):
    run = tmp_path / "run"
    script = f"""
        import os, signal, keras
        from keras_vit.training import Recipe, train

        class Kill(keras.callbacks.Callback):
            seen = 0
            def on_train_batch_end(self, batch, logs=None):
                self.seen += 1
                if self.seen == 6:
                    os.kill(os.getpid(), signal.SIGKILL)

        recipe = Recipe(**{tiny.to_json()!r})
        train(recipe, {str(run)!r}, save_steps=1, callbacks=[Kill()])
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    # What a kill in the middle of writing leaves behind:
    (run / "checkpoints" / ".step-000000006.12345.npz").write_bytes(b"half")
    rest = finished(tiny, run, resume=True)
    assert_same_bits(rest.variables, uninterrupted.variables)
    assert rest.history_text == uninterrupted.history_text
    assert sorted(path.name for path in run.iterdir()) == sorted(
        path.name for path in uninterrupted.result.folder.path.iterdir()
    )


def test_the_run_folder_says_everything_about_the_run(tiny, uninterrupted, images):
    folder = uninterrupted.result.folder
    record = json.loads(folder.record.read_text())
    assert record["status"] == "finished"
    assert Recipe.from_json(record["recipe"]) == tiny
    assert record["resolved"]["total_steps"] == 8
    assert record["resolved"]["jit_compile"] is False
    environment = record["sessions"][0]["environment"]
    assert environment["versions"]["keras"] == keras.__version__
    assert environment["threads"]["processors"] >= 1
    assert record["data"]["train"]["num_examples"] == 18
    assert record["data"]["test"]["num_examples"] == 4
    split = json.loads(folder.split.read_text())
    everything = {str(p.relative_to(images)) for p in images.rglob("*.png")}
    assert set(split["train"]) | set(split["test"]) == everything
    assert len(split["train"]) == 18
    with open(folder.history, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_accuracy"]) == record["result"]["val_accuracy"]
    assert folder.curves.read_bytes().startswith(b"\x89PNG")
    assert list(folder.tensorboard.glob("*/events*"))
    assert not folder.checkpoints.exists()
    assert not list(folder.path.glob(".*.*"))


def test_the_model_file_describes_itself(tiny, uninterrupted):
    path = uninterrupted.result.folder.model
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    assert not config.get("compile_config")  # nothing of `training` is needed
    model = keras.saving.load_model(path)
    assert not model.compiled
    assert model.metadata["class_names"] == ["dark", "light"]
    assert model.metadata["image_size"] == [8, 8]
    assert model.metadata["num_channels"] == 1
    assert model.metadata["recipe"] == tiny.to_json()
    assert model.metadata["preprocessing"]["num_channels"] == 1
    assert_same_bits(model.get_weights(), uninterrupted.weights)


def test_a_run_folder_that_holds_something_is_never_written_to(
    tiny, uninterrupted, tmp_path
):
    folder = uninterrupted.result.folder
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    with pytest.raises(ValueError, match=r"not empty: resume it, or choose another"):
        train(tiny, folder.path)
    assert before == {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="choose another folder"):
        train(tiny, tmp_path)


def test_a_finished_run_is_not_touched_again(tiny, uninterrupted, caplog):
    folder = uninterrupted.result.folder
    with caplog.at_level(logging.INFO):
        result = train(tiny, folder.path, resume=True)
    assert "is finished" in caplog.text
    assert result.history == uninterrupted.result.history


def test_other_settings_are_listed_and_refused(tiny, uninterrupted):
    other = dataclasses.replace(tiny, epochs=3, seed=1)
    with pytest.raises(ValueError, match="other settings") as error:
        train(other, uninterrupted.result.folder.path, resume=True)
    text = str(error.value)
    assert "epochs: 2 in the run, 3 now" in text and "seed: 0 in the run, 1 now" in text
    assert "learning rate" in text  # why more epochs are another run


@pytest.mark.slow
def test_data_that_has_changed_is_refused(tiny, tmp_path):
    photos = write_images(tmp_path / "photos")
    recipe = dataclasses.replace(tiny, data=str(photos))
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", callbacks=[At(1, press_ctrl_c)])
    os.remove(photos / "dark" / "03.png")
    with pytest.raises(ValueError, match=r"data has changed.*dark/03\.png is gone"):
        train(recipe, tmp_path / "run", resume=True)


def test_there_must_be_a_run_to_resume(tiny, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"no run\.json"):
        train(tiny, tmp_path / "nothing", resume=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no run to resume"):
        train(tiny, resume=True)


def test_a_mistake_leaves_no_folder_behind(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, patch_size=3)
    with pytest.raises(ValueError, match="patch_size"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_ends_the_run_with_advice(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, learning_rate=1e30, global_clipnorm=1e30)
    with pytest.raises(ValueError, match=r"diverged.*lower learning rate"):
        train(recipe, tmp_path / "run")


def test_a_broken_image_is_named(tiny, tmp_path):
    photos = write_images(tmp_path / "photos")
    for file in photos.glob("light/*.png"):
        file.write_bytes(file.read_bytes()[:60])
    recipe = dataclasses.replace(tiny, data=str(photos))
    with pytest.raises(ValueError, match=r"light/\d\d\.png"):
        train(recipe, tmp_path / "run")
