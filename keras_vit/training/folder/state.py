"""Training state on disk: everything that a run needs to go on as if never stopped.

A checkpoint is one `.npz` file: every variable of the model (with the states of its
random seeds, which `.keras` files leave out), of the optimizer and of the metrics,
and a JSON header with the position in the run and the history so far. The last two
are kept, so that a damaged one does not end a run.
"""

import dataclasses
import json
import logging
import re
import zipfile

import keras
import numpy as np

from keras_vit.common.files import replacing
from keras_vit.devices import current

logger = logging.getLogger(__name__)

FORMAT = 1
KEEP = 2


@dataclasses.dataclass
class Position:
    """How far a run has come."""

    # Updates done.
    step: int = 0
    # One dictionary per finished epoch.
    history: list = dataclasses.field(default_factory=list)
    # Wall-clock and processor seconds, over all sessions.
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def state_variables(model):
    """The variables of a compiled and built model, by group.

    `model.variables` holds the states of the seed generators, which
    `model.weights` and `.keras` files do not.
    """
    return {
        "model": list(model.variables),
        "optimizer": list(model.optimizer.variables),
        "metrics": list(model.metrics_variables),
    }


def save_checkpoint(folder, model, position):
    """Writes a checkpoint and removes all but the last two.

    Where several processes train, all must call it, and the first one writes.

    Args:
        folder: `pathlib.Path` of the checkpoints.
        model: A compiled Keras model.
        position: A `Position`.
    """
    devices = current()
    # Every process must take part: some hold a piece of a variable, or a sum of it.
    groups = state_variables(model).items()
    groups = {name: (members, devices.values(members)) for name, members in groups}
    if not devices.is_chief:
        return
    folder.mkdir(exist_ok=True)
    arrays, variables = {}, []
    for group, (members, values) in groups.items():
        for index, (variable, value) in enumerate(zip(members, values)):
            entry = {
                "group": group,
                "path": variable.path,
                "shape": list(value.shape),
                "dtype": value.dtype.name,
            }
            variables.append(entry)
            # As bytes: NumPy's format does not know bfloat16.
            value = np.ascontiguousarray(value).reshape(-1)
            arrays[f"{group}/{index}"] = value.view(np.uint8)
    header = dataclasses.asdict(position)
    header.update(format=FORMAT, variables=variables)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(folder / f"step-{position.step:09d}.npz") as temporary:
        np.savez(temporary, **arrays)
    for path in list_checkpoints(folder)[:-KEEP]:
        path.unlink(missing_ok=True)


def list_checkpoints(folder):
    """The checkpoints of a folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if re.fullmatch(r"step-\d{9,}\.npz", path.name)
    )


@dataclasses.dataclass
class Checkpoint:
    """A checkpoint in memory, to be put into a model with `restore`."""

    position: Position
    arrays: dict
    variables: list

    def restore(self, model):
        """Assigns every variable of a compiled and built model.

        Raises:
            ValueError: if the variables of the model are not those of the file.
        """
        expected = state_variables(model)
        found = [(v["group"], tuple(v["shape"]), v["dtype"]) for v in self.variables]
        wanted = [
            (group, tuple(v.shape), keras.backend.standardize_dtype(v.dtype))
            for group, members in expected.items()
            for v in members
        ]
        if found != wanted:
            mine = {v["path"] for v in self.variables}
            theirs = {v.path for members in expected.values() for v in members}
            raise ValueError(
                "The checkpoint belongs to another model or optimizer. "
                f"Only in the file: {sorted(mine - theirs)[:5]}. "
                f"Only in the model: {sorted(theirs - mine)[:5]}."
            )
        for group, members in expected.items():
            for index, variable in enumerate(members):
                current().assign(variable, self.arrays[f"{group}/{index}"])


def read_checkpoint(path):
    """Reads and checks one file.

    Raises:
        ValueError: if the file is damaged, or of another format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            # Reading a member checks its checksum.
            raw = {name: file[name] for name in file.files}
        header = json.loads(raw.pop("header").tobytes())
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}).") from None
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} was written by another version of keras_vit. "
            f"Received: format={header.get('format')}, this version reads {FORMAT}"
        )
    arrays, counts = {}, {}
    for entry in header["variables"]:
        index = counts.get(entry["group"], 0)
        counts[entry["group"]] = index + 1
        name = f"{entry['group']}/{index}"
        dtype = _numpy_dtype(entry["dtype"])
        arrays[name] = raw[name].view(dtype).reshape(entry["shape"])
    names = [field.name for field in dataclasses.fields(Position)]
    position = Position(**{name: header[name] for name in names})
    return Checkpoint(position, arrays, header["variables"])


def last_checkpoint(folder):
    """The newest checkpoint that is whole, or `None` where there is none at all.

    Raises:
        ValueError: if there are checkpoints and every one is damaged.
    """
    paths = list_checkpoints(folder)
    problems = []
    for path in reversed(paths):
        try:
            return read_checkpoint(path)
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


def _numpy_dtype(name):
    if name == "bfloat16":
        import ml_dtypes  # comes with every backend of Keras

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
