"""The command `keras-vit reproduce`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.commands.training.options import setting
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import as_duration
from keras_vit.terminal import WrongUsage, show

CONFIRM = 3600  # seconds from which a run needs --yes


@dataclasses.dataclass
class Reproduce:
    """Reproduce a published value: its run, ten checks, the cost, and a verdict.

    Without words: what can be reproduced, and what it would cost on this machine. With
    the id of a published value, or a model and a task such as vit_b16 cifar10: all that
    was published of it, the ten commonest causes of another number, the cost, then
    the runs and reproduce.html. Classes: A, a published file is tested; B, it is
    fine-tuned; C, a model learns from public data; D, the data are private.
    """

    # A published value's id, or a model and a task.
    words: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[ROW | MODEL TASK]"),
    ] = ()
    # Changes of the published recipe, FIELD=VALUE, as in batch_size=64; the checks name
    # what they do to the comparison.
    set: tuple[str, ...] = ()
    # A file or run folder in the place of the published weights; none for random ones.
    weights: str | None = None
    # Data in the place of the published ones: a name or a folder, as for train.
    data: str | None = None
    # Where TFDS keeps its data sets.
    data_dir: str | None = None
    # Of a model and a task, take the shortest published run.
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    # Number of runs of a training; three are needed for a verdict.
    seeds: int = 3
    # Choose the learning rate first among those of the authors, by one run each on
    # held-out training images.
    sweep: Literal["paper"] | None = None
    # Folder for runs, result.json and reproduce.html; by default reproductions/ROW.
    folder: Path | None = None
    # Steps of the test in the place of the source's, such as
    # "resize_small(256)|central_crop(224)".
    preprocessing: str | None = None
    # Where to compute, as for train.
    devices: str = "auto"
    # Stop before the runs; weights and data are not opened.
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    # Run, even if it takes more than an hour.
    yes: tyro.conf.FlagCreatePairsOff[bool] = False
    # Output format of the list and of the result.
    format: Literal["text", "json", "csv"] = "text"

    def __post_init__(self):
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        if len(self.words) > 2:
            raise ValueError(
                "Give the id of a published value, or a model and a task. "
                f"Received: {' '.join(self.words)}"
            )

    def __call__(self):
        from keras_vit.studies.reproducing import listing, running, trials

        if not self.words:
            show(listing.list_choices(self.seeds), self.format)
            return 0
        trial = trials.find_trial(self._row())
        if self.format == "text":
            _introduce(trial)
        if not trial.can_run:
            raise ValueError(running.why_not(trial))
        with on_devices(self.devices) as devices, progress_bar("evaluating") as bar:
            looked = self._look(trial, devices)
            if self.dry_run:
                return 0
            options = {"folder": self.folder, "devices": devices, "progress": bar}
            try:
                result = running.reproduce(trial, attempt=looked, **options)
            except KeyboardInterrupt as interrupt:
                interrupt.goes_on = True
                raise
        show(result, "text" if self.format == "text" else "json")
        if self.format == "text":
            print(f"page: {result.page}")
        return 0

    def _look(self, trial, devices):
        """Prints checks and cost; refuses what takes long unless that is wanted."""
        from keras_vit.studies.reproducing import listing, running

        def look(open_files):
            return running.look(
                trial,
                weights=self.weights,
                data=self.data,
                data_dir=self.data_dir,
                preprocessing=self.preprocessing,
                seeds=self.seeds,
                devices=devices,
                open_files=open_files,
                sweep=self.sweep,
                **dict(map(setting, self.set)),
            )

        looked = look(open_files=False)
        seconds = listing.seconds_for(looked.flops)
        short = seconds is not None and seconds <= CONFIRM
        runs = not self.dry_run and (self.yes or short)
        if runs:  # opens the files, which may download them
            looked = look(open_files=True)
        if self.format == "text":
            print("\n".join(map(str, looked.checks)))
            _price(looked, seconds, listing.hours_of(trial.row))
        if not runs and not self.dry_run:
            time = (
                "unknown time" if seconds is None else f"about {as_duration(seconds)}"
            )
            raise WrongUsage(f"This takes {time} on this machine: add --yes to run it.")
        return looked

    def _row(self):
        from keras_vit import published
        from keras_vit.studies.reproducing.trials import choose_row

        if len(self.words) == 1:
            return published.row(self.words[0])
        return choose_row(*self.words, quick=self.quick)


def _introduce(trial):
    """Prints the row and every other value of its model and task."""
    from keras_vit import published
    from keras_vit.studies.reproducing.trials import CLASSES

    print(trial.row)
    if others := published.sisters(trial.row):
        print(f"\nother values of {trial.row.model} on {trial.row.task}:")
        print(others)
    if trial.can_run:
        print(f"\nclass {trial.kind}, {CLASSES[trial.kind]}: {trial.reason}")
        print("checks:")


def _price(looked, seconds, hours):
    """Prints what the runs cost."""
    if looked.flops is None:
        print("cost: not known, as the data or the model have no counted operations")
        return
    runs = f"{looked.seeds} run{'s' * (looked.seeds > 1)}"
    runs += f" after {len(looked.rates)} of the sweep" * bool(looked.rates)
    print(
        f"cost: {looked.flops:.3g} floating-point operations for {runs}, about "
        f"{as_duration(seconds)} on this machine (an estimate)"
    )
    if hours:
        print(f"      published: {hours} for one run")
