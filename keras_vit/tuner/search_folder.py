"""The folder of a search: its settings, its trials and its results."""

import contextlib
import dataclasses
from pathlib import Path

from keras_vit.common.files import write_json
from keras_vit.common.wording import display
from keras_vit.training.folder.folder import RunFolder
from keras_vit.tuner.records import DamagedRecord, read_object, understanding
from keras_vit.tuner.settings import SearchSettings

# In the folder of a trial, what it ended with.
OUTCOME = "outcome.json"


def run_of_trial(folder):
    """The run folder of a trial."""
    return Path(folder) / "run"


@dataclasses.dataclass(frozen=True)
class TrialRow:
    """One trial and its progress."""

    name: str
    # RUNNING, COMPLETED, FAILED, or INVALID between two attempts.
    status: str
    # The objective; `None` before the trial has ended well.
    score: float | None
    # Field to value.
    values: dict
    # Passes over the training images so far.
    epochs: int
    # Weights of the model; `None` before the trial has ended.
    parameters: int | None
    # Why it failed, or `None`.
    error: str | None

    @property
    def has_ended(self):
        """Whether nothing of the trial is left to be run."""
        return self.status in ("COMPLETED", "FAILED")


class SearchFolder:
    """The files of one search.

    Args:
        path: The folder. It need not exist.

    Example:

    >>> folder = SearchFolder("searches/first")
    >>> folder.best.values
    {'learning_rate': 0.00213, 'augment': 'crop_flip'}
    """

    def __init__(self, path):
        self.path = Path(path)
        self.settings_file = self.path / "search.json"
        self.oracle_file = self.path / "oracle.json"
        self.best_recipe = self.path / "best_recipe.json"
        self.table = self.path / "trials.csv"
        self.plot = self.path / "parallel_coordinates.png"
        self.logs = self.path / "logs"
        self.workers = self.path / "workers"
        # The opened place of the data, where this process has looked for its files.
        self.place = None

    def __str__(self):
        return str(self.path)

    def trial(self, name):
        """The folder of a trial."""
        return self.path / f"trial_{name}"

    def is_taken(self):
        """Whether there is anything under this name, a lock left behind apart."""
        return RunFolder(self.path).is_taken()

    def discard_if_unused(self):
        """Removes the folder again if there is nothing in it."""
        RunFolder(self.path).discard_if_unused()

    def locked(self):
        """Keeps other processes from searching in this folder, until this one ends."""
        return RunFolder(self.path).locked()

    def settings(self):
        """The `SearchSettings`.

        Raises:
            ValueError: if the folder holds none.
        """
        if not self.settings_file.exists():
            raise ValueError(
                f"{display(self)} is not the folder of a search: it has no "
                f"{self.settings_file.name}. Start one there, without resuming."
            )
        values = read_object(self.settings_file)
        with understanding(self.settings_file):
            return SearchSettings.from_json(values)

    @property
    def rejected(self):
        """The number of rejected draws: over the budget, or contradictory."""
        return _read(self.oracle_file).get("rejected", 0)

    def trials(self, settings=None):
        """All trials that have begun, as `TrialRow`, the earliest first."""
        settings = self.settings() if settings is None else settings
        folders = sorted(self.path.glob("trial_*"))
        rows = (_row(folder, settings) for folder in folders)
        return [row for row in rows if row is not None]

    def ranked(self):
        """The successful trials, as `TrialRow`, the best one first."""
        settings = self.settings()
        rows = [row for row in self.trials(settings) if row.status == "COMPLETED"]
        highest = not settings.objective.endswith("loss")
        return sorted(rows, key=lambda row: row.score, reverse=highest)

    @property
    def best(self):
        """The best `TrialRow`; `None` as long as no trial has succeeded."""
        return next(iter(self.ranked()), None)

    def write_best_recipe(self):
        """Writes the best recipe, for `keras-vit train --recipe`, and returns it.

        Its length is that of the recipe that was searched around, and the images that
        were held out belong to its training images again.
        """
        settings, best = self.settings(), self.best
        recipe = settings.recipe_with(best.values)
        found = {
            "recipe": recipe.to_json(),
            "search": str(self),
            "trial": best.name,
            settings.objective: best.score,
        }
        write_json(self.best_recipe, found)
        return recipe


def _row(folder, settings):
    state = _read(folder / "trial.json")
    if not state:
        return None
    outcome = _read(folder / OUTCOME)
    rows = []
    with contextlib.suppress(OSError, ValueError, TypeError):
        rows = RunFolder(run_of_trial(folder)).read_history()
    with understanding(folder / OUTCOME):
        # Exact, where KerasTuner's has been sent in single precision.
        score = outcome.get("metrics", {}).get(settings.objective)
        ended = state.get("status") == "COMPLETED"
        if ended and not isinstance(score, int | float):
            raise DamagedRecord(folder / OUTCOME, f"it lacks {settings.objective!r}")
    with understanding(folder / "trial.json"):
        return TrialRow(
            name=state["trial_id"],
            status=state["status"],
            score=score if ended else None,
            values=settings.values(state["hyperparameters"]["values"]),
            epochs=len(rows),
            parameters=outcome.get("parameters"),
            error=outcome.get("error") if state["status"] == "FAILED" else None,
        )


def _read(path):
    """The object in a JSON file; empty where there is none."""
    return read_object(path) if path.exists() else {}
