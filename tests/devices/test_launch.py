"""The launcher: processes that start, die and start again together."""

import sys

import pytest

from keras_vit.devices.launch import free_addresses, launch, main, resumed

# Writes down who it is; process 1 dies in its first life, and process 0 would wait.
SCRIPT = """
import json, os, pathlib, signal, sys
folder = pathlib.Path(sys.argv[1])
index = os.environ["KERAS_DISTRIBUTION_PROCESS_ID"]
config = json.loads(os.environ["TF_CONFIG"])
assert config["task"]["index"] == int(index)
life = len(list(folder.glob(f"{index}-*")))
(folder / f"{index}-{life}").write_text(" ".join(sys.argv[2:]))
if life == 0 and index == "1":
    os.kill(os.getpid(), signal.SIGKILL)
if life == 0:
    signal.pause()
"""


def test_when_one_dies_all_start_again(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    again = [*command, "--resume"]
    status = launch(command, 2, restarts=2, again=lambda: again)
    assert status == 0
    lives = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert lives.pop("0-1") == lives.pop("1-1") == "--resume"
    assert set(lives) <= {"0-0", "1-0"} and lives["1-0"] == ""


@pytest.mark.parametrize(
    ("code", "status"), [("exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_last_failure_is_told(code, status):
    assert launch([sys.executable, "-c", code], 2, restarts=1) == status


def test_a_run_that_has_begun_goes_on(tmp_path):
    run = tmp_path / "run"
    command = ["train", "--run", str(run), "--epochs", "2"]
    assert resumed(command) == command
    run.mkdir()
    (run / "run.json").touch()
    assert resumed(command) == [*command, "--resume"]
    assert resumed([*command, "--resume"]) == [*command, "--resume"]
    assert resumed(["train", f"--run={run}"])[-1] == "--resume"
    assert resumed(["train"]) == ["train"]


def test_the_command_line_starts_the_command_of_the_package(monkeypatch):
    calls = []

    def note(command, processes, restarts, again):
        calls.append((command[1:], processes, restarts, again()[1:]))
        return 7

    monkeypatch.setattr("keras_vit.devices.launch.launch", note)
    assert main(["-n", "2", "--restarts", "1", "--", "train", "--epochs", "3"]) == 7
    words = ["-m", "keras_vit", "train", "--epochs", "3"]
    assert calls == [(words, 2, 1, words)]


def test_addresses_are_different():
    assert len(set(free_addresses(20))) == 20
