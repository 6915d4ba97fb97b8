"""`Grid`: the cells of a study's folder, with what has come of them so far."""

import itertools
import zipfile

import numpy as np

from keras_vit.common.wording import display
from keras_vit.studies.folder import DONE, StudyFolder

NOT_RUN = "not run"


class Grid:
    """A study as it stands in its folder: read once, never written.

    Args:
        folder: Path of a study's folder.

    Attributes:
        record: Content of study.json.
        study: The `Study`.
        cells: All its cells, whether they were run or not.
        silent: Names of cells that may hang, to seconds without a sign of them; none
            where no command runs the study.
    """

    def __init__(self, folder):
        self.folder = StudyFolder(folder)
        self.record = self.folder.read()
        self.study = self.folder.read_study()
        self.cells = self.study.cells()
        self._names = {(c.arm, c.level, c.seed): c.name for c in self.cells}
        silent = ((c.name, self.folder.read_silence(c.name)) for c in self.cells)
        silent = {name: seconds for name, seconds in silent if seconds}
        # A command that was killed has left them behind.
        self.silent = silent if silent and self.folder.is_running() else {}
        found = ((c.name, self.folder.read_result(c.name)) for c in self.cells)
        self._predictions = {}
        self.results = {name: result for name, result in found if result}

    def result(self, *place):
        """result.json of the cell at (arm, level, seed), or `None`."""
        return self.results.get(self._names.get(place))

    def state(self, *place):
        """`"done"`, `"diverged"`, `"failed"`, `"too large"` or `"not run"`."""
        result = self.result(*place)
        return NOT_RUN if result is None else result["status"]

    def outcome(self, *place):
        """The outcome of a cell that is done, percent; NaN of any other."""
        if self.state(*place) != DONE:
            return np.nan
        return float(self.result(*place)["outcome"])

    def outcomes(self, arm, level):
        """The outcomes of all seeds, `(S,)`, NaN where there is none."""
        return np.array([self.outcome(arm, level, seed) for seed in self.study.seeds])

    def predictions(self, *place):
        """Labels and predicted classes `(N,)` of a cell that is done, or `None`."""
        if self.state(*place) != DONE:
            return None
        name = self._names[place]
        if name not in self._predictions:
            self._predictions[name] = self._read_predictions(name)
        return self._predictions[name]

    def _read_predictions(self, name):
        try:
            found = self.folder.read_predictions(name)
            return found["labels"], found["predicted"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{display(self.folder.run(name).path / 'predictions.npz')} is damaged:"
                f" {error}. Delete the cell's folder, and run the study again."
            ) from None

    def right(self, *place):
        """Which test images a cell got right, `(N,)` booleans, or `None`."""
        found = self.predictions(*place)
        return None if found is None else found[0] == found[1]

    def sees_same_images(self, one, other):
        """Whether two cells were tested on the same images, as far as is known."""
        results = self.result(*one), self.result(*other)
        prints = [(r.get("fingerprints") or {}).get("test") for r in results]
        found = self.predictions(*one), self.predictions(*other)
        if None not in found and not np.array_equal(found[0][0], found[1][0]):
            return False
        return None in prints or prints[0] == prints[1]

    def obstacles(self, arms, levels):
        """Why nothing is called of these cells: texts such as `"vit/...: failed"`."""
        return self.obstacles_at(self.places(arms, levels))

    def obstacles_at(self, places):
        """The same of cells at some (arm, level, seed)."""
        for place in places:
            state, name = self.state(*place), self._names[place]
            if state not in (DONE, NOT_RUN):
                yield f"{name} {_was(state)}"
            elif state == DONE and self.result(*place).get("mixed"):
                yield f"{name} ran on several kinds of machines"

    def places(self, arms, levels=None):
        """(arm, level, seed) of all cells of some arms, at some or all levels."""
        levels = self.study.levels if levels is None else levels
        return itertools.product(arms, levels, self.study.seeds)


def _was(state):
    return state if state in ("diverged", "failed") else f"was {state}"
