"""The command `keras-vit study`."""

import dataclasses
import logging
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.training.options import setting
from keras_vit.commands.training.proxy import NAME as PROXY
from keras_vit.commands.training.proxy import run_proxy
from keras_vit.terminal import WrongUsage, command, complain, log_levels

# While cells are run one after the other, what each says of itself.
QUIET = dict.fromkeys(
    ("training", "data", "devices", "checkpoints", "evaluation", "common"),
    logging.WARNING,
)
QUIET = {f"keras_vit.{room}": level for room, level in QUIET.items()}
QUIET["tensorflow"] = logging.ERROR  # a graph for each cell is no mistake


@dataclasses.dataclass
class Study:
    """Run a study of the paper: many runs that answer one question.

    Without a name, lists the studies. With one, says what it costs, runs its cells,
    each an ordinary run folder, and writes tables and a page. Ctrl-C stops and saves;
    the same command goes on. More levels and seeds may be added to a folder later.
    """

    # A study by name, or a JSON file with one of your own.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[STUDY]")
    ] = None
    # The images to run it on, in the place of --data.
    photos: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[DATA]")
    ] = None
    # Which size of it, such as laptop or paper; the list of the studies has them.
    preset: str = "laptop"
    # Folder of the study, new or to go on with; studies/STUDY-PRESET if not given.
    folder: Path | None = None
    # Data set or folder to run it on, as for train.
    data: str | None = None
    # Levels to run, by their labels; all if not given.
    levels: tuple[str, ...] = ()
    # Number of seeds; three or more for a verdict.
    seeds: int | None = None
    # Changes of all cells, FIELD=VALUE, or of one arm, ARM.FIELD=VALUE, as in
    # vit.patch_size=4; what is changed is listed on the page.
    set: tuple[str, ...] = ()
    # Cells to run at the same time, each in a process with one thread.
    workers: int = 1
    # Where cells run: in processes of this machine, or on machines of a Ray cluster,
    # which must all see the folder.
    engine: Literal["processes", "ray"] = "processes"
    # The Ray cluster as HOST:PORT; by default the one that this machine belongs to.
    address: str | None = None
    # Print a command for each cell that is left, for SLURM or GNU parallel, and run
    # nothing; --report-only then writes tables and page.
    list: tyro.conf.FlagCreatePairsOff[bool] = False
    # Run this cell of the folder alone, as --list prints it.
    cell: str | None = None
    # Begin no cell that is not expected to end within this time, such as 30m or 2h.
    budget: str | None = None
    # The same for processor seconds, of all cells that this command runs.
    cpu_budget: str | None = None
    # The same for the time of devices, such as 40h, added up over all that work.
    device_budget: str | None = None
    # Go on with cells that were begun on another kind of machine or with other
    # versions; they are marked, and nothing is called of them.
    mixed: tyro.conf.FlagCreatePairsOff[bool] = False
    # Print the cells and what they cost, and run nothing.
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    # With --dry-run, the time on a chip such as a100 or tpu-v5e, or its TFLOP/s.
    hardware: str | None = None
    # With --hardware, how many chips work on a cell.
    devices: int = 1
    # Whose weights stay when a cell is evaluated; by default all up to ten cells, else
    # none. The answers to the test images always stay.
    keep: Literal["none", "best", "all"] | None = None
    # Write tables and page of the folder anew, and run nothing.
    report_only: tyro.conf.FlagCreatePairsOff[bool] = False
    # Compute everything that the folder's files say anew, and fail where one differs.
    check: tyro.conf.FlagCreatePairsOff[bool] = False
    # Print the results as Hugging Face's model index, and run nothing.
    model_index: tyro.conf.FlagCreatePairsOff[bool] = False
    # Print what all runs of the paper would cost, with --preset paper --dry-run.
    all: tyro.conf.FlagCreatePairsOff[bool] = False
    # Print what the preset does otherwise than the paper.
    diff: tyro.conf.FlagCreatePairsOff[bool] = False

    def __post_init__(self):
        if self.photos is not None and self.data not in (None, self.photos):
            raise ValueError(
                f"Give the data once. Received: {self.photos} and {self.data}"
            )
        self.data, self.photos = self.photos or self.data, None
        if self.seeds is not None and self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        if self.workers < 1:
            raise ValueError(f"`workers` must be at least 1. Received: {self.workers}")
        if self.address is not None and self.engine != "ray":
            raise ValueError("--address is for --engine ray: it names a Ray cluster.")
        if self.cell is not None and self.folder is None:
            raise ValueError("--cell is for a study that was begun: give its --folder.")
        if self.hardware is not None and not self.dry_run:
            raise ValueError("--hardware is for --dry-run: cells are run on this one.")
        if self.all and (self.name or self.preset != "paper" or not self.dry_run):
            raise ValueError(
                "--all prints the plan of the whole paper: it needs --preset paper and "
                "--dry-run, and no study."
            )
        if any(self._budgets.values()):
            from keras_vit.studies.running.prices import Budget

            Budget(self._budgets)

    def __call__(self):
        from keras_vit import studies

        if self.all:
            print(studies.paper_plan.plan(self._chip, self.devices))
            return 0
        if self.name == PROXY:
            with log_levels(QUIET):
                return run_proxy(self, self._cost)
        if self.report_only:
            return self._report(self._folder())
        if self.check:
            print("\n".join(f"as recorded: {line}" for line in self._checked()))
            return 0
        if self.model_index:
            print(studies.model_index(studies.results.read(self._folder())))
            return 0
        if self.name is None and self.folder is None:
            print(studies.list_studies())
            print(f"next: {command('study', 'data-size', '--dry-run')}")
            return 0
        if self.cell is not None:
            return self._run_one()
        study = self._study()
        if self.diff:
            return self._print_diff(study)
        if self.list:
            return self._list(study)
        print(f"{study.name}: {study.question} ({study.source})")
        with log_levels(QUIET):
            if self.dry_run:
                print(self._cost(study).table())
                return 0
            return self._run(study)

    def _run(self, study):
        folder = self._folder()
        try:
            options = {**self._budgets, "keep": self.keep, "mixed": self.mixed}
            options["announce"] = lambda cost: print(cost, flush=True)
            options |= {"engine": self.engine, "address": self.address}
            outcome = study.run(folder, workers=self.workers, **options)
        except KeyboardInterrupt as interrupt:
            interrupt.again = ("study", *self._again())
            raise
        print(outcome)
        self._report(folder)
        if outcome.failed or outcome.reason == "budget":
            complain(f"Continue with:  {command('study', *self._again())}")
        return 1 if outcome.failed else 0

    def _list(self, study):
        from keras_vit import studies

        folder = self._folder()
        keep = [] if self.keep is None else ["--keep", self.keep]
        names = studies.begin_cells(study, folder)
        for name in names:
            print(command("study", "--folder", folder, "--cell", name, *keep))
        of = studies.StudyFolder(folder)
        left = [c for c in of.read_study().cells() if not of.is_final(c.name)]
        if waiting := len(left) - len(names):
            complain(
                f"{waiting} more cells begin with the weights of these: when they have "
                "ended, give this command again."
            )
        return 0

    def _run_one(self):
        from keras_vit import studies
        from keras_vit.studies.running.facts import as_reached

        words = ("study", "--folder", self.folder, "--cell", self.cell)
        try:
            with log_levels(QUIET):
                options = {"keep": self.keep, "mixed": self.mixed}
                result = studies.run_one(self.folder, self.cell, **options)
        except KeyboardInterrupt as interrupt:
            interrupt.again = words
            raise
        if result["status"] == "done":
            print(f"{self.cell}: {as_reached(result)}")
            return 0
        print(f"{self.cell}: {result['status']}: {result['message']}")
        return 0 if result["status"] == "diverged" else 1

    def _report(self, folder):
        from keras_vit import studies

        tables = studies.results.write(folder)
        print(tables.closing)
        print(f"page: {folder / 'study.html'}")
        return 0

    def _checked(self):
        from keras_vit import studies

        return studies.check(self._folder())

    def _study(self):
        from keras_vit import studies

        if self.name is None:
            return studies.StudyFolder(self.folder).read_study()
        return self.found(self.name)

    def found(self, name):
        """The study of a name, with the preset and the changes that were given."""
        from keras_vit import studies

        try:
            return studies.find_study(
                name,
                self.preset,
                data=self.data,
                levels=self.levels or None,
                seeds=self.seeds,
                fields=dict(map(setting, self.set)),
            )
        except ValueError as error:
            raise WrongUsage(str(error)) from None

    @property
    def _budgets(self):
        names = ("budget", "cpu_budget", "device_budget")
        return {name: getattr(self, name) for name in names}

    def _cost(self, study, **options):
        options |= {"hardware": self._chip, "devices": self.devices}
        return study.cost(workers=self.workers, **options)

    @property
    def _chip(self):
        """The name of a chip, or its TFLOP/s as a number; `None` for this machine."""
        try:
            return float(self.hardware or "")
        except ValueError:
            return self.hardware

    def _folder(self):
        if self.folder is not None:
            return self.folder
        if self.name is None:
            raise WrongUsage("Name a study, or its --folder.")
        preset = Path(self.name).stem if self.name.endswith(".json") else self.preset
        name = f"{self.name}-{preset}" if preset == self.preset else preset
        return Path("studies") / name

    def _print_diff(self, study):
        from keras_vit import studies

        if "paper" not in study.presets:
            raise WrongUsage(f"The study {study.name} has no preset of the paper.")
        paper = studies.find_study(self.name, "paper")
        for line in studies.differences(study, paper):
            print(line)
        return 0

    def _again(self):
        """The words that go on with this study."""
        words = [] if self.name is None else [self.name]
        if self.name is not None and not self.name.endswith(".json"):
            words += ["--preset", self.preset]
        words += ["--folder", self._folder()]
        words += [] if self.data is None else ["--data", self.data]
        words += ["--levels", *self.levels] if self.levels else []
        words += [] if self.seeds is None else ["--seeds", self.seeds]
        words += ["--set", *self.set] if self.set else []
        words += [] if self.workers == 1 else ["--workers", self.workers]
        words += ["--mixed"] if self.mixed else []
        words += [] if self.engine == "processes" else ["--engine", self.engine]
        words += [] if self.address is None else ["--address", self.address]
        return words + ([] if self.keep is None else ["--keep", self.keep])
