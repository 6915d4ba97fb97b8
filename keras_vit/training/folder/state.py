"""Checkpoints of a run: all that it needs to resume as if it had never stopped.

A checkpoint is one `.npz` file: every variable of the model (with the states of its
random seeds, which `.keras` files leave out), of the optimizer and of the metrics,
and a JSON header with the position in the run and the history so far. The last two
are kept, so that a damaged one does not end a run.
"""

import collections
import dataclasses
import json
import logging
import re
import zipfile
import zlib

import keras
import numpy as np

from keras_vit.common.checks import is_integer, is_number
from keras_vit.common.files import replacing
from keras_vit.common.regular import check_regular
from keras_vit.common.wording import printable
from keras_vit.devices import current

logger = logging.getLogger(__name__)

FORMAT = 1
KEEP = 2
# What reading a file raises that is cut off or holds other things than were written.
DAMAGES = (ValueError, OSError, LookupError, EOFError, TypeError, AttributeError)
DAMAGES += (zipfile.BadZipFile, zlib.error, RecursionError, NotImplementedError)


@dataclasses.dataclass
class Position:
    """The position in a run."""

    # Updates done.
    step: int = 0
    # One dictionary per finished epoch.
    history: list = dataclasses.field(default_factory=list)
    # Wall-clock and processor seconds, over all sessions.
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    # Whether a callback has ended the training.
    stopped: bool = False


def variables_of(model):
    """The variables of a compiled and built model: pairs (group, variable).

    `model.variables` holds the states of the seed generators, which
    `model.weights` and `.keras` files do not.
    """
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }
    return [(group, v) for group, members in groups.items() for v in members]


def _names(groups):
    """The names of arrays in a file, in which each group is numbered."""
    counts = collections.Counter()
    for group in groups:
        yield f"{group}/{counts[group]}"
        counts[group] += 1


def save_state(folder, model, position, memory=()):
    """Writes a checkpoint and removes all but the last two.

    Where several processes train, all must call it, and the first one writes.

    Args:
        folder: `pathlib.Path` of the checkpoints.
        model: A compiled Keras model.
        position: A `Position`.
        memory: What the user's callbacks remember: a dictionary for each, of numbers
            and lists of arrays.
    """
    devices = current()
    # Every process must take part: some hold a piece of a variable, or a sum of it.
    groups, members = zip(*variables_of(model))
    values = devices.values(members)
    if not devices.is_chief:
        return
    folder.mkdir(exist_ok=True)
    arrays, variables = {}, []
    for name, group, variable, value in zip(_names(groups), groups, members, values):
        entry = {"group": group, "path": variable.path}
        variables.append({**entry, **_packed(arrays, name, value)})
    header = dataclasses.asdict(position)
    header.update(format=FORMAT, variables=variables)
    header["memory"] = [
        {key: _plain(arrays, f"memory/{n}/{key}", value) for key, value in one.items()}
        for n, one in enumerate(memory)
    ]
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(folder / f"step-{position.step:09d}.npz") as temporary:
        np.savez(temporary, **arrays)
    for path in list_states(folder)[:-KEEP]:
        path.unlink(missing_ok=True)


def _packed(arrays, name, value):
    """Adds an array as bytes, and returns what says how to read it."""
    value = np.asarray(value)
    # As bytes: NumPy's format does not know bfloat16.
    arrays[name] = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    return {"shape": list(value.shape), "dtype": value.dtype.name}


def _unpacked(raw, name, entry):
    return raw[name].view(entry["dtype"]).reshape(entry["shape"])


def _plain(arrays, name, value):
    """What JSON can hold of a callback's memory: its arrays are packed."""
    if isinstance(value, list):
        return [_packed(arrays, f"{name}/{n}", item) for n, item in enumerate(value)]
    return value.item() if hasattr(value, "item") else value


def _remembered(raw, name, value):
    if isinstance(value, list):
        return [_unpacked(raw, f"{name}/{n}", entry) for n, entry in enumerate(value)]
    return value


def list_states(folder):
    """The checkpoints of a folder, oldest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in paths if re.fullmatch(r"step-\d{9,}\.npz", p.name))


@dataclasses.dataclass
class SavedState:
    """A checkpoint read from disk; `restore` puts it into a model."""

    position: Position
    # A dictionary for each variable, and its value.
    variables: list
    values: list
    # As given to `save_state`.
    memory: list = dataclasses.field(default_factory=list)

    def restore(self, model):
        """Assigns every variable of a compiled and built model.

        Raises:
            ValueError: if the variables of the model are not those of the file.
        """
        expected = variables_of(model)
        found = [(v["group"], tuple(v["shape"]), v["dtype"]) for v in self.variables]
        wanted = [
            (group, tuple(v.shape), keras.backend.standardize_dtype(v.dtype))
            for group, v in expected
        ]
        if found != wanted:
            mine = {str(v.get("path")) for v in self.variables}
            theirs = {v.path for _, v in expected}
            raise ValueError(
                "The checkpoint belongs to another model or optimizer. "
                f"Only in the file: {sorted(mine - theirs)[:5]}. "
                f"Only in the model: {sorted(theirs - mine)[:5]}."
            )
        for (_, variable), value in zip(expected, self.values):
            current().assign(variable, value)


def read_state(path):
    """Reads and checks one file.

    Raises:
        ValueError: if the file is damaged, or of another format.
    """
    import ml_dtypes  # noqa: F401  comes with Keras; NumPy then knows bfloat16

    try:
        check_regular(path)
        with np.load(path, allow_pickle=False) as file:
            # Reading a member checks its checksum.
            raw = {name: file[name] for name in file.files}
        header = json.loads(raw.pop("header").tobytes())
        if header.get("format") != FORMAT:
            raise ValueError(
                "it was written by another version of keras_vit. "
                f"Received: format={header.get('format')}, this version reads {FORMAT}"
            )
        return _saved_state(header, raw)
    except DAMAGES as error:
        raise ValueError(f"{path} is damaged ({printable(str(error))}).") from None


def _saved_state(header, raw):
    variables = header["variables"]
    values = [
        _unpacked(raw, name, entry)
        for name, entry in zip(_names(v["group"] for v in variables), variables)
    ]
    names = [field.name for field in dataclasses.fields(Position)]
    position = Position(**{name: header[name] for name in names if name in header})
    rows = header["history"]
    if not is_integer(header["step"]) or header["step"] < 0:
        raise ValueError(f"step={header['step']!r}")
    numbers = [position.seconds, position.cpu_seconds]
    numbers += [value for row in rows for value in row.values()]
    if not isinstance(rows, list) or not all(map(is_number, numbers)):
        raise ValueError("its history is no list of rows of numbers")
    memory = [
        {key: _remembered(raw, f"memory/{n}/{key}", v) for key, v in one.items()}
        for n, one in enumerate(header.get("memory", []))
    ]
    return SavedState(position, variables, values, memory)


def last_state(folder):
    """The newest intact checkpoint, or `None` if there are none at all.

    Raises:
        ValueError: if there are checkpoints and every one is damaged.
    """
    paths = list_states(folder)
    problems = []
    for path in reversed(paths):
        try:
            return read_state(path)
        except ValueError as error:
            problems.append(str(error))
            logger.warning("%s Trying the one before it.", error)
    if problems:
        raise ValueError(
            "No checkpoint of this run can be read: "
            + " ".join(problems)
            + f" Delete {folder} to train from the beginning, or choose another folder."
        )
    return None
