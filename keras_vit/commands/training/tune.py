"""The command `keras-vit tune`."""

import dataclasses
import logging
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.training.options import recipe_options
from keras_vit.terminal import command, complain, log_levels
from keras_vit.training.choosing.resolve import resolve
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
    # Search algorithm. hyperband starts many trials and continues the better ones.
    algorithm: Literal["random", "hyperband", "bayesian"] = "random"
    # Number of trials (hyperband decides that itself).
    trials: int = 20
    # Most passes of a trial over its images; by default the recipe's length. Short
    # trials favour high learning rates and small models.
    epochs: int | None = None
    # The metric by which trials are compared.
    objective: Literal["val_accuracy", "val_loss"] = "val_accuracy"
    # Share of the training images to hold out for comparing trials.
    validation_fraction: float = 0.2
    # Largest number of parameters of a model.
    max_parameters: int | None = None
    # Largest cost of a forward pass on one image, in 1e9 operations.
    max_gflops: float | None = None
    # Most memory that training may need, in GiB; by default three quarters of the free
    # memory.
    max_memory: float | None = None
    # Seed of the random choices.
    seed: int = 0

    # Search folder, new or empty; searches/DATA-MODEL-NUMBER if not given.
    folder: Path | None = None
    # Resume the search in --folder, with its own settings.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Number of processes on this machine that train at the same time; 0 trains in this
    # process. On several machines, start this command on each, with KerasTuner's
    # variables KERASTUNER_TUNER_ID (chief, or a name), KERASTUNER_ORACLE_IP and _PORT.
    workers: int = 0
    # Where each worker trains, as for train.
    devices: str = "auto"

    def __post_init__(self):
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
        folder = SearchFolder(self.folder) if self.resume or is_worker() else None
        try:
            with log_levels(QUIET):
                folder = folder or self._prepare()
                self._run(folder)
        except KeyboardInterrupt as interrupt:
            interrupt.again = ("tune", *self._again(folder or self.folder))
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
        from keras_vit.tuner.ranges import range_from_text
        from keras_vit.tuner.searching import prepare_search

        space = {}
        for text in self.space:
            name, equals, values = text.partition("=")
            if not equals:
                raise ValueError(
                    "--space takes FIELD=RANGE, as in learning_rate=1e-4..1e-2. "
                    f"Received: {text!r}"
                )
            space[name.strip().replace("-", "_")] = range_from_text(values)
        fields = [name.replace("-", "_") for name in self.fields] or None
        if fields is not None:
            fields += [name for name in space if name not in fields]
        hypermodel = hypermodel_for(
            self._recipe(), space, fields=fields, budget=self._budget()
        )
        names = ("algorithm", "trials", "epochs", "objective", "seed")
        settings = {name: getattr(self, name) for name in names}
        return prepare_search(hypermodel, self.folder, **settings)

    def _recipe(self):
        """The recipe to search around."""
        recipe, _ = resolve(self.recipe, self.given)
        return dataclasses.replace(recipe, validation_fraction=self.validation_fraction)

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
