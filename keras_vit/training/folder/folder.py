"""The folder of a training run: its files, and how they are written.

Every file is written under a temporary name, flushed to the disk and renamed, so
that a reader, or a run resumed after a power cut, finds either the old file or
the new one, complete.
"""

import contextlib
import csv
import io
import json
import re
from pathlib import Path

from keras_vit.common.files import replacing, write_json, write_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


# Where folders of runs and of searches go that the user did not name.
RUNS, SEARCHES = Path("runs"), Path("searches")
DEFAULT_PLACES = (RUNS, SEARCHES)


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
        self.record = self.path / "run.json"
        self.history = self.path / "history.csv"
        self.curves = self.path / "curves.png"
        self.tensorboard = self.path / "tensorboard"
        self.pictures = self.path / "pictures"
        self.checkpoints = self.path / "checkpoints"
        self.split = self.path / "split.json"

    def __str__(self):
        return str(self.path)

    def is_taken(self):
        """Whether there is anything under this name, what a kill left hidden apart."""
        if not self.path.is_dir():
            return self.path.exists()
        return any(not path.name.startswith(".") for path in self.path.iterdir())

    def is_run(self):
        """Whether the folder holds a run's record."""
        return self.record.is_file()

    def read_record(self):
        """The content of run.json.

        Raises:
            ValueError: if the file is not the record of a run.
        """
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            record["recipe"], record["status"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.record} is not the record of a training run ({error})."
            ) from None
        return record

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
        """The rows of history.csv, numbers exact to the bit."""
        with open(self.history, newline="", encoding="utf-8") as file:
            return [
                {k: int(v) if k == "epoch" else float(v) for k, v in row.items()}
                for row in csv.DictReader(file)
            ]

    def save_model(self, model):
        """Replaces model.keras.

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
        with replacing(self.model) as temporary:
            bare.save(temporary)

    def discard_if_unused(self):
        """Removes the folder again if it holds nothing but what precedes a run."""
        begun = {self.path / ".lock", self.split}
        if set(self.path.iterdir()) <= begun:
            for file in begun:
                file.unlink(missing_ok=True)
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
        if fcntl is None:
            yield
            return
        with open(self.path / ".lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"Another process is training in {self}. Wait for it, stop it, "
                    "or choose another folder."
                ) from None
            except OSError:
                pass  # A file system without locks: training matters more.
            yield


class GuestFolder(RunFolder):
    """The folder of a run, for a process that is not the one to write into it."""

    is_own = False

    def _leave(self, *args):
        """Leaves it to the process whose folder it is."""

    write_record = write_history = save_model = discard_if_unused = _leave

    def locked(self):
        return contextlib.nullcontext()


def remove_leftovers(folder):
    """Deletes the temporary files that a killed process left in a `RunFolder`."""
    for parent in (folder.path, folder.checkpoints):
        for path in parent.glob(".*"):
            if re.fullmatch(r"\..+\.\d+\.[a-z]+", path.name):
                path.unlink(missing_ok=True)
