"""Run folders side by side: what was trained, and how good it became."""

import csv
import dataclasses
import io
import logging
import math
from pathlib import Path

from keras_vit.common.files import replacing
from keras_vit.training.folder.folder import RunFolder

logger = logging.getLogger(__name__)

# Folders of runs may hold folders of runs, so many deep.
DEPTH = 3

# Where higher is better, the best comes first.
DESCENDING = ("accuracy", "images_per_second")


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
    # "finished", "running", "interrupted" or "prepared".
    status: str
    # Test accuracy after the last epoch, in [0, 1].
    accuracy: float | None
    # Wall-clock seconds of training and evaluation; of finished runs.
    seconds: float | None
    # Training images in each of these seconds.
    images_per_second: float | None
    # The rows of history.csv.
    history: list = dataclasses.field(repr=False)

    def to_json(self):
        """The row as a dictionary that JSON can hold, without the history."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = [f.name for f in dataclasses.fields(Run) if f.name != "history"]


class RunTable(list):
    """A list of `Run` that prints as a table.

    Attributes:
        skipped: List of pairs `(folder, reason)`: folders that hold no run, and runs
            that cannot be read.
    """

    def __init__(self, runs=(), skipped=()):
        super().__init__(runs)
        self.skipped = list(skipped)

    def sorted(self, column="name", reverse=False):
        """The same rows in another order.

        Args:
            column: Name of a column. Of accuracy and speed the highest comes first,
                of everything else the lowest.
            reverse: Boolean, whether to turn that round.

        Returns:
            A `RunTable`. Rows that do not know the value come last.
        """
        if column not in COLUMNS:
            raise ValueError(
                f"`column` must be one of {', '.join(COLUMNS)}. Received: {column!r}"
            )
        known = [run for run in self if getattr(run, column) is not None]
        rest = [run for run in self if getattr(run, column) is None]
        downwards = (column in DESCENDING) != reverse
        known.sort(key=lambda run: getattr(run, column), reverse=downwards)
        return RunTable([*known, *rest], self.skipped)

    def __str__(self):
        header = "name data model params epochs status accuracy time images/s".split()
        rows = [header, *(_cells(run) for run in self)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        left = (0, 1, 2, 5)
        return "\n".join(
            "  ".join(
                text.ljust(width) if place in left else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths))
            ).rstrip()
            for row in rows
        )

    def to_csv(self):
        """The table as CSV text, numbers in full."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(run.to_json() for run in self)
        return text.getvalue()


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
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            skipped.append((str(path), f"broken: {str(error) or type(error).__name__}"))
        return True
    below = [p for p in sorted(path.iterdir()) if p.is_dir() and p.name[0] != "."]
    found = [_search(p, top, depth - 1, runs, skipped) for p in below] if depth else []
    if path != top and not any(found):
        # One line for the whole folder, not one for each that it holds.
        inside = str(path) + "/"
        skipped[:] = [entry for entry in skipped if not entry[0].startswith(inside)]
        skipped.append((str(path), "no run: there is no run.json"))
    return any(found)


def _read(path, top):
    folder = RunFolder(path)
    record = folder.read_record()
    recipe, resolved = record["recipe"], record.get("resolved", {})
    rows = folder.read_history() if folder.history.exists() else []
    seconds = record.get("result", {}).get("seconds")
    steps, size = resolved.get("steps_per_epoch"), resolved.get("batch_size")
    speed = None
    if seconds and steps and size:
        speed = len(rows) * steps * size / seconds
    accuracy = rows[-1].get("val_accuracy") if rows else None
    return Run(
        name=str(path.relative_to(top)) if path != top else path.resolve().name,
        data=str(recipe["data"]),
        model=str(recipe["model"]),
        params=resolved.get("parameters"),
        epochs=len(rows),
        planned_epochs=recipe.get("epochs"),
        status=str(record["status"]),
        accuracy=None if accuracy is None else float(accuracy),
        seconds=seconds,
        images_per_second=speed,
        history=rows,
    )


def _cells(run):
    planned = run.planned_epochs
    epochs = str(run.epochs) if planned in (None, run.epochs) else None
    return [
        run.name,
        run.data,
        run.model,
        "–" if run.params is None else f"{run.params:,}",
        epochs or f"{run.epochs}/{planned}",
        run.status,
        "–" if run.accuracy is None else f"{100 * run.accuracy:.2f} %",
        "–" if run.seconds is None else _duration(run.seconds),
        "–" if run.images_per_second is None else f"{run.images_per_second:.0f}",
    ]


def _duration(seconds):
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def plot_runs(runs, path):
    """Draws test accuracy and test loss of runs over their epochs.

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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise ImportError(
            "A plot needs matplotlib: pip install 'keras-vision-transformer[train]'"
        ) from None
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, key in zip(figure.subplots(1, 2), ("val_accuracy", "val_loss")):
        for run in drawn:
            points = [(row["epoch"], row[key]) for row in run.history if key in row]
            # Names that begin with "_" would be left out of the legend.
            axes.plot(*zip(*points) if points else ((), ()), ".-", label=f" {run.name}")
        axes.set(xlabel="epoch", title=key.replace("val_", "test "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    lines, labels = axes.get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside right center", fontsize="small")
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary, dpi=110)
