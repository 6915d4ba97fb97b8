"""Engines, which run the cells of a study: this process, or a pool of them.

An engine has `slots`, how many cells run at once; `submit(cell, folder, options)`,
which returns a future; `wait(futures)`, which returns at least one that has ended;
`renew(future)`, after its process has died; `stop()`, which lets all cells save their
state and ends them; and `pool`, an executor for other work, or `None`.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from keras_vit.common.signals import end_with_parent
from keras_vit.studies.folder import StudyFolder
from keras_vit.studies.running.cells import run_cell
from keras_vit.training.run.environment import THREADS


class ProcessDied(RuntimeError):
    """The process of a cell has died, or its machine."""


# What a future raises then.
DEATHS = (ProcessDied, BrokenProcessPool)

# Cells that a process takes before a new one follows: TensorFlow keeps memory of every
# model that it has compiled.
CELLS = 4

# Seconds between two looks at the workers, and until a worker that is asked to stop has
# saved its state.
_LOOK, _GRACE = 0.5, 120.0


class Serial:
    """Runs a cell when it is submitted, in this process."""

    slots, pool = 1, None

    def submit(self, cell, folder, options):
        return _Ended(run_cell(cell, folder, **options))

    def wait(self, futures):
        return list(futures)

    def stop(self):
        """Nothing runs."""


class _Ended:
    """The result of a cell, as a future gives it."""

    def __init__(self, value):
        self.value = value

    def result(self):
        return self.value


class Pool:
    """Runs cells in processes, each of which takes a few, one after the other."""

    def __init__(self, workers):
        self.slots = workers
        self._others = set(multiprocessing.active_children())
        self._pool_of = {}
        self._begin()

    def renew(self, future=None):
        """New processes, where those that a future was of have died."""
        if self._pool_of.pop(future, None) is not self.pool:
            return  # the others of its pool have said so
        self._begin()

    def _begin(self):
        self._taken = 0
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(
            self.slots, context, initializer=_begin_worker, initargs=(os.getpid(),)
        )

    def submit(self, cell, folder, options):
        if self._taken == CELLS * self.slots:
            self.pool.shutdown(wait=False)  # its processes end with what they run
            self._begin()
        self._taken += 1
        future = self.pool.submit(_work, cell, str(folder.path), options)
        self._pool_of[future] = self.pool
        return future

    def wait(self, futures):
        ended = ()
        while futures and not ended:
            ended, _ = wait(futures, _LOOK, FIRST_COMPLETED)
        return ended

    def stop(self):
        """Lets the workers save what they train, and ends them."""
        own = set(multiprocessing.active_children()) - self._others
        for process in own:
            process.terminate()
        try:
            self.pool.shutdown(wait=True, cancel_futures=True)
            for process in own:  # of the pools before it too
                process.join()
        except KeyboardInterrupt:  # again: at once
            for process in own:
                process.kill()
            raise


def _work(cell, folder, options):
    try:
        return run_cell(cell, StudyFolder(folder), **options)
    except KeyboardInterrupt:  # its state is saved; the pool goes with it
        os._exit(1)


def _begin_worker(parent):
    """Prepares a worker: Ctrl-C is for the parent, which asks its workers to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(os, "setsid"):
        os.setsid()
    logging.getLogger("keras_vit.training.run.callbacks").setLevel(logging.ERROR)
    end_with_parent(parent, _GRACE)


@contextlib.contextmanager
def engine_of(workers):
    """Yields the engine of so many workers on this machine.

    Of several workers each has one thread: small models lose by more.
    """
    if workers == 1:
        yield Serial()
        return
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # which the workers inherit
    try:
        pool = Pool(workers)
        try:
            yield pool
        finally:
            pool.pool.shutdown(wait=True, cancel_futures=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
