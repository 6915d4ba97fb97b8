"""The command `keras-vit tune`."""

import dataclasses
import logging
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.training.options import recipe_options, with_data
from keras_vit.terminal import command, complain, log_levels
from keras_vit.training.recipes.recipe import Recipe

# The run folder of each trial holds what it would log; and TensorFlow warns of a
# process that trains many models.
QUIET = {"keras_vit.training": logging.WARNING, "tensorflow": logging.ERROR}

# Options that change the recipe to search around.
OF_RECIPE = ("data", "data_dir", "model", "weights", "image_size", "batch_size")
OF_RECIPE += ("masked_target",)


@dataclasses.dataclass
class Tune:
    """Search for a better recipe: learning rate, regularisation, augmentation, size.

    The first trial is the recipe itself. Trials are compared on held-out training
    images, so the test images stay unseen until `keras-vit train --recipe
    FOLDER/best_recipe.json` uses them. Ctrl-C stops and saves; with the same folder,
    --resume continues the search, also after a crash. Needs the extra [tuner].
    """

    given: recipe_options(Recipe(), *OF_RECIPE)
    # The images: a folder of class folders, a list of files (.csv), or the name of a
    # data set; --data says the same.
    photos: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[DATA]")
    ] = None
    # Search around this recipe: a published one, a JSON file or a run folder; the
    # options override its fields. By default the recipe that suits the model and
    # weights, as for train.
    recipe: str | None = None
    # Ranges of fields, in addition to or instead of the default ones:
    # learning_rate=1e-4..1e-2 or augment=flip,crop_flip or epochs=12. mixup is the
    # alpha of mixup.
    space: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD=RANGE ...")] = ()
    # Search these fields only; the others stay as they are.
    fields: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD ...")] = ()
    # Search algorithm, by default random; hyperband starts many trials and continues
    # the better ones.
    algorithm: Literal["random", "hyperband", "bayesian"] | None = None
    # Number of trials, by default 20 (hyperband decides that itself).
    trials: int | None = None
    # Most passes of a trial over its images; by default the recipe's length. Short
    # trials favour high learning rates and small models.
    epochs: int | None = None
    # The metric by which trials are compared, by default val_accuracy.
    objective: Literal["val_accuracy", "val_loss"] | None = None
    # Share of the training images to hold out for comparing trials, by default 0.2.
    validation_fraction: float | None = None
    # Largest number of parameters of a model.
    max_parameters: int | None = None
    # Largest cost of a forward pass on one image, in 1e9 operations.
    max_gflops: float | None = None
    # Most memory that training may need, in GiB; by default three quarters of the free
    # memory.
    max_memory: float | None = None
    # Seed of the random choices, by default 0.
    seed: int | None = None

    # Search folder, new or empty; searches/DATA-MODEL-NUMBER if not given.
    folder: Path | None = None
    # Resume the search in --folder, with its own settings: other options than those of
    # the processes are not needed, and must agree with it.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Number of processes on this machine that train at the same time; 0 trains in this
    # process. On several machines, start this command on each, with KerasTuner's
    # variables KERASTUNER_TUNER_ID (chief, or a name), KERASTUNER_ORACLE_IP and _PORT.
    workers: int = 0
    # Where each worker trains, as for train.
    devices: str = "auto"

    def __post_init__(self):
        self.given = with_data(self.given, self.photos)
        if self.resume and self.folder is None:
            raise ValueError(
                "--resume needs the --folder of the search to resume. "
                "Received: folder=None"
            )
        if self.workers < 0:
            raise ValueError(
                f"`workers` must not be negative. Received: {self.workers}"
            )

    def __call__(self):
        from keras_vit.common.installed import need
        from keras_vit.tuner.chief import SearchError, is_worker
        from keras_vit.tuner.search_folder import SearchFolder

        need("This search", "tuner", keras_tuner="keras-tuner")
        if is_worker() and self.folder is None:
            raise ValueError(
                "A worker needs the --folder of the search, as its chief has it. "
                "Received: folder=None"
            )
        folder = SearchFolder(self.folder) if self.resume or is_worker() else None
        if self.resume and not is_worker():
            self._check_options(folder)
        try:
            with log_levels(QUIET):
                folder = folder or self._prepare()
                self._run(folder)
        except KeyboardInterrupt as interrupt:
            if folder is not None and folder.settings_file.exists():
                interrupt.again = ("tune", *self._again(folder))
            raise
        except SearchError as error:
            complain(error)
            complain(f"Continue with:  {command('tune', *self._again(folder))}")
            return 1
        if not is_worker():
            self._print(folder)
        return 0

    def _prepare(self):
        """The folder of a new search."""
        from keras_vit.tuner.hypermodels import hypermodel_for
        from keras_vit.tuner.searching import prepare_search

        hypermodel = hypermodel_for(
            self._recipe(), self._space(), fields=self._fields(), budget=self._budget()
        )
        return prepare_search(hypermodel, self.folder, **self._settings())

    def _check_options(self, folder):
        """Refuses options that differ from those of the search to resume."""
        from keras_vit.tuner.resuming import check_options

        memory = self.max_memory and int(self.max_memory * 2**30)
        check_options(
            folder,
            recipe=self.given if self.recipe is None else self._recipe(),
            space=self._space(),
            fields=self._fields(),
            validation_fraction=self.validation_fraction,
            parameters=self.max_parameters,
            gflops=self.max_gflops,
            memory=memory,
            **self._settings(),
        )

    def _settings(self):
        """The settings that are given."""
        names = ("algorithm", "trials", "epochs", "objective", "seed")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _space(self):
        """The ranges that are given."""
        from keras_vit.tuner.ranges import range_from_text

        space = {}
        for text in self.space:
            name, equals, values = text.partition("=")
            if not equals:
                raise ValueError(
                    "--space takes FIELD=RANGE, as in learning_rate=1e-4..1e-2. "
                    f"Received: {text!r}"
                )
            space[name.strip().replace("-", "_")] = range_from_text(values)
        return space

    def _fields(self):
        """The fields to search, where they are given."""
        fields = [name.replace("-", "_") for name in self.fields]
        more = [name for name in self._space() if name not in fields]
        return [*fields, *more] if fields else None

    def _recipe(self):
        """The recipe to search around."""
        from keras_vit.training.choosing.resolve import resolve
        from keras_vit.tuner.settings import VALIDATION

        recipe, _ = resolve(self.recipe, self.given)
        fraction = self.validation_fraction
        fraction = VALIDATION if fraction is None else fraction
        return dataclasses.replace(
            recipe, validation_fraction=fraction, validation_split=None
        )

    def _budget(self):
        from keras_vit.costs.machine import available_memory
        from keras_vit.costs.memory import SAFE
        from keras_vit.tuner.budget import Budget

        memory = self.max_memory and int(self.max_memory * 2**30)
        if self.max_memory is None:
            available = available_memory()
            memory = available and int(SAFE * available)
        return Budget(self.max_parameters, self.max_gflops, memory)

    def _run(self, folder):
        from keras_vit.tuner.chief import is_worker
        from keras_vit.tuner.launch import follow_launcher, launch_search
        from keras_vit.tuner.searching import run_search
        from keras_vit.tuner.table import progress_shown

        follow_launcher()
        if is_worker():
            run_search(folder, self.devices)
            return
        folder.settings()  # an error before anything is shown
        with progress_shown(folder):
            if self.workers:
                launch_search(folder, self.workers, devices=self.devices)
            else:
                run_search(folder, self.devices)

    def _again(self, folder):
        """The words of a command that resumes the search."""
        words = ["--folder", str(folder), "--resume"]
        if self.workers:
            words += ["--workers", str(self.workers)]
        return words + (["--devices", self.devices] if self.devices != "auto" else [])

    def _print(self, folder):
        from keras_vit.tuner.table import table_text

        settings, best = folder.settings(), folder.best
        print(table_text(folder))
        print(f"rejected before they were built: {folder.rejected}")
        print(f"best: trial {best.name}, {settings.objective} {best.score:.4f}")
        print(settings.recipe_with(best.values).diff(settings.recipe_with({})))
        if folder.plot.exists():
            print(f"plot: {folder.plot}")
        kind = "train" if settings.recipe.masked_target is None else "pretrain"
        print(f"next: {command(kind, '--recipe', folder.best_recipe)}")
