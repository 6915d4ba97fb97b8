"""The chief's watch: silent workers, and none at all."""

import os
import threading
from concurrent import futures

import grpc
import pytest

from keras_vit.devices.launch import free_addresses
from keras_vit.tuner import SearchFolder, chief
from keras_vit.tuner.chief import (
    SearchError,
    Watch,
    beating,
    is_chief,
    is_worker,
    serve,
    wait_for,
)


@pytest.fixture
def variables(monkeypatch):
    host, port = free_addresses(1)[0].split(":")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", host)
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", port)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    return monkeypatch


def test_keras_tuners_variables_say_who_we_are(monkeypatch, variables):
    assert is_chief() and not is_worker()
    variables.setenv("KERASTUNER_TUNER_ID", "tuner3")
    assert is_worker() and not is_chief()
    variables.delenv("KERASTUNER_TUNER_ID")
    with pytest.raises(ValueError, match="KERASTUNER_TUNER_ID is chief, or a name"):
        is_worker()
    variables.delenv("KERASTUNER_ORACLE_IP")
    assert not is_chief() and not is_worker()


def test_a_worker_is_silent_when_its_file_no_longer_changes(tmp_path):
    now = [0.0]
    watch = Watch(tmp_path, 10.0, clock=lambda: now[0])
    alive, dead = tmp_path / "alive", tmp_path / "dead"
    for second in range(0, 40, 5):
        now[0] = second
        # The clock of the files is another one, hours behind.
        alive.touch()
        os.utime(alive, (second - 9000, second - 9000))
        if second == 0:
            dead.touch()
        silent = watch.silent(["alive", "dead", "never"])
        # Named when it is found out, and not again before as long a time.
        assert silent == (["dead", "never"] if second in (15, 35) else [])


def test_a_worker_beats_as_long_as_it_works(tmp_path):
    with beating(tmp_path / "workers", "tuner0"):
        wait_for(tmp_path / "workers" / "tuner0", patience=30)
        assert (tmp_path / "workers" / "tuner0").read_text() == str(os.getpid())
    with pytest.raises(TimeoutError, match="Is the chief running"):
        wait_for(tmp_path / "search.json", patience=0)


class Oracle:
    """One that has a worker which has died, and another that never came."""

    def __init__(self, *tuner_ids):
        self.tuner_ids, self.released = set(tuner_ids), []

    def is_done(self):
        return False

    def release(self, name):
        self.tuner_ids.discard(name)
        self.released.append(name)


class Tuner:
    """One that waits for workers for ever, as KerasTuner's chief does."""

    def __init__(self, *tuner_ids):
        self.oracle, self.search = Oracle(*tuner_ids), threading.Event().wait


@pytest.mark.parametrize("workers", [(), ("tuner0", "tuner1")])
def test_a_chief_without_workers_gives_up(tmp_path, variables, monkeypatch, workers):
    monkeypatch.setattr(chief, "LOOK", 0.001)
    tuner = Tuner(*workers)
    with pytest.raises(SearchError, match=f"resume the search in {tmp_path}"):
        serve(tuner, SearchFolder(tmp_path), silence=0.01, patience=0.05)
    assert sorted(tuner.oracle.released) == list(workers)


def test_a_second_chief_is_refused(tmp_path, variables):
    host, port = (os.environ[f"KERASTUNER_ORACLE_{name}"] for name in ("IP", "PORT"))
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_insecure_port(f"{host}:{port}")
    server.start()
    try:
        with pytest.raises(SearchError, match=r"cannot listen at 127\.0\.0\.1"):
            serve(Tuner(), SearchFolder(tmp_path), patience=0.05)
    finally:
        server.stop(None).wait()


def test_a_chief_that_cannot_serve_says_why(tmp_path, variables, monkeypatch):
    monkeypatch.setattr(chief, "LOOK", 0.001)
    tuner = Tuner()
    tuner.search = lambda: 1 / 0
    with pytest.raises(SearchError, match="chief has failed: division by zero"):
        serve(tuner, SearchFolder(tmp_path))
