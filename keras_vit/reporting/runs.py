"""Tables and plots that compare training runs."""

import dataclasses
import json
import logging
import math
from pathlib import Path

from keras_vit.common.checks import check_choice, is_number
from keras_vit.common.figures import new_figure, save_figure, unformatted
from keras_vit.common.regular import read_regular
from keras_vit.common.tables import Table, as_csv
from keras_vit.common.wording import as_clock, percent
from keras_vit.reporting.folds import read_folds
from keras_vit.training.folder.folder import RunFolder

logger = logging.getLogger(__name__)

# Folders of runs may hold folders of runs, so many deep.
DEPTH = 3

# The columns that only runs of some task have, with their titles.
OF_TASKS = {"mean_ap": "mean AP", "mean_iou": "mean IoU", "ap50": "AP50"}

# Where higher is better, the best comes first.
DESCENDING = ("accuracy", "mean_ap", "mean_iou", "ap50", "images_per_second")


@dataclasses.dataclass(frozen=True)
class Run:
    """One run folder: a row of the table. `None` where the folder does not say."""

    # The folder, as seen from the one that was searched.
    name: str
    data: str
    model: str
    params: int | None
    # Epochs done, and those of the whole run.
    epochs: int
    planned_epochs: int | None
    # "finished", "running", "interrupted", "failed" or "prepared"; of the row of a
    # cross-validation as a whole the number of its folds.
    status: str
    # Accuracy of the model on the images of `judged`, in [0, 1]. Those of the test have
    # their place in evaluation.json; else after the last epoch, or the best one where
    # a callback chose that. Of segmentation that of pixels.
    accuracy: float | None
    # Mean average precision of several labels an image, in [0, 1], of the test's, from
    # evaluation.json.
    mean_ap: float | None
    # Mean IoU of the test's masks at their own sizes, in [0, 1], as evaluation.json has
    # it; of evaluated runs of segmentation. That of history.csv is at the network's.
    mean_iou: float | None
    # COCO's average precision at IoU 0.5 on the test's boxes, in [0, 1], from
    # evaluation.json; of runs of detection.
    ap50: float | None
    # Wall-clock seconds of training and evaluation; of finished runs.
    seconds: float | None
    # Training images in each of these seconds.
    images_per_second: float | None
    # Which images `accuracy` is of: "test" or, of a run with a validation part that was
    # not evaluated, "validation".
    judged: str
    # The rows of history.csv.
    history: list = dataclasses.field(repr=False)
    # Why a failed run ended.
    error: str | None = None

    def to_json(self):
        """The row as a dictionary that JSON can hold, without the history."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = [f.name for f in dataclasses.fields(Run) if f.name != "history"]


class RunTable(Table):
    """A list of `Run` that prints as a table.

    Attributes:
        skipped: List of pairs `(folder, reason)`: folders that hold no run, and runs
            that cannot be read.
    """

    left = (0, 1, 2, 5)

    def __init__(self, runs=(), skipped=()):
        super().__init__(runs)
        self.skipped = list(skipped)

    @property
    def header(self):
        """The names of the columns; those of `OF_TASKS` only where a run has them."""
        names = "name data model params epochs status accuracy".split()
        return [*names, *self._dense.values(), "time", "images/s"]

    @property
    def _dense(self):
        """The columns that some runs have, with their names."""
        return {
            name: title
            for name, title in OF_TASKS.items()
            if any(getattr(run, name) is not None for run in self)
        }

    def sorted(self, column="name", reverse=False):
        """The same rows in another order.

        Args:
            column: Name of a column. Of accuracy and speed the highest comes first,
                of everything else the lowest.
            reverse: Boolean, whether to turn that round.

        Returns:
            A `RunTable`. Rows that do not know the value come last.
        """
        check_choice(column, COLUMNS, "column")
        known = [run for run in self if getattr(run, column) is not None]
        rest = [run for run in self if getattr(run, column) is None]
        downwards = (column in DESCENDING) != reverse
        known.sort(key=lambda run: getattr(run, column), reverse=downwards)
        return RunTable([*known, *rest], self.skipped)

    def cells(self, run):
        """The texts of one row."""
        epochs = str(run.epochs)
        if run.planned_epochs not in (None, run.epochs):
            epochs += f"/{run.planned_epochs}"
        speed = run.images_per_second
        of_validation = run.judged == "validation" and run.accuracy is not None
        return [
            run.name,
            run.data,
            run.model,
            "–" if run.params is None else f"{run.params:,}",
            epochs,
            run.status,
            percent(run.accuracy) + (" val" if of_validation else ""),
            *(percent(getattr(run, name)) for name in self._dense),
            "–" if run.seconds is None else as_clock(run.seconds),
            "–" if speed is None else f"{speed:.0f}",
        ]

    def to_csv(self):
        """The table as CSV text, numbers in full."""
        return as_csv(COLUMNS, (run.to_json().values() for run in self))


def compare_runs(folder):
    """Reads every run below a folder.

    Args:
        folder: Path of a folder of run folders, which may lie in folders of their
            own, or of a single run.

    Returns:
        A `RunTable` in the order of the names. What is no run, or a broken one, is in
        its `skipped`.

    Raises:
        ValueError: if there is no such folder.

    Example:

    >>> print(compare_runs("runs").sorted("accuracy"))
    """
    top = Path(folder).expanduser()
    if not top.is_dir():
        raise ValueError(f"There is no folder {top}. Give the folder of your runs.")
    runs, skipped = [], []
    _search(top, top, DEPTH, runs, skipped)
    return RunTable(runs, skipped)


def _search(path, top, depth, runs, skipped):
    """Whether there is a run in or below a folder, broken ones counted."""
    if RunFolder(path).is_run():
        try:
            runs.append(_read(path, top))
        except (ValueError, OSError) as error:
            skipped.append((str(path), f"broken: {error}"))
        return True
    _add_folds(path, top, runs, skipped)
    below = [p for p in sorted(path.iterdir()) if p.is_dir() and p.name[0] != "."]
    found = [_search(p, top, depth - 1, runs, skipped) for p in below] if depth else []
    if path != top and not any(found):
        # One line for the whole folder, not one for each that it holds.
        inside = str(path) + "/"
        skipped[:] = [entry for entry in skipped if not entry[0].startswith(inside)]
        skipped.append((str(path), "no run: there is no run.json"))
    return any(found)


def _add_folds(path, top, runs, skipped):
    """Adds a row of a cross-validation as a whole, if one lies in the folder."""
    try:
        found = read_folds(path)
    except (ValueError, OSError) as error:
        skipped.append((str(path), f"broken: {error}"))
        return
    if found is None:
        return
    record, folders = found
    runs.append(
        Run(
            name=_name(path, top),
            data=record.get("data", ""),
            model=record.get("model", ""),
            params=None,
            epochs=0,
            planned_epochs=None,
            status=f"{len(folders)} folds",
            accuracy=record.get("accuracy"),
            mean_ap=record.get("mean_ap"),
            mean_iou=record.get("mean_iou"),
            ap50=None,
            seconds=None,
            images_per_second=None,
            judged="test",
            history=[],
        )
    )


def _name(path, top):
    return str(path.relative_to(top)) if path != top else path.resolve().name


def _read(path, top):
    folder = RunFolder(path)
    record = folder.read_record()
    recipe, resolved = record["recipe"], record.get("resolved", {})
    rows = folder.read_history() if folder.history.exists() else []
    result = record.get("result", {})
    seconds = result.get("seconds")
    steps = resolved.get("total_steps") or len(rows) * resolved.get(
        "steps_per_epoch", 0
    )
    images = record.get("cost", {}).get("images")
    if images is None and steps and "batch_size" in resolved:
        images = steps * resolved["batch_size"]
    last = result.get("epoch") or len(rows)
    row = next((row for row in rows if row["epoch"] == last), {})
    judged, tested = "test", None
    if "validation" in record.get("data", {}):
        tested = _evaluated(folder, "accuracy")
        judged = "validation" if tested is None else "test"
    return Run(
        name=_name(path, top),
        data=recipe["data"],
        model=recipe["model"],
        params=resolved.get("parameters"),
        epochs=len(rows),
        planned_epochs=recipe.get("epochs"),
        status=record["status"],
        accuracy=_known(row.get("val_accuracy")) if tested is None else tested,
        judged=judged,
        mean_ap=_evaluated(folder, "mean_ap"),
        mean_iou=_evaluated(folder, "mean_iou"),
        ap50=_evaluated(folder, "AP50"),
        seconds=seconds,
        images_per_second=images / seconds if images and seconds else None,
        history=rows,
        error=record.get("error"),
    )


def _evaluated(folder, name):
    """A number of the evaluation of a run; `None` of other tasks, and without one."""
    if not folder.evaluation.exists():
        return None
    found = json.loads(read_regular(folder.evaluation))
    value = found.get(name) if isinstance(found, dict) else "nothing"
    if value is not None and not is_number(value):
        raise ValueError(f"evaluation.json must be one of `train`. It holds: {value!r}")
    return value


def _known(value):
    return None if value is None or math.isnan(value) else value


def plot_runs(runs, path):
    """Draws accuracy and loss of runs over their epochs, as they were judged.

    Those are of the validation images of a run or, where it has none, of the test's.

    Args:
        runs: A `RunTable` or list of `Run`; those without an epoch are left out.
        path: Path of the picture; its ending decides the format.

    Raises:
        ValueError: if no run has finished an epoch.
        ImportError: without matplotlib, saying how to install it.
    """
    drawn = [run for run in runs if run.history]
    if not drawn:
        raise ValueError(
            f"No run has finished an epoch. Received: {len(runs)} runs without a row"
        )
    figure = new_figure(11, 4.2)
    from matplotlib.ticker import MaxNLocator

    for axes, key in zip(figure.subplots(1, 2), ("val_accuracy", "val_loss")):
        for run in drawn:
            points = [(row["epoch"], row[key]) for row in run.history if key in row]
            # Names that begin with "_" would be left out of the legend.
            label = " " + unformatted(run.name)
            axes.plot(*zip(*points) if points else ((), ()), ".-", label=label)
        axes.set(xlabel="epoch", title=key)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    lines, labels = axes.get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside right center", fontsize="small")
    save_figure(figure, path)
