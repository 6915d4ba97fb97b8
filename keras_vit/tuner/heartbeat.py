"""How the chief of a search knows that a worker lives: by a file that it touches."""

import contextlib
import os
import threading
import time
from pathlib import Path

# Seconds between two signs of life.
EVERY = 2.0

# Seconds that a worker waits for the chief to write the settings.
PATIENCE = 600.0


@contextlib.contextmanager
def beating(folder, name):
    """Touches the file `folder/name` again and again inside the block.

    The file holds the number of this process, for people.

    Args:
        folder: Path, which is made.
        name: String, of the worker.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file, stop = folder / name, threading.Event()

    file.write_text(str(os.getpid()))

    def beat():
        while not stop.is_set():
            file.touch()
            stop.wait(EVERY)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


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
        time.sleep(EVERY / 4)


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
