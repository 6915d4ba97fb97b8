"""Rooms in which commands run that are ended, and what must be left there.

Each command is a forked child of one process that has imported everything and computed
nothing: so hundreds can be tried.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path

import beside  # noqa: F401  must be first
import h5py
import numpy as np
from PIL import Image

SIZES = "--image-size 8 --patch-size 4 --num-layers 1 --hidden-dim 8 --mlp-dim 8"
TINY = f"--batch-size 4 {SIZES} --num-heads 2 --jit-compile no --devices cpu"
TRAIN = f"train --data photos --run run --epochs 2 {TINY}"
PRETRAIN = f"pretrain --data photos --run pre --epochs 1 --augment none {TINY}"
TUNE = (
    "tune --data photos --folder search --trials 1 --epochs 1 --fields learning_rate "
    "--batch-size 4 --image-size 8 --devices cpu"
)

# A command; what it writes; and the one that takes up what is left of it, where it is
# not the same one.
COMMANDS = {
    "train": (TRAIN, "run", f"{TRAIN} --resume"),
    "pretrain": (PRETRAIN, "pre", f"{PRETRAIN} --resume"),
    "evaluate": ("evaluate sound --report page.html --devices cpu", "page.html", None),
    "explain": (
        *("explain sound photos/dark/00.png --out why.html", "why.html", None),
    ),
    "export file": ("export sound old.npz --overwrite", "old.npz", None),
    "export folder": ("export sound old --format timm --overwrite", "old", None),
    "convert": ("convert sound old.safetensors --overwrite", "old.safetensors", None),
    "plot": ("runs . --plot runs.png", "runs.png", None),
    "tune": (TUNE, "search", "tune --folder search --resume"),
}
# What is there before each command, made by these.
BEFORE = [
    TRAIN.replace("--run run", "--run sound").replace("--epochs 2", "--epochs 1"),
    "export sound old.npz",
    "export sound old --format timm",
    "convert sound old.safetensors",
]
# Files whose content differs from run to run, such as by times.
_VARYING = ("tensorboard", "run.json", "oracle.json", "trial.json", ".png", ".html")
_VARYING += (
    "search.json",
    "evaluation.json",
    "model_card.md",
    "images.npz",
    "estimate",
    "outcome",
)


def write_photos(folder):
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (100, "light")):
        (folder / name).mkdir(parents=True)
        for index in range(10):
            pixels = random.integers(low, low + 156, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")


class Room:
    """A folder with images, a run and exports, in which one command is tried."""

    def __init__(self, path):
        self.path = Path(path)

    @classmethod
    def made(cls, path):
        """The first room, of which others are copies."""
        room = cls(path)
        write_photos(room.path / "photos")
        for command in BEFORE:
            status, said = room.run(command)
            assert status == 0, said
        return room

    def copy(self, path):
        shutil.copytree(self.path, path)
        return Room(path)

    def run(self, command, trouble=None):
        """`(status, what was printed)`; a negative status is a signal."""
        log = self.path.with_name(f"{self.path.name}.log")
        child = os.fork()
        if not child:
            _be(self.path, command, log, trouble)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, log.read_text(errors="replace")

    def start(self, command):
        """The process of a command that goes on beside this one."""
        log = self.path.with_name(f"{self.path.name}.log")
        child = os.fork()
        if not child:
            _be(self.path, command, log, None)
        return child

    def next_command(self, name):
        command, target, again = COMMANDS[name]
        begun = ("run.json", "search.json", "settings.json")
        has_begun = any((self.path / target / file).exists() for file in begun)
        return again if again and has_begun else command

    def after(self, name, result):
        """What falls short of a result when the next command is done, or `None`."""
        again = self.next_command(name)
        status, said = self.run(again)
        if status != 0:
            return f"`{again}` ended with {status}: {said[-400:]}"
        if broken := self.broken():
            return broken
        found = self.result(COMMANDS[name][1])
        if set(found) != set(result):
            return f"files {sorted(set(found) ^ set(result))} differ"
        differ = [file for file in found if found[file] != result[file]]
        return f"{differ} are not the same" if differ else None

    def names(self, target):
        """All paths at the target, and hidden ones anywhere beside it."""
        found = {str(p.relative_to(self.path)) for p in self.path.rglob(".*")}
        found |= {target} if (self.path / target).exists() else set()
        below = (self.path / target).rglob("*")
        found |= {str(path.relative_to(self.path)) for path in below}
        names = (name for name in found if "tensorboard" not in name)
        return {name for name in names if not name.endswith(".lock")}

    def result(self, target):
        """What must be equal to that of a command that was never disturbed."""
        names = sorted(self.names(target))
        paths = [(name, self.path / name) for name in names]
        return {n: _content(p) if p.is_file() else "folder" for n, p in paths}

    def broken(self):
        """What is not whole under a name that is not hidden, or `None`."""
        for path in sorted(self.path.rglob("*")):
            parts = path.relative_to(self.path).parts
            hidden = any(part.startswith(".") for part in parts)
            if path.is_file() and not hidden and not _is_whole(path):
                return f"{path.relative_to(self.path)} is not whole"
        return None


def _content(path):
    if any(word in str(path) for word in _VARYING):
        return None
    if path.suffix == ".keras":
        return _weights_of(path)  # not by Keras: this process computes nothing
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _weights_of(path):
    """The hash of every array in a `.keras` file, by its name."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = hashlib.sha256(np.asarray(item).tobytes()).hexdigest()

    with zipfile.ZipFile(path) as archive:
        data = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(data) as file:
        file.visititems(note)
    assert found
    return found


