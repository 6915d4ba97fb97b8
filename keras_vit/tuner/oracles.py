"""KerasTuner's three ways to choose the next trial, made safe against being killed.

What is added to all of them:

- The first trial is the recipe itself, so that the best one is never worse.
- What a draw would cost is known before anything is built. Over the budget, or where
  its values contradict each other, another one is drawn, and that is counted.
- Files are replaced whole, and a search that was killed at any point goes on: a trial
  that had begun is run again, one that had ended is not, none is counted twice.
- Trials that fail one after the other end the search with the reason, where KerasTuner
  leaves workers dead and the chief waiting.
- Weights are kept of the best trial only, and of those that Hyperband may go on with.
"""

import itertools
import json
import logging
import shutil
import warnings
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_vit.common.files import replacing
from keras_vit.training.folder.folder import RunFolder
from keras_vit.tuner.search_folder import run_of_trial

logger = logging.getLogger(__name__)

ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)

# Draws in a row that may be refused before the space counts as exhausted.
DRAWS = 200

# Trials in a row that may fail: in a wide range of learning rates some diverge.
FAILURES = 5


class _SafeOracle:
    """To stand before one of KerasTuner's oracles in a list of base classes.

    Args:
        hypermodel: A `RecipeHyperModel`, asked what a draw would cost.
        **options: Those of KerasTuner's oracle.
    """

    def __init__(self, hypermodel, **options):
        super().__init__(max_consecutive_failed_trials=FAILURES, **options)
        self.hypermodel = hypermodel
        self.verbose = 0
        # Draws that made no trial, and why the last one did not.
        self.rejected, self.last_refusal = 0, None
        # Why the search has ended before its time, or `None`.
        self.failure = None

    # Drawing ------------------------------------------------------------------------

    def _random_values(self):
        if not self.start_order and not self.rejected:
            own = {hp.name: hp.default for hp in self.hyperparameters.space}
            if self._fits(own):
                return own
        for _ in range(DRAWS):
            values = super()._random_values()
            if values is None or self._fits(self._round(values)):
                return values
        logger.warning("%d draws in a row made no trial: %s", DRAWS, self.last_refusal)
        return None

    def _round(self, values):
        """Rounds drawn values, in place: floats travel to workers in single precision,
        and must be the same there."""
        for name, of_field in self.hypermodel.space.items():
            values[name] = of_field.value(values[name])
        return values

    def _fits(self, values):
        refusal = self.hypermodel.refusal(values)
        if refusal is not None:
            self.rejected += 1
            self.last_refusal = refusal
        return refusal is None

    # Beginning and ending a trial ---------------------------------------------------

    @keras_tuner.synchronized
    def create_trial(self, tuner_id):
        if self.failure is not None:
            self.tuner_ids.discard(tuner_id)
            return Trial(self.get_space(), status=TrialStatus.STOPPED)
        trial = super().create_trial(tuner_id)
        if trial.status == TrialStatus.STOPPED and self.ongoing_trials:
            # Whoever is still at work may die, and leave a trial to be done.
            self.tuner_ids.add(tuner_id)
            trial.status = TrialStatus.IDLE
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial):
        if trial.trial_id in self.end_order:  # by another worker
            self._forget_ongoing(trial.trial_id)
            return
        super().end_trial(trial)
        self._drop_weights()

    @keras_tuner.synchronized
    def release(self, tuner_id):
        """Takes the trial of a worker that is gone; another one will do it."""
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is not None and trial.status not in ENDED:
            self._retry_queue.append(trial.trial_id)
        self.save()

    def _forget_ongoing(self, trial_id):
        for tuner_id, trial in list(self.ongoing_trials.items()):
            if trial.trial_id == trial_id:
                del self.ongoing_trials[tuner_id]

    def _check_consecutive_failures(self):
        try:
            super()._check_consecutive_failures()
        except RuntimeError:
            # Not raised: the lock that is held here would never be given back.
            self.failure = f"The last {FAILURES} trials have failed"

    @property
    def has_unfinished(self):
        """Whether a trial waits to be run again."""
        return bool(self._retry_queue)

    # Files --------------------------------------------------------------------------

    def get_state(self):
        return {**super().get_state(), "rejected": self.rejected}

    def set_state(self, state):
        super().set_state(state)
        self.rejected = state["rejected"]

    def save(self):
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        _write(
            Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state()
        )

    def reload(self):
        state = json.loads(Path(self._get_oracle_fname()).read_text())
        for folder in Path(self._project_dir).glob("trial_*"):
            # Killed while it was drawn: nobody has begun it, and it is drawn again.
            if folder.name.removeprefix("trial_") not in state["start_order"]:
                shutil.rmtree(folder)
        super().reload()
        # What the state says was going on may have ended after it was written.
        ended = [t for t in self.start_order if self.trials[t].status in ENDED]
        self.end_order += [t for t in ended if t not in self.end_order]
        self._retry_queue = [t for t in reversed(self.start_order) if t not in ended]

    # Weights ------------------------------------------------------------------------

    def _to_be_continued(self):
        """The trials whose weights another one may begin with: none."""
        return set()

    def _drop_weights(self):
        kept = self._to_be_continued()
        best = self.get_best_trials(1)
        kept |= {t.trial_id for t in best if t.status == TrialStatus.COMPLETED}
        for trial_id in self.end_order:
            if trial_id not in kept:
                run = RunFolder(run_of_trial(self._get_trial_dir(trial_id)))
                run.model.unlink(missing_ok=True)
                shutil.rmtree(run.checkpoints, ignore_errors=True)


def _write(path, state):
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(state), encoding="utf-8")


class RandomOracle(_SafeOracle, keras_tuner.oracles.RandomSearchOracle):
    """Every trial is drawn on its own."""


class BayesianOracle(_SafeOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Trials are drawn where a model of the results so far hopes for the most."""

    def populate_space(self, trial_id):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a fit to few points, or equal ones
            response = super().populate_space(trial_id)
        values = response.get("values")
        if values is None or self._fits(self._round(values)):
            return response
        # The model would propose the same point again.
        return self._random_populate_space()


class HyperbandOracle(_SafeOracle, keras_tuner.oracles.HyperbandOracle):
    """Many short trials, of which the better ones go on."""

    def _to_be_continued(self):
        unended = [t for t in self.trials.values() if t.status not in ENDED]
        kept = {t.hyperparameters.values.get("tuner/trial_id") for t in unended}
        for bracket in self._brackets:
            pairs = itertools.pairwise(bracket["rounds"])
            for number, (before, after) in enumerate(pairs, 1):
                if len(after) < self._get_size(bracket["bracket_num"], number):
                    kept |= {entry["id"] for entry in before}
        return kept
