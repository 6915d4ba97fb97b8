"""A search in several processes: the chief, its workers and their heartbeats."""

import contextlib
import logging
import os
import socket
import threading
import time
from pathlib import Path

logger = logging.getLogger(__name__)

# Seconds between two looks of the chief, and between two signs of life of a worker.
LOOK = 0.5
BEAT = 2.0

# Seconds of silence after which a worker counts as gone, and its trial goes to
# another one. On a file system that is slow to show changes, some minutes.
SILENCE = 60.0

# Seconds without any worker after which the chief gives up, and without settings after
# which a worker does. One that starts imports Keras and compiles its first model, which
# may take minutes.
PATIENCE = 600.0

_SILENCE, _PATIENCE = "KERAS_VIT_TUNER_SILENCE", "KERAS_VIT_TUNER_PATIENCE"


class SearchError(RuntimeError):
    """A search that cannot continue."""


def is_chief():
    """Whether KerasTuner's variables say that this process is the chief."""
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" in _tuner_id()


def is_worker():
    """Whether KerasTuner's variables say that this process is a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in _tuner_id()


def _tuner_id():
    names = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_PORT")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ValueError(
            "KERASTUNER_ORACLE_IP is set, so these must be, too: "
            f"{', '.join(missing)}. KERASTUNER_TUNER_ID is chief, or a name of its own "
            "for each worker."
        )
    return os.environ["KERASTUNER_TUNER_ID"]


def serve(tuner, folder, *, silence=None, patience=None):
    """Gives trials to workers until all are done.

    KerasTuner's own loop, which waits forever for workers that have died, runs in a
    thread. Beside it, the trial of a worker that has fallen silent goes to another one,
    and the search ends with an error when there has been no worker for too long; what
    was done is kept, and can be resumed.

    Args:
        tuner: A `RecipeTuner`.
        folder: A `SearchFolder`.
        silence: Float, seconds after which a silent worker counts as gone. Defaults to
            the environment's `KERAS_VIT_TUNER_SILENCE`, or else 60.
        patience: Float, seconds without a worker after which the search ends. Defaults
            to the environment's `KERAS_VIT_TUNER_PATIENCE`, or else 600.

    Raises:
        SearchError: if no worker came, or none is left.
    """
    silence = silence or float(os.environ.get(_SILENCE, SILENCE))
    patience = patience or float(os.environ.get(_PATIENCE, PATIENCE))
    _check_address()
    oracle = tuner.oracle
    watch, last = Watch(folder.workers, silence), time.monotonic()
    errors = []

    def search():
        try:
            tuner.search()
        except Exception as error:
            errors.append(error)

    server = threading.Thread(target=search, name="chief", daemon=True)
    server.start()
    while not oracle.is_done():
        time.sleep(LOOK)
        if errors:
            raise SearchError(f"KerasTuner's chief has failed: {errors[0]}")
        for name in watch.silent(list(oracle.tuner_ids)):
            logger.warning(
                "Worker %s has been silent for %.0f s: its trial is given to another "
                "worker.",
                name,
                silence,
            )
            oracle.release(name)
        if oracle.tuner_ids:
            last = time.monotonic()
        elif time.monotonic() - last > patience and not oracle.is_done():
            oracle.failure = f"There has been no worker for {patience:.0f} s"
            raise SearchError(
                f"{oracle.failure}. Its own output says why it ended, or never began. "
                f"Start workers, and resume the search in {folder}."
            )
    server.join(4 * LOOK)  # the answer to the last worker is on its way


def _check_address():
    """Raises where another process listens; KerasTuner would share its workers."""
    host, port = (os.environ[f"KERASTUNER_ORACLE_{part}"] for part in ("IP", "PORT"))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError:
        raise SearchError(
            f"The chief cannot listen at {host}:{port}: is the address in use?"
        ) from None


@contextlib.contextmanager
def in_background(work):
    """Calls a function of a `threading.Event` beside the block, whose end sets it."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def beating(folder, name):
    """Touches the file `folder/name` again and again inside the block.

    The file holds the number of this process, for people.

    Args:
        folder: Path, which is made.
        name: String, of the worker.
    """
    file = Path(folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(os.getpid()))

    def beat(stop):
        while not stop.wait(BEAT):
            file.touch()

    return in_background(beat)


def wait_for(file, patience=PATIENCE):
    """Waits until a file is there.

    Raises:
        TimeoutError: if it is not after so many seconds.
    """
    end = time.monotonic() + patience
    while not Path(file).is_file():
        if time.monotonic() > end:
            raise TimeoutError(
                f"There was no {file} after {patience:.0f} s. Is the chief running, "
                "and is this its folder?"
            )
        time.sleep(LOOK)


class Watch:
    """Notices which workers have fallen silent.

    A sign of life is a change of the worker's file, so clocks need not agree.

    Args:
        folder: Path of the files that workers touch.
        patience: Float, seconds of silence after which a worker counts as gone.
        clock: Function that returns seconds.
    """

    def __init__(self, folder, patience, clock=time.monotonic):
        self.folder, self.patience, self.clock = Path(folder), patience, clock
        self._seen = {}

    def silent(self, names):
        """Those of some workers that have been silent for too long."""
        now = self.clock()
        gone = []
        for name in names:
            try:
                beat = (self.folder / name).stat().st_mtime_ns
            except OSError:
                beat = None
            if name not in self._seen or self._seen[name][0] != beat:
                self._seen[name] = (beat, now)
            elif now - self._seen[name][1] > self.patience:
                gone.append(name)
                del self._seen[name]
        return gone
