"""The folder of a training run: its files, and how they are written.

Every file is written under a temporary name, flushed to the disk and renamed, so
that a reader, or a run resumed after a power cut, finds either the old file or
the new one, complete.
"""

import contextlib
import csv
import io
import os
import re
from pathlib import Path

from keras_vit.common.files import (
    is_leftover,
    remove_leftovers,
    replacing,
    write_json,
    write_text,
)
from keras_vit.common.keras_files import save_keras
from keras_vit.common.locks import take
from keras_vit.common.regular import NotRegular, read_regular
from keras_vit.data.readers.leftovers import LOCK, RUNS, SEARCHES
from keras_vit.training.recipes.records import read_record

# What older versions wrote to: `.run.406.json`, with the number of the process.
_OLDER = re.compile(r"\..+\.\d+\.[a-z]+")


# Where folders of runs and of searches go that the user did not name.
DEFAULT_PLACES = (Path(RUNS), Path(SEARCHES))


class RunFolder:
    """The files of one training run.

    Args:
        path: The folder. It need not exist.

    Example:

    >>> folder = RunFolder("runs/first")
    >>> folder.model
    PosixPath('runs/first/model.keras')
    """

    # Whether this process writes the files.
    is_own = True

    def __init__(self, path):
        self.path = Path(path)
        self.model = self.path / "model.keras"
        # Of a run with a validation part, the weights that were not chosen.
        self.best = self.path / "best.keras"
        self.last = self.path / "last.keras"
        self.record = self.path / "run.json"
        self.history = self.path / "history.csv"
        self.evaluation = self.path / "evaluation.json"
        self.curves = self.path / "curves.png"
        self.tensorboard = self.path / "tensorboard"
        self.adapters = self.path / "adapters.safetensors"
        self.pictures = self.path / "pictures"
        self.checkpoints = self.path / "checkpoints"
        self.split = self.path / "split.json"
        self.images = self.path / "images.npz"

    def __str__(self):
        return str(self.path)

    def is_taken(self):
        """Whether there is anything under this name, what a kill left hidden apart."""
        if not self.path.is_dir():
            return os.path.lexists(self.path)
        return any(not name.startswith(".") for name in os.listdir(self.path))

    def is_run(self):
        """Whether the folder holds a run's record."""
        return self.record.is_file()

    def read_record(self, needed=()):
        """The content of run.json; see `keras_vit.training.recipes.records`."""
        return read_record(self.record, needed)

    def write_record(self, record):
        """Replaces run.json."""
        write_json(self.record, record, indent=2, ensure_ascii=False)

    def write_history(self, rows):
        """Replaces history.csv: one row per epoch, numbers exact to the bit."""
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())

    def read_history(self):
        """The rows of history.csv, numbers exact to the bit.

        Raises:
            ValueError: naming the file, if it is not there or damaged.
        """
        try:
            text = read_regular(self.history).decode("utf-8")
            rows = csv.DictReader(io.StringIO(text), strict=True)
            return [{**_floats(row), "epoch": int(row["epoch"])} for row in rows]
        except NotRegular as error:
            raise ValueError(f"{error} It holds the numbers of the run.") from None
        except (ValueError, KeyError, TypeError, csv.Error):
            raise ValueError(
                f"{self.history} is damaged: a row for each epoch must hold its number "
                "and those of losses and metrics. Bring the file back as it was."
            ) from None

    def save_model(self, model, path=None):
        """Replaces model.keras, or another file of weights beside it.

        The file holds no optimizer and no loss: whoever loads it needs none of this
        run's, and compiles it anew to train it further.
        """
        # The same layers and variables under a model that was never compiled.
        bare = type(model)(
            model.input,
            model.output,
            name=model.name,
            settings=model.settings,
            metadata=model.metadata,
        )
        with replacing(path or self.model) as temporary:
            save_keras(bare, temporary)

    def beside(self, keep):
        """The file of the weights that a recipe's `keep` does not choose."""
        return self.last if keep == "best" else self.best

    def discard_if_unused(self):
        """Removes the folder again if it holds nothing but the lock and leftovers."""
        if all(_is_nothing(name) for name in os.listdir(self.path)):
            clear_leftovers(self)
            (self.path / LOCK).unlink(missing_ok=True)
            self.path.rmdir()
            if self.path.parent in DEFAULT_PLACES:  # we made it, too
                with contextlib.suppress(OSError):  # it holds others
                    self.path.parent.rmdir()

    @contextlib.contextmanager
    def locked(self):
        """Keeps other processes from training in this folder.

        The lock belongs to the process: it ends with it, however it ends.

        Raises:
            ValueError: if another process trains here.
        """
        with open(self.path / LOCK, "a+") as file:
            if take(file) is False:  # Without locks, training matters more.
                raise ValueError(
                    f"Another process is training in {self}. Wait for it, stop it, "
                    "or choose another folder."
                )
            yield


class GuestFolder(RunFolder):
    """The folder of a run, for a process that is not the one to write into it."""

    is_own = False

    def _leave(self, *args):
        """Leaves it to the process whose folder it is."""

    write_record = write_history = save_model = discard_if_unused = _leave

    def locked(self):
        return contextlib.nullcontext()


def _floats(row):
    return {name: float(value) for name, value in row.items()}


def clear_leftovers(folder):
    """Deletes what killed processes left in a `RunFolder`, which is locked."""
    for parent in (folder.path, folder.checkpoints, folder.pictures):
        remove_leftovers(parent)
        for path in parent.glob(".*"):
            if _OLDER.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _is_nothing(name):
    return name == LOCK or is_leftover(name) or _OLDER.fullmatch(name) is not None
