"""Searches of real processes that are really killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from keras_vit.tuner import SearchFolder, ViTHyperModel, launch, search
from keras_vit.tuner.chief import SearchError
from keras_vit.tuner.launch import launch_search
from keras_vit.tuner.search_folder import run_of_trial
from keras_vit.tuner.searching import prepare_search

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")

EPOCHS = 25


@pytest.fixture(scope="module")
def make(tiny, space):
    return lambda: ViTHyperModel(tiny, space, fields=list(space))


@pytest.fixture(scope="module")
def undisturbed(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches") / "undisturbed"
    return search(make(), folder, trials=4, epochs=EPOCHS)


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path)}


def wait_for(condition, wait, seconds=300):
    """Looks until something is true; `wait(0.005)` says whether anything may come."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert wait(0.005) and time.monotonic() < deadline
    return found


def still_runs(process):
    """Waits for a process, and says that it has not ended."""

    def wait(seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is None

    return wait


def rows_of(folder, trial):
    """Epochs that a trial has saved."""
    file = run_of_trial(folder.path / f"trial_{trial}") / "history.csv"
    return len(file.read_text().splitlines()) - 1 if file.exists() else 0


def in_the_middle(folder, worker):
    """The trial that a worker has begun and not yet ended, if there is one."""
    try:
        state = json.loads(folder.oracle_file.read_text())
    except OSError:
        return None
    trial = state["ongoing_trials"].get(worker)
    return trial if trial and 2 <= rows_of(folder, trial) < EPOCHS - 5 else None


def sessions(folder, trial):
    file = run_of_trial(folder.path / f"trial_{trial}") / "run.json"
    return [session["step"] for session in json.loads(file.read_text())["sessions"]]


def assert_the_same(folder, undisturbed):
    """No trial is lost, none is counted twice, and all scores are equal to the bit."""
    assert folder.trials() == undisturbed.trials()
    state = json.loads(folder.oracle_file.read_text())
    assert sorted(state["end_order"]) == [row.name for row in undisturbed.trials()]
    assert not state["retry_queue"]
    best = json.loads(folder.best_recipe.read_text())["recipe"]
    assert best == json.loads(undisturbed.best_recipe.read_text())["recipe"]


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_inside_its_trial(make, undisturbed, tmp_path):
    folder = prepare_search(make(), tmp_path / "search", trials=4, epochs=EPOCHS)
    command = [sys.executable, "-m", "keras_vit", "tune", "--resume"]
    command += ["--folder", str(folder)]
    killed = set()
    for _ in range(2):
        process = subprocess.Popen(command, env=environment())
        trial = wait_for(
            lambda: (
                in_the_middle(folder, "tuner0") not in {None, *killed}
                and in_the_middle(folder, "tuner0")
            ),
            still_runs(process),
        )
        process.kill()
        assert process.wait() == -signal.SIGKILL
        killed.add(trial)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "best: trial" in done.stdout
    for trial in killed:
        first, second = sessions(folder, trial)
        assert first == 0 and second > 0  # it did not begin anew
    assert_the_same(folder, undisturbed)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_goes_on_under_its_name(
    make, undisturbed, tmp_path
):
    folder = prepare_search(make(), tmp_path / "search", trials=4, epochs=EPOCHS)
    failures = []

    def run():
        try:
            launch_search(folder, 2, devices="cpu")
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    trial = wait_for(
        lambda: in_the_middle(folder, "tuner1"),
        lambda s: thread.join(s) or thread.is_alive(),
    )
    os.kill(int((folder.workers / "tuner1").read_text()), signal.SIGKILL)
    thread.join()
    assert not failures, failures
    first, second = sessions(folder, trial)
    assert first == 0 and second > 0
    assert sum(len(sessions(folder, row.name)) for row in folder.trials()) == 5
    assert_the_same(folder, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_chief_and_workers_end_with_their_launcher(make, undisturbed, tmp_path, number):
    folder = prepare_search(make(), tmp_path / "search", trials=4, epochs=EPOCHS)
    command = [sys.executable, "-m", "keras_vit", "tune", "--resume"]
    command += ["--folder", str(folder), "--workers", "1", "--devices", "cpu"]
    process = subprocess.Popen(command, env=environment())
    trial = wait_for(lambda: in_the_middle(folder, "tuner0"), still_runs(process))
    process.send_signal(number)
    assert process.wait() == (143 if number == signal.SIGTERM else -number)
    # Until the chief has ended, too.
    never = threading.Event()
    wait_for(lambda: is_free(folder), lambda s: not never.wait(s), seconds=90)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = sessions(folder, trial)
    assert first == 0 and second > 0
    assert_the_same(folder, undisturbed)


def is_free(folder):
    try:
        with folder.locked():
            return True
    except ValueError:
        return False


@pytest.mark.slow
def test_a_failed_import_on_a_worker_does_not_hang_the_chief(
    make, tmp_path, monkeypatch
):
    folder = prepare_search(make(), tmp_path / "search", trials=2, epochs=1)
    own = launch._environment
    broken = tmp_path / "broken" / "keras"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libmissing.so: no such')")

    def break_worker(name, address):
        found = own(name, address)
        if name == "tuner1":
            found["PYTHONPATH"] = f"{broken.parent}{os.pathsep}{found['PYTHONPATH']}"
        return found

    monkeypatch.setattr(launch, "_environment", break_worker)
    with pytest.raises(SearchError, match=r"tuner1 .*before it could begin") as error:
        launch_search(folder, 2, devices="cpu")
    assert "libmissing.so" in str(error.value)
    monkeypatch.undo()
    # With the remedy, the same search goes on.
    launch_search(folder, 1, devices="cpu")
    assert len(SearchFolder(folder.path).ranked()) == 2
