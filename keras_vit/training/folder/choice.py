"""Which folder a run is in: a new one, or that of a run that goes on."""

import re
from pathlib import Path

from keras_vit.training.folder.folder import RunFolder, last_run_folder, next_run_folder
from keras_vit.training.recipes.recipe import Recipe

# Where run folders go by default.
RUNS = Path("runs")


def find_run_to_resume(recipe, run=None):
    """The folder of a run that can go on, and its own recipe.

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
                f"There is no run to resume: none in {RUNS}/{run_name(recipe)}-N. "
                "Name the run folder, or start a new run without resuming."
            )
    else:
        folder = RunFolder(run)
    if not folder.is_run():
        raise ValueError(
            f"There is no run to resume in {folder}: it has no run.json. Start a new "
            "run without resuming."
        )
    return folder, Recipe.from_json(folder.read_record()["recipe"])


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
    if folder.is_taken():
        rest = "resume it, or choose" if folder.is_run() else "choose"
        raise ValueError(f"{folder} exists and is not empty: {rest} another folder.")
    folder.path.mkdir(parents=True, exist_ok=True)
    return folder


def run_name(recipe):
    """The beginning of the default folder's name: data set, model, pretraining."""
    data = Path(recipe.data).resolve().name if "/" in recipe.data else recipe.data
    masked = "-masked" if recipe.masked_target is not None else ""
    return re.sub(r"[^\w.-]+", "_", f"{data}-{recipe.model}{masked}")


def check_same(folder, own, given):
    """Raises unless a run would go on with the recipe that it was started with."""
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
