"""Names cells that have made no progress for long, and ends none of them."""

import logging
import os
import threading
import time
from pathlib import Path

from keras_vit.common.files import write_json
from keras_vit.common.wording import as_duration
from keras_vit.studies.folder import SILENT

logger = logging.getLogger(__name__)

# Seconds without a new file of a cell that is saved every minute, and between two
# looks. Compiling and testing a large model take minutes in which nothing is written.
LONG, EVERY = 900.0, 30.0


class Watch:
    """Looks at the files of cells that run, from a thread of its own.

    Silence is measured by the watcher's clock: those of other machines may be wrong.

    Args:
        folder: A `StudyFolder`.
        long: Float, seconds without a new file after which a cell is named.
    """

    def __init__(self, folder, long=LONG):
        self.folder, self.long = folder, long
        self.seen = {}  # cell to (its newest file, when that was noticed)
        self.named = set()
        self.lock, self.over = threading.Lock(), threading.Event()

    def begin(self, name):
        """A cell runs from now on."""
        with self.lock:
            self.seen[name] = self._newest(name), time.monotonic()

    def end(self, name):
        """A cell has ended, however that was."""
        with self.lock:
            self.seen.pop(name, None)
            self._spoke(name)

    def look(self, now):
        """Names cells that are silent at a time of `time.monotonic`, once each."""
        with self.lock:
            for name, (newest, since) in self.seen.items():
                found = self._newest(name)
                if found != newest:
                    self.seen[name] = found, now
                    self._spoke(name)
                elif now - since >= self.long:
                    self._name(name, now - since)

    def _name(self, name, seconds):
        if name not in self.named:
            logger.warning(
                "%s has written nothing for %s: it may hang. Look at its process; or "
                "stop this command with Ctrl-C and give it again: the cell goes on "
                "from its last save.",
                *(name, as_duration(seconds)),
            )
        self.named.add(name)
        self.folder.cell(name).mkdir(parents=True, exist_ok=True)
        write_json(self.folder.cell(name) / SILENT, {"seconds": round(seconds)})

    def _spoke(self, name):
        self.named.discard(name)
        (self.folder.cell(name) / SILENT).unlink(missing_ok=True)

    def _newest(self, name):
        """The time and number of a cell's files: another one where one was written."""
        times = []
        for file in self.folder.run(name).path.rglob("*"):
            try:
                times.append(file.stat().st_mtime_ns)
            except OSError:  # it was deleted meanwhile
                continue
        return max(times, default=0), len(times)

    def _forget(self):
        """Deletes what was written of silent cells, of whoever has written it."""
        with self.lock:
            self.seen.clear()
            # Other cells may be written meanwhile, of which a walk forgives the gaps.
            for place, _, files in os.walk(self.folder.cells):
                if SILENT in files:
                    (Path(place) / SILENT).unlink(missing_ok=True)

    def __enter__(self):
        self._forget()  # of a command that was killed
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self._forget()

    def _watch(self):
        while not self.over.wait(EVERY):
            try:
                self.look(time.monotonic())
            except OSError as error:  # of which the cells themselves will speak
                logger.debug("Not looked at: %s", error)
