"""Finds the folders of runs: new ones, those of seeds, and one to resume."""

import os
import re
from pathlib import Path

from keras_vit.common.wording import file_name
from keras_vit.data.readers.leftovers import RUNS
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.records import recipe_of

# Bytes of a default folder's name, without its number.
LONGEST = 120


def find_run_to_resume(recipe, run=None):
    """The folder of a run to resume, and its own recipe.

    Args:
        recipe: A `Recipe`; where `run` is `None`, of this data and model.
        run: Path of the run folder. Defaults to the last one.

    Returns:
        `(folder, recipe)`.

    Raises:
        ValueError: if there is no such run.
    """
    if run is None:
        folder = last_run_folder(RUNS, run_name(recipe))
        if folder is None:
            raise ValueError(
                f"There is no run to resume in {RUNS}/{run_name(recipe)}-N. "
                "Name the run folder, or start a new run without resuming."
            )
    else:
        folder = RunFolder(run)
    if not folder.is_run():
        raise ValueError(
            f"There is no run to resume in {folder}: it has no run.json, so nothing "
            "was trained there. Start the run: the same without resuming (--resume)."
        )
    return folder, recipe_of(folder.read_record(), folder.record)


def new_folder(recipe, run=None):
    """An empty folder for a new run.

    Args:
        recipe: A `Recipe`, for the default name.
        run: Path. Defaults to `runs/<data>-<model>-<number>`.

    Raises:
        ValueError: if the folder holds something.
    """
    if run is None:
        return next_run_folder(RUNS, run_name(recipe))
    folder = RunFolder(run)
    check_free(folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    return folder


def check_free(folder):
    """Raises a `ValueError` if a `RunFolder` holds something."""
    if folder.is_taken():
        rest = "resume it, or choose" if folder.is_run() else "choose"
        raise ValueError(f"{folder} exists and is not empty: {rest} another folder.")


def run_name(recipe):
    """The beginning of the default folder's name: data set, model, pretraining.

    Of a data set with a long name the beginning: file systems take 255 bytes of a name.
    """
    data, split = recipe.data, ""
    if not os.path.exists(data):
        data, split = data.partition(":")[0], "".join(data.partition(":")[1:])
    if "/" in data or os.path.isdir(data):  # also one that is called . or ..
        data = Path(data).resolve().name or "data"
    data += split
    masked = "-masked" if recipe.masked_target is not None else ""
    end = _plain(f"-{recipe.model}{masked}")
    return file_name(_plain(data), end, most=LONGEST)


def _plain(text):
    """A text as part of a folder's name."""
    return re.sub(r"[^\w.-]+", "_", text)


def check_same(folder, own, given):
    """Raises unless a run would be resumed with the recipe that it was started with."""
    differences = own.diff(given)
    if differences.get("dtype") == ("float32", "auto"):
        del differences["dtype"]  # as older runs said it
    if not differences:
        return
    lines = "".join(
        f"\n  {name}: {old!r} in the run, {new!r} now"
        for name, (old, new) in differences.items()
    )
    why = (
        "\nMore or fewer epochs change the learning rate of every update, so that "
        "would be another run."
        if "epochs" in differences
        else ""
    )
    raise ValueError(
        f"The run in {folder} was started with other settings:{lines}{why}\n"
        "Resume it with its own settings, or start a new run in another folder."
    )


def next_run_folder(parent, name):
    """Makes `parent/name-N` with the next free number N.

    Two processes never get the same folder.
    """
    number = max((n for n, _ in _numbered(parent, name)), default=0) + 1
    while True:
        path = Path(parent) / f"{name}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
            continue
        return RunFolder(path)


def last_run_folder(parent, name):
    """The run in the folder `parent/name-N` with the highest number, or `None`."""
    folders = [RunFolder(path) for _, path in sorted(_numbered(parent, name))]
    runs = [folder for folder in folders if folder.is_run()]
    return runs[-1] if runs else None


def seed_folder(parent, seed):
    """The folder of one of several runs that differ by their seed."""
    return Path(parent) / f"seed-{seed}"


def fold_folder(parent, place):
    """The folder of one fold of a cross-validation, counted from 1."""
    return Path(parent) / f"fold-{place}"


def find_seeds(parent):
    """The runs in the folders `parent/seed-N`: paths, in the order of the seeds."""
    found = sorted(_numbered(parent, "seed"))
    return [path for _, path in found if RunFolder(path).is_run()]


def _numbered(parent, name):
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    parent = Path(parent)
    for path in parent.iterdir() if parent.is_dir() else ():
        match = pattern.fullmatch(path.name)
        if match:
            yield int(match[1]), path
