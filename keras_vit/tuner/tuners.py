"""The tuner: asks an oracle for trials, and runs them."""

import contextlib
import gc
import io
import logging
import time
from pathlib import Path

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus

from keras_vit.tuner.installed import BAYESIAN, check_installed
from keras_vit.tuner.trials import run_trial

logger = logging.getLogger(__name__)

# Seconds until a worker asks again, where there is no trial for it now.
IDLE = 1.0


class RecipeTuner(BaseTuner):
    """KerasTuner's loop, around trials that are runs of `keras_vit.training.train`.

    Args:
        oracle: One of `oracles.py`.
        hypermodel: A `RecipeHyperModel`.
        folder: Path of the search, which may hold an earlier part of it.
        devices: As for `keras_vit.training.train`.
    """

    def __init__(self, oracle, hypermodel, folder, devices="auto"):
        folder = Path(folder)
        self.devices = devices
        with contextlib.redirect_stdout(io.StringIO()):  # which is for results
            super().__init__(
                oracle,
                hypermodel,
                directory=str(folder.parent),
                project_name=folder.name,
            )

    def search(self):
        """Runs trials until there is none left."""
        while True:
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == TrialStatus.STOPPED:
                return
            if trial.status == TrialStatus.IDLE:
                time.sleep(IDLE)
                continue
            self.on_trial_begin(trial)
            self._try(trial)
            self.on_trial_end(trial)

    def _try(self, trial):
        # As KerasTuner does, but for the traceback on stderr: it is in the trial's
        # folder, and that a high learning rate diverges is no news.
        try:
            self._run_and_update_trial(trial)
            trial.status = TrialStatus.COMPLETED
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            failed = isinstance(error, keras_tuner.errors.FailedTrialError)
            trial.status = TrialStatus.FAILED if failed else TrialStatus.INVALID
            trial.message = str(error)

    def run_trial(self, trial):
        values = trial.hyperparameters.values
        previous = values.get("tuner/trial_id")
        try:
            return run_trial(
                self.hypermodel.recipe(values),
                self.get_trial_dir(trial.trial_id),
                pause=values.get("tuner/epochs"),
                previous=None if previous is None else self.get_trial_dir(previous),
                devices=self.devices,
            )
        except ValueError as error:  # such as a loss that has diverged
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        finally:
            gc.collect()  # the model, before the next one is built

    # A tuner has no state of its own, the oracle has all.

    def save(self):
        if not self._is_worker():
            self.oracle.save()

    def reload(self):
        if not self._is_worker():
            self.oracle.reload()

    def _get_tuner_fname(self):
        return self.oracle._get_oracle_fname()

    def _populate_initial_space(self):
        # KerasTuner would build models to find out.
        hp = self.oracle.get_space()
        self.hypermodel.declare_hyperparameters(hp)
        self.oracle.update_space(hp)


def make_tuner(hypermodel, folder, settings, devices="auto"):
    """The tuner of some `SearchSettings`, which goes on with what the folder holds."""
    if settings.algorithm == "bayesian":
        check_installed(BAYESIAN)
    from keras_vit.tuner import oracles

    direction = "min" if settings.objective.endswith("loss") else "max"
    options = {
        "objective": keras_tuner.Objective(settings.objective, direction),
        "seed": settings.seed + 1,  # 0 would be drawn anew each time
    }
    if settings.algorithm == "random":
        kind, own = oracles.RandomOracle, {"max_trials": settings.trials}
    elif settings.algorithm == "bayesian":
        kind, own = oracles.BayesianOracle, {"max_trials": settings.trials}
        own["num_initial_points"] = max(3, settings.trials // 3)
    else:
        kind, own = oracles.HyperbandOracle, {"max_epochs": hypermodel.base.epochs}
    oracle = kind(hypermodel, **options, **own)
    return RecipeTuner(oracle, hypermodel, folder, devices)
