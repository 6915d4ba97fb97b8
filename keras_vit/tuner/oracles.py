"""KerasTuner's three search algorithms, made safe against being killed.

What is added to all of them:

- The first trial is the recipe itself, so that the best one is never worse.
- The cost of a draw is known before anything is built. Over the budget, or where its
  values contradict each other, another one is drawn, and the refused one is counted.
- Files are replaced as a whole, and a search that was killed at any point can resume: a
  trial that had begun is run again, one that had ended is not, none is counted twice.
- Several failed trials in a row end the search with the reason, where KerasTuner leaves
  workers dead and the chief waiting.
- Weights are kept only of the best trial, and of those that Hyperband may continue.

Three private methods of KerasTuner's oracles are used, for lack of public ones:
`_random_values` is replaced, because Hyperband notes a draw before anybody could refuse
it; `_save_trial` is replaced, because a kill while it writes leaves half a file; and
`_get_size` says how many trials a round of Hyperband has.
"""

import itertools
import logging
import shutil
import warnings

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_vit.common.files import write_json
from keras_vit.training.folder.folder import RunFolder
from keras_vit.tuner.records import DamagedRecord, read_object, understanding
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
        folder: A `SearchFolder`.
        **options: Those of KerasTuner's oracle.
    """

    def __init__(self, hypermodel, folder, **options):
        # KerasTuner's own limit raises an error, and never gives back the lock that it
        # holds meanwhile. `end_trial` counts instead.
        super().__init__(max_consecutive_failed_trials=None, **options)
        self.hypermodel, self.folder = hypermodel, folder
        self.verbose = 0
        # Draws that made no trial, and why the last one did not.
        self.rejected, self.last_refusal = 0, None
        # Why the search has ended early, or `None`.
        self.failure = None
        # Whether a worker was told that there is nothing left.
        self.stopped = False

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
        logger.warning("%d draws in a row were rejected: %s", DRAWS, self.last_refusal)
        return None

    def _round(self, values):
        """Rounds drawn values, in place: floats travel to workers in single precision,
        and must be the same there."""
        for name, field_range in self.hypermodel.space.items():
            values[name] = field_range.value(values[name])
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
        waiting = self.waiting()
        if self.failure is not None:
            self.tuner_ids.discard(tuner_id)
            trial = Trial(self.get_space(), status=TrialStatus.STOPPED)
        elif waiting and tuner_id not in self.ongoing_trials:
            self.tuner_ids.add(tuner_id)
            trial = self.ongoing_trials[tuner_id] = self.trials[waiting[0]]
            trial.status = TrialStatus.RUNNING
            self.save()
        else:
            trial = super().create_trial(tuner_id)
        if trial.status == TrialStatus.STOPPED:
            if self.ongoing_trials and self.failure is None:
                # A worker that is still busy may die, and leave a trial to be done.
                self.tuner_ids.add(tuner_id)
                trial.status = TrialStatus.IDLE
            else:
                self.stopped = True
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial):
        if trial.trial_id not in self.end_order:  # else another worker has ended it
            super().end_trial(trial)
            self._drop_weights()
            last = [self.trials[name].status for name in self.end_order[-FAILURES:]]
            if last == [TrialStatus.FAILED] * FAILURES:
                self.failure = f"The last {FAILURES} trials have failed"
        for tuner_id, ongoing in list(self.ongoing_trials.items()):
            if ongoing.trial_id == trial.trial_id:
                del self.ongoing_trials[tuner_id]

    @keras_tuner.synchronized
    def release(self, tuner_id):
        """Takes the trial of a worker that is gone; another one will do it."""
        self.tuner_ids.discard(tuner_id)
        self.ongoing_trials.pop(tuner_id, None)
        self.save()

    def waiting(self):
        """The trials that have begun, but neither ended nor are being run."""
        busy = {trial.trial_id for trial in self.ongoing_trials.values()}
        return [t for t in self.start_order if t not in busy.union(self.end_order)]

    def is_done(self):
        """Whether a worker was told that there is nothing left, and all have left."""
        return self.stopped and not (self.ongoing_trials or self.tuner_ids)

    # Files --------------------------------------------------------------------------

    def get_state(self):
        return {**super().get_state(), "rejected": self.rejected}

    def set_state(self, state):
        # What the state says was going on may have ended after it was written.
        ended = [t for t in state["start_order"] if self.trials[t].status in ENDED]
        more = [t for t in ended if t not in state["end_order"]]
        super().set_state(
            {
                **state,
                "end_order": [*state["end_order"], *more],
                "ongoing_trials": {},
                "retry_queue": [],  # they are `waiting()`
            }
        )
        self.rejected = state["rejected"]

    def save(self):
        write_json(self.folder.oracle_file, self.get_state())

    def _declared(self):
        """What KerasTuner draws from."""
        space = self.hyperparameters.get_config()["space"]
        return {values["config"]["name"]: values for values in space}

    def _save_trial(self, trial):
        folder = self.folder.trial(trial.trial_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "trial.json", trial.get_state())
        except OSError as error:  # KerasTuner takes others for the trial's fault
            raise keras_tuner.errors.FatalError(str(error)) from error

    def reload(self):
        file = self.folder.oracle_file
        state = read_object(file)
        with understanding(file):
            begun = [self.folder.trial(name) for name in state["start_order"]]
        # Before anything is removed: all that the search has done can be read.
        for name, folder in zip(state["start_order"], begun):
            values = read_object(folder / "trial.json")
            with understanding(folder / "trial.json"):
                self.trials[name] = Trial.from_state(values)
        declared = self._declared()
        with understanding(file):
            self.set_state(state)
        if self._declared() != declared:
            raise DamagedRecord(
                self.folder.settings_file,
                "its ranges are not those of the trials in its folder",
            )
        for folder in self.folder.path.glob("trial_*"):
            # Killed while it was drawn: nobody has begun it, and it is drawn again.
            if folder not in begun:
                shutil.rmtree(folder)

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
                run = RunFolder(run_of_trial(self.folder.trial(trial_id)))
                run.model.unlink(missing_ok=True)
                shutil.rmtree(run.checkpoints, ignore_errors=True)


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
        values = self._random_values()
        status = TrialStatus.STOPPED if values is None else TrialStatus.RUNNING
        return {"status": status, "values": values}


class HyperbandOracle(_SafeOracle, keras_tuner.oracles.HyperbandOracle):
    """Many short trials, of which the better ones continue."""

    def _to_be_continued(self):
        unended = [t for t in self.trials.values() if t.status not in ENDED]
        kept = {t.hyperparameters.values.get("tuner/trial_id") for t in unended}
        for bracket in super().get_state()["brackets"]:
            pairs = itertools.pairwise(bracket["rounds"])
            for number, (before, after) in enumerate(pairs, 1):
                if len(after) < self._get_size(bracket["bracket_num"], number):
                    kept |= {entry["id"] for entry in before}
        return kept
