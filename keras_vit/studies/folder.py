"""The folder of a study: its definition, its cells, and what they ended with."""

import contextlib
import dataclasses
import importlib.metadata
import os
import shutil
from pathlib import Path

import keras
import numpy as np

from keras_vit._version import __version__
from keras_vit.common.files import remove_leftovers, write_json
from keras_vit.common.locks import take
from keras_vit.common.wording import display
from keras_vit.studies.differing import differences
from keras_vit.studies.parts import Axis
from keras_vit.studies.study import Study
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.records import read_json

# Beside the run of a cell: for how long it has written nothing, while that lasts.
SILENT = "silent.json"

# What a cell ends with. Only the first two are results: others are tried again.
DONE, DIVERGED, FAILED, TOO_LARGE = STATES = "done", "diverged", "failed", "too large"
FINAL = (DONE, DIVERGED)

# What all cells of a folder share, whatever levels and seeds are added later.
_FIXED = ("name", "base", "arms", "pretrainings", "outcome")

# What study.json holds besides, which another session leaves as it is: the time and
# the estimate of each session, what the preset does otherwise than the paper, and the
# cells that were not run in the last one.
_KEPT = ("sessions", "changed", "not_run", "reason")


class StudyFolder:
    """The files of one study.

    Args:
        path: The folder. It need not exist.

    Example:

    >>> folder = StudyFolder("studies/data-size")
    >>> [result["test_accuracy"] for result in folder.read_results()]
    [48.3, 61.7]
    """

    def __init__(self, path):
        self.path = Path(path)
        self.record = self.path / "study.json"
        self.cells = self.path / "cells"

    def __str__(self):
        return display(self.path)

    def cell(self, name):
        """The folder of a cell."""
        return self.cells / name

    def run(self, name):
        """The `RunFolder` of a cell."""
        return RunFolder(self.cell(name) / "run")

    def begin(self, study):
        """Writes study.json, or finds out whether this study goes on here.

        Args:
            study: A `Study`. More levels and seeds than before are welcome.

        Returns:
            The `Study` of the folder: with the levels and seeds of both.

        Raises:
            ValueError: if another study is here; the message says what differs.
        """
        study = self.joined(study)
        self.path.mkdir(parents=True, exist_ok=True)
        self.write(study)
        return study

    def joined(self, study):
        """What `begin` would return; writes nothing."""
        if self.record.exists():
            return self._joined(self.read_study(), study)
        if RunFolder(self.path).is_taken():
            raise ValueError(
                f"{self} is not empty and holds no study: choose another folder."
            )
        return study

    def write(self, study, **more):
        """Writes study.json: the definition, the cells, and `more` beside them."""
        before = self.read() if self.record.exists() else {}
        record = {
            "study": study.to_json(),
            "cells": [cell.name for cell in study.cells()],
            "versions": _versions(),
            **{name: before[name] for name in _KEPT if name in before},
            **more,
        }
        if "paper" in study.presets and study.preset != "paper":
            record["changed"] = differences(study, study.with_preset("paper"))
        write_json(self.record, record, ensure_ascii=False)

    def read(self):
        """The content of study.json.

        Raises:
            ValueError: if there is none, or it is damaged.
        """
        if not self.record.is_file():
            raise ValueError(f"{self} is not the folder of a study: no study.json.")
        try:
            record = read_json(self.record)
            Study.from_json(record["study"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{display(self.record)} is damaged: {error}. Bring it back as it was."
            ) from None
        return record

    def read_study(self):
        """The `Study` of the folder."""
        return Study.from_json(self.read()["study"])

    def read_result(self, name):
        """What a cell ended with: its result.json; `None` where it has not ended.

        Raises:
            ValueError: if the file is damaged.
        """
        file = self.cell(name) / "result.json"
        if not file.is_file():
            return None
        try:
            result = read_json(file)
            if result["name"] != name or result["status"] not in STATES:
                raise ValueError(f"it says {result['name']!r}, {result['status']!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{display(file)} is damaged: {error}. Delete it: the cell is then "
                "evaluated again."
            ) from None
        return result

    def read_silence(self, name):
        """Seconds for which a cell that runs had written nothing, or `None`."""
        file = self.cell(name) / SILENT
        return read_json(file).get("seconds") if file.is_file() else None

    def is_running(self):
        """Whether a command runs the study now; so, too, where locks do not tell."""
        try:
            with open(self.path / ".lock") as file:
                return take(file) is not True
        except FileNotFoundError:
            return False

    def is_final(self, name):
        """Whether a cell has a result that stays."""
        found = self.read_result(name)
        return found is not None and found["status"] in FINAL

    def write_result(self, name, result):
        """Writes result.json of a cell, in one moment."""
        self.cell(name).mkdir(parents=True, exist_ok=True)
        write_json(self.cell(name) / "result.json", result, ensure_ascii=False)

    def read_results(self):
        """The results of all cells that have ended, in the order of the cells."""
        names = self.read()["cells"]
        return [found for name in names if (found := self.read_result(name))]

    def read_predictions(self, name):
        """The answers of a cell's model to the test images, in their order.

        Returns:
            Dictionary of `labels`, `predicted` and `confidence`, arrays `(N,)`.
        """
        with np.load(self.run(name).path / "predictions.npz") as file:
            return {key: file[key] for key in file.files}

    @contextlib.contextmanager
    def locked(self):
        """Keeps another command from running a study here; makes the folder.

        Raises:
            ValueError: if one does.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "a+") as file:
            if take(file) is False:
                raise ValueError(
                    f"Another process runs the study in {self}. Wait for it, or stop "
                    "it; more workers of one study are asked for with workers= "
                    "(--workers)."
                )
            remove_leftovers(self.path)
            yield

    def drop_model(self, name):
        """Deletes the weights of a finished cell; its answers stay."""
        run = self.run(name)
        run.model.unlink(missing_ok=True)
        shutil.rmtree(run.checkpoints, ignore_errors=True)

    def _joined(self, before, now):
        """The study with the levels and seeds of both; raises where they differ."""
        differences = list(_differences(before.to_json(), now.to_json()))
        if differences:
            raise ValueError(
                f"{self} holds another study:"
                + "".join(f"\n  {line}" for line in differences)
                + "\nLevels and seeds can be added to a folder; for other changes "
                "choose another one."
            )
        axis = now.axis
        if axis:
            levels = {**before.axis.levels, **axis.levels}
            ordered = dict(sorted(levels.items(), key=lambda level: level[1][0]))
            axis = Axis(axis.name, axis.unit, ordered)
        seeds = tuple(dict.fromkeys((*before.seeds, *now.seeds)))
        twice = before.length_check or now.length_check
        return dataclasses.replace(now, axis=axis, seeds=seeds, length_check=twice)


def _differences(before, now):
    """What two studies, as JSON, may not differ in: a line for each."""
    for name in _FIXED:
        yield from _compared(name, before[name], now[name])
    old, new = before["axis"], now["axis"]
    if (old and old["name"]) != (new and new["name"]):
        yield from _compared("axis", old and old["name"], new and new["name"])
    elif old:
        for label in old["levels"].keys() & new["levels"].keys():
            old_level, new_level = old["levels"][label], new["levels"][label]
            yield from _compared(f"level {label!r}", old_level, new_level)


def _compared(name, then, now):
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            yield from _compared(f"{name}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield f"{name}: {then!r} in the folder, {now!r} now"


def _versions():
    """The versions that matter to whoever reads the results."""
    found = {"keras_vit": __version__, "keras": keras.__version__}
    found["backend"] = keras.backend.backend()
    found["numpy"] = np.__version__
    for name in ("tensorflow", "tensorflow-cpu", "jax"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return {**found, "processors": os.cpu_count()}
