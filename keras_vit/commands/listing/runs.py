"""The command `keras-vit runs`."""

import dataclasses
from pathlib import Path
from typing import Literal

import tyro

from keras_vit.commands.judging.advice import print_advice
from keras_vit.reporting.runs import COLUMNS, compare_runs, plot_runs
from keras_vit.terminal import complain, show


@dataclasses.dataclass
class Runs:
    """Compare run folders in a table, and optionally in a plot.

    Folders that hold no run, and runs that cannot be read, are named on stderr and
    left out.
    """

    # Folder that holds the run folders.
    folder: tyro.conf.Positional[Path] = Path("runs")
    # Column to sort by; accuracy and images/s put the highest first.
    sort: Literal[tuple(COLUMNS)] = "name"
    # Reverse the order.
    reverse: tyro.conf.FlagCreatePairsOff[bool] = False
    # Output format.
    format: Literal["text", "json", "csv"] = "text"
    # Plot test accuracy and loss over the epochs to this file, such as runs.png.
    plot: Path | None = None

    def __call__(self):
        table = compare_runs(self.folder).sorted(self.sort, self.reverse)
        for folder, reason in table.skipped:
            complain(f"{folder}: {reason}")
        for run in table:
            if run.status == "failed" and run.error:
                complain(f"{run.name} failed: {run.error}")
        if not table:
            raise ValueError(f"There is no run in {self.folder}.")
        show(table, self.format)
        if self.format == "text" and (self.folder / "run.json").is_file():
            print_advice(self.folder)
        if self.plot is not None:
            plot_runs(table, self.plot)
        return 0
