"""Trials: runs of `keras_vit.training.train`, each in a run folder of its own."""

import gc
import math
import shutil
import time
import traceback
from pathlib import Path

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus

from keras_vit.common.files import FULL, write_json
from keras_vit.common.installed import need
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.run.callbacks import Interrupted
from keras_vit.training.run.train import train
from keras_vit.tuner import oracles
from keras_vit.tuner.chief import is_worker
from keras_vit.tuner.search_folder import OUTCOME, run_of_trial

# Seconds until a worker asks again, where there is no trial for it now.
IDLE = 1.0


class Pause(keras.callbacks.Callback):
    """Stops a run after some epochs, so that it can be resumed.

    Args:
        epochs: Integer, counted over the whole run.
    """

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs
        self.reached = False

    def on_epoch_begin(self, epoch, logs=None):
        # Not at the end of the epoch before: its state was not yet saved then.
        if epoch >= self.epochs:
            self.reached = True
            raise Interrupted(f"Paused after {self.epochs} epochs.")


def run_trial(recipe, folder, *, pause=None, previous=None, devices="auto", place=None):
    """Trains a recipe, or resumes where an earlier process was stopped or killed.

    Args:
        recipe: A `Recipe`.
        folder: Path of the trial's folder.
        pause: Integer, epochs after which the trial ends, or `None` for the whole run.
        previous: Path of the folder of a trial that was paused earlier in the same
            run, which this one continues, or `None`.
        devices: As for `keras_vit.training.train`.
        place: The opened place of the data, or `None`; see `keras_vit.training.train`.

    Returns:
        A dictionary of the last epoch's metrics.
    """
    folder = Path(folder)
    run = RunFolder(run_of_trial(folder))
    if previous is not None and not run.is_run():
        _copy(run_of_trial(previous), run.path)
    if not run.is_run():  # killed before it had begun
        shutil.rmtree(run.path, ignore_errors=True)
    stop = None if pause is None else Pause(pause)
    try:
        train(
            recipe,
            run.path,
            devices=devices,
            resume=run.is_run(),
            callbacks=[] if stop is None else [stop],
            progress=False,
            check=False,
            place=place,
        )
    except Interrupted:
        if stop is None or not stop.reached:
            raise
    metrics = run.read_history()[-1]
    parameters = run.read_record()["resolved"]["parameters"]
    outcome = {"metrics": metrics, "parameters": parameters}
    write_json(folder / OUTCOME, {**outcome, "total_epochs": recipe.epochs})
    return {name: float(value) for name, value in metrics.items()}


def _copy(source, target):
    """Copies a folder; if this process is killed meanwhile, there is no copy."""
    temporary = target.with_name(f"{target.name}.copy")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


class RecipeTuner(BaseTuner):
    """KerasTuner's loop, around trials that are runs of `keras_vit.training.train`.

    Args:
        oracle: One of `oracles.py`.
        recipes: A `RecipeHyperModel`.
        folder: A `SearchFolder`.
        devices: As for `keras_vit.training.train`.
    """

    def __init__(self, oracle, recipes, folder, devices="auto"):
        # Without a hypermodel, of which KerasTuner would build a model to explore it.
        super().__init__(
            oracle, directory=str(folder.path.parent), project_name=folder.path.name
        )
        self.recipes, self.folder, self.devices = recipes, folder, devices
        self._is_idle, self._error = False, None

    def pre_create_trial(self):
        if self._is_idle:
            time.sleep(IDLE)
        self._is_idle = True

    def on_trial_begin(self, trial):
        self._is_idle, self._error = False, None

    def run_trial(self, trial):
        values = trial.hyperparameters.values
        previous = values.get("tuner/trial_id")
        try:
            return run_trial(
                self.recipes.recipe(values),
                self.folder.trial(trial.trial_id),
                pause=values.get("tuner/epochs"),
                previous=None if previous is None else self.folder.trial(previous),
                devices=self.devices,
                place=self.recipes.place,
            )
        except Exception as error:  # such as a loss that has diverged
            if isinstance(error, OSError) and error.errno in FULL:
                # Nothing that the recipe has done: the search ends, and can be resumed
                # inside this trial.
                raise keras_tuner.errors.FatalError(str(error)) from error
            # Not passed on: KerasTuner would print a traceback, which is in the
            # trial's folder, and that a high learning rate diverges is no news.
            self._error = {"error": str(error), "traceback": traceback.format_exc()}
            return math.inf if self.oracle.objective.direction == "min" else -math.inf
        finally:
            gc.collect()  # the model, before the next one is built

    def on_trial_end(self, trial):
        if self._error is not None:
            write_json(self.folder.trial(trial.trial_id) / OUTCOME, self._error)
            trial.status, trial.message = TrialStatus.FAILED, self._error["error"]
        super().on_trial_end(trial)

    def save(self):
        """Nothing: a tuner has no state, and the oracle saves its own."""


def make_tuner(hypermodel, folder, settings, devices="auto"):
    """The tuner of some `SearchSettings`, which continues from the folder."""
    if settings.algorithm == "bayesian":
        need("This search", "tuner", scipy="scipy", sklearn="scikit-learn")
    kind, options = oracles.RandomOracle, {"max_trials": settings.trials}
    if settings.algorithm == "bayesian":
        kind = oracles.BayesianOracle
        options["num_initial_points"] = max(3, settings.trials // 3)
    elif settings.algorithm == "hyperband":
        kind, options = oracles.HyperbandOracle, {"max_epochs": hypermodel.base.epochs}
    direction = "min" if settings.objective.endswith("loss") else "max"
    oracle = kind(
        hypermodel,
        folder,
        objective=keras_tuner.Objective(settings.objective, direction),
        seed=settings.seed + 1,  # 0 would be drawn anew each time
        **options,
    )
    space = oracle.get_space()
    hypermodel.declare_hyperparameters(space)
    oracle.update_space(space)
    if folder.oracle_file.exists() and not is_worker():
        oracle.reload()
    return RecipeTuner(oracle, hypermodel, folder, devices)
