"""Cells that are really trained: their results, and what stops them."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_vit.costs.memory import TooLarge
from keras_vit.studies import Study, StudyFolder, run_study
from keras_vit.studies.running import cells
from keras_vit.studies.running.cells import DataChanged, run_cell
from keras_vit.training.run.train import train

STUDY = Study(
    name="tiny",
    question="?",
    base={
        **{"data": "fashion_mnist_mini:train[:80]", "test_split": "test[:60]"},
        **{"model": "small", "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8},
        **{"num_heads": 2, "patch_size": 14, "dropout_rate": 0.0},
        **{"total_steps": 40, "evaluate_every": 10, "batch_size": 8},
        **{"learning_rate": 0.02, "jit_compile": "no"},
    },
    arms={"A": {}, "B": {"mlp_dim": 16}},
    seeds=(0,),
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "whole"
    return run_study(STUDY, folder).folder


def assert_same(folder, other, study=STUDY):
    for cell in study.cells():
        one, two = folder.read_result(cell.name), other.read_result(cell.name)
        for name in ("status", "outcome", "train_accuracy", "fingerprints", "updates"):
            assert one[name] == two[name]
        mine, others = (f.run(cell.name).history.read_text() for f in (folder, other))
        assert mine == others
        answers = folder.read_predictions(cell.name)
        for name, values in other.read_predictions(cell.name).items():
            np.testing.assert_array_equal(answers[name], values)


def test_a_result_says_what_was_run(undisturbed):
    for result in undisturbed.read_results():
        assert result["status"] == "done" and result["mixed"] is False
        assert (result["n_train"], result["test_images"]) == (80, 60)
        assert (result["updates"], result["images"]) == (40, 320)
        assert result["train_flops"] == 3 * 320 * result["forward_flops"]
        answers = undisturbed.read_predictions(result["name"])
        right = np.mean(answers["labels"] == answers["predicted"])
        assert result["outcome"] == pytest.approx(100 * right)
        assert result["low"] < result["outcome"] < result["high"]
        assert undisturbed.run(result["name"]).read_record()["status"] == "finished"
    one, other = undisturbed.read_results()
    assert one["fingerprints"] == other["fingerprints"]


def test_a_cell_that_is_stopped_goes_on_and_ends_as_if_it_had_not_been(
    undisturbed, tmp_path, monkeypatch
):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 25:
                raise KeyboardInterrupt

    def stopped(*args, **options):
        return train(*args, callbacks=[Stop()], **options)

    study = dataclasses.replace(STUDY, arms={"A": {}})
    with monkeypatch.context() as patch:
        patch.setattr(cells, "train", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path / "s")
    assert not StudyFolder(tmp_path / "s").read_results()
    folder = run_study(study, tmp_path / "s").folder
    sessions = folder.run("a/seed_0").read_record()["sessions"]
    assert [session["step"] for session in sessions] == [0, 20]
    assert_same(folder, undisturbed, study)


def test_a_cell_that_was_begun_elsewhere_goes_on_only_if_that_is_wanted(
    undisturbed, tmp_path
):
    folder = copied(undisturbed, tmp_path)
    run = folder.run("a/seed_0")
    (folder.cell("a/seed_0") / "result.json").unlink()
    record = run.read_record()
    there = {**record["sessions"][0]["environment"], "platform": "another one"}
    sessions = [{**record["sessions"][0], "environment": there}]
    run.write_record({**record, "status": "running", "sessions": sessions})
    (result,) = run_study(STUDY, folder.path).failed
    assert result["status"] == "failed" and "platform: another one" in result["message"]
    assert "--mixed" in result["message"] and run.read_record()["status"] == "running"
    outcome = run_study(STUDY, folder.path, mixed=True)
    result = outcome.folder.read_result("a/seed_0")
    assert result["mixed"] and result["seconds"] is None and not outcome.failed


def copied(undisturbed, tmp_path):
    return StudyFolder(shutil.copytree(undisturbed.path, tmp_path / "s"))


def test_changed_data_end_a_study_before_another_update(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    result = folder.read_result("a/seed_0")
    result["fingerprints"]["test"] = "0" * 16
    folder.write_result("a/seed_0", result)
    more = dataclasses.replace(STUDY, seeds=(0, 1))
    with pytest.raises(DataChanged, match=r"test images of .* since a/seed_0 was run"):
        run_study(more, folder.path)
    assert not folder.run("a/seed_1").is_run() and len(folder.read_results()) == 2


def test_training_images_may_differ_from_seed_to_seed_only(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    result = folder.read_result("b/seed_0")
    result["fingerprints"]["train"] = "0" * 16
    folder.write_result("b/seed_0", result)
    (folder.cell("a/seed_0") / "result.json").unlink()
    with pytest.raises(DataChanged, match="train images"):
        run_study(STUDY, folder.path)


@pytest.mark.parametrize(
    ("error", "status", "times"),
    [
        (RuntimeError("A cable was pulled."), "failed", 2),
        (OSError("At File /home/me/x.py:\n A cable was pulled."), "failed", 2),
        (TooLarge("This run needs 4 TiB."), "too large", 1),
    ],
)
def test_a_cell_that_cannot_be_trained_says_why(
    tmp_path, monkeypatch, error, status, times
):
    calls = []

    def failing(*args, **options):
        calls.append(args)
        raise error

    monkeypatch.setattr(cells, "train", failing)
    folder = StudyFolder(tmp_path / "s")
    folder.begin(STUDY)
    result = run_cell(STUDY.cells()[0], folder)
    assert result["status"] == status and len(calls) == times
    last = str(error).splitlines()[-1].strip()
    kind = f"{type(error).__name__}: " if status == "failed" else ""
    assert result["message"] == kind + last
    file = folder.cell("a/seed_0") / "traceback.txt"
    if status == "failed":  # the tables are for everybody, this file for this machine
        assert str(error) in file.read_text() and __file__ in file.read_text()
    assert folder.read_result("a/seed_0") == result


def test_a_cell_whose_loss_is_no_number_has_diverged(tmp_path):
    wild = {"learning_rate": 1e30, "global_clipnorm": None}
    study = dataclasses.replace(STUDY, arms={"A": wild})
    (result,) = run_study(study, tmp_path / "s").results
    assert result["status"] == "diverged" and "outcome" not in result


def test_a_cell_is_not_begun_on_a_disk_without_room_for_it(tmp_path):
    folder = StudyFolder(tmp_path / "s")
    folder.begin(STUDY)
    with pytest.raises(OSError, match="Make room"):
        run_cell(STUDY.cells()[0], folder, room=2**60)
    assert not folder.read_results()


# Real processes ---------------------------------------------------------------------


LONGER = STUDY.changed(fields={"total_steps": 400})
_NEVER = threading.Event()


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "longer"
    return run_study(LONGER, folder).folder


def command(tmp_path, workers):
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps(LONGER.to_json()))
    words = [sys.executable, "-m", "keras_vit", "study", str(file)]
    return [*words, "--folder", str(tmp_path / "s"), "--workers", str(workers)]


def begun(words, tmp_path):
    """The process of a command, in the middle of a cell."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        words,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = StudyFolder(tmp_path / "s")
    while not list(folder.cells.glob("*/seed_0/run/checkpoints/step-*.npz")):
        assert process.poll() is None, process.communicate()[1]
        _NEVER.wait(0.05)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_study_ends_as_if_it_had_not_been_killed(longer, tmp_path, workers):
    words = command(tmp_path, workers)
    process = begun(words, tmp_path)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = StudyFolder(tmp_path / "s")
    steps = [
        [session["step"] for session in folder.run(name).read_record()["sessions"]]
        for name in ("a/seed_0", "b/seed_0")
    ]
    assert max(map(max, steps)) > 0  # one of them went on
    assert_same(folder, longer, LONGER)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_saves_and_says_how_to_go_on(longer, tmp_path, workers):
    words = command(tmp_path, workers)
    process = begun(words, tmp_path)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130, error
    again = error.strip().splitlines()[-1].partition("Continue with:  ")[2]
    assert f"--folder {tmp_path / 's'}" in again
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_same(StudyFolder(tmp_path / "s"), longer, LONGER)