def _is_whole(path):
    data = path.read_bytes()
    if "tensorboard" in path.parts:  # of events, of which the last may be cut off
        return True
    try:
        if path.suffix in (".keras", ".npz"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        if path.suffix == ".json":
            return json.loads(data) is not None
        if path.suffix == ".html":
            return data.rstrip().endswith(b"</html>")
        if path.suffix == ".png":
            Image.open(path).load()
        if path.suffix == ".csv":
            rows = list(csv.reader(data.decode().splitlines()))
            return len({len(row) for row in rows}) == 1
        if path.suffix == ".safetensors":
            import safetensors.numpy

            safetensors.numpy.load_file(path)
    except Exception:  # whatever a half of a file makes its reader raise
        return False
    return bool(data) or path.suffix == ".pid"


def _be(folder, command, log, trouble):
    """Becomes a command in the forked child; never returns."""
    status = 70
    try:
        os.chdir(folder)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(target, stream)
        from keras_vit.cli import main

        if trouble is not None:
            trouble(folder)
        status = main(command.split())
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def watch(folder, act):
    """Calls `act(number)` before each change of a file or folder in a room."""
    inside, seen = os.fspath(folder), 0
    changes = ("os.rename", "os.mkdir", "os.remove", "os.rmdir")

    def happened(path):
        nonlocal seen
        if isinstance(path, int | None):
            return
        path = os.path.abspath(os.fsdecode(path))
        if path.startswith(inside + os.sep):
            seen += 1
            act(seen)

    def hook(event, args):
        if event in changes or (event == "open" and _writes(*args)):
            happened(args[0])

    sys.addaudithook(hook)
    flush = os.fsync

    def fsync(descriptor):
        happened(inside + os.sep + "flushed")
        flush(descriptor)

    os.fsync = fsync


def _writes(path, mode, flags):
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def counting(file):
    """A trouble that is none: it keeps the number of changes in a file."""

    def trouble(folder):
        def act(number):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
            os.pwrite(descriptor, b"%9d" % number, 0)
            os.close(descriptor)

        watch(folder, act)

    return trouble


def dying(at):
    """Death by SIGKILL before change `at`."""

    def act(number):
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda folder: watch(folder, act)


def full_from(at):
    """A disk that has no room for a new file or folder from change `at` on."""

    def act(number):
        if number >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda folder: watch(folder, act)


def files_up_to(size):
    """A limit of the bytes of each file."""

    def trouble(folder):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    return trouble


def undisturbed(first, name, top):
    """The number of changes of a command that nothing disturbs, and its result."""
    command, target, _ = COMMANDS[name]
    room, file = first.copy(top / "undisturbed" / name.replace(" ", "_")), top / "count"
    status, said = room.run(command, counting(file))
    assert status == 0, f"{command}: {said}"
    return int(file.read_bytes()), room.result(target)


@contextlib.contextmanager
def known_commands(count, only):
    """Yields a first room, names of so many commands, and what is known of each.

    That is the number of its changes and its result, where nothing disturbs it.
    """
    import_all()
    with tempfile.TemporaryDirectory() as top:
        top = Path(top)
        first = Room.made(top / "first")
        names = [name for name in COMMANDS if only in name][:count]
        known = {name: undisturbed(first, name, top) for name in names}
        yield first, (names * count)[:count], known


def import_all():
    """Everything that the commands need, before the first fork."""
    import keras_tuner  # noqa: F401
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401
    import tensorflow  # noqa: F401

    import keras_vit.cli
    import keras_vit.converting
    import keras_vit.evaluation.measure
    import keras_vit.explaining.writing
    import keras_vit.exporting.checked
    import keras_vit.reporting.results
    import keras_vit.reporting.runs
    import keras_vit.training.run.train
    import keras_vit.tuner.searching  # noqa: F401
