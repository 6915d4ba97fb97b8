"""Tests of the processes that run cells."""

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

from keras_vit.studies.running import engines


class Executor:
    """Stands for a pool of processes, and notes what is asked of it."""

    made = ()

    def __init__(self, *arguments, **options):
        self.taken, self.waits = [], None
        Executor.made += (self,)

    def submit(self, work, cell, *others):
        self.taken.append(cell)
        return Future()

    def shutdown(self, wait=True, cancel_futures=False):
        self.waits = wait


def test_new_processes_follow_those_that_have_taken_their_cells(monkeypatch):
    monkeypatch.setattr(Executor, "made", ())
    monkeypatch.setattr(engines, "ProcessPoolExecutor", Executor)
    monkeypatch.setattr(engines, "CELLS", 2)
    pool, folder = engines.Pool(3), SimpleNamespace(path=Path("study"))
    futures = [pool.submit(number, folder, {}) for number in range(8)]
    first, second = Executor.made
    assert (first.taken, second.taken) == ([0, 1, 2, 3, 4, 5], [6, 7])
    # The cells that still run may end, and their processes' death is not the others'.
    assert first.waits is False
    pool.renew(futures[5])
    assert pool.pool is second
    pool.renew(futures[6])
    assert pool.pool is Executor.made[2]


def test_processes_of_a_replaced_pool_are_waited_for_when_all_are_stopped(monkeypatch):
    class Process:
        def __init__(self):
            self.asked = []

        def terminate(self):
            self.asked.append("to end")

        def join(self):
            self.asked.append("whether it has ended")

    monkeypatch.setattr(engines, "ProcessPoolExecutor", Executor)
    pool, processes = engines.Pool(1), [Process(), Process()]
    monkeypatch.setattr(engines.multiprocessing, "active_children", lambda: processes)
    pool.stop()
    assert [one.asked for one in processes] == [["to end", "whether it has ended"]] * 2
