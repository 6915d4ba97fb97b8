"""Probes: a few updates of each model of a study, timed on this machine."""

import dataclasses
import itertools
import logging
import statistics
import tempfile
import time

import keras

from keras_vit.costs.flops import TRAINING_FACTOR
from keras_vit.costs.time import OPERATIONS
from keras_vit.evaluation import evaluate
from keras_vit.studies.planning.data import (
    at_length,
    facts_of,
    is_here,
    model_cost,
    model_of,
)
from keras_vit.training.run.train import train

logger = logging.getLogger(__name__)

# Updates of a probe, of which the later half is timed. An update of more operations
# takes more than some seconds.
UPDATES = 24
_LARGEST = 20 * OPERATIONS


@dataclasses.dataclass(frozen=True)
class Probe:
    """Times of a model on this machine: wall-clock and processor seconds of each."""

    # Of one update, of one test of the model, and of all else of a cell: loading,
    # compiling, saving, the evaluation at the end.
    update: tuple[float, float]
    test: tuple[float, float]
    rest: tuple[float, float]

    def of(self, updates, tests):
        """(seconds, processor seconds) of a cell."""
        parts = zip(self.rest, self.update, self.test)
        return tuple(rest + updates * one + tests * test for rest, one, test in parts)


class _Clock(keras.callbacks.Callback):
    """Notes when each update ends, and how long each test takes."""

    def __init__(self):
        super().__init__()
        self.updates, self.tests, self.begun = [], [], None

    def on_train_batch_end(self, batch, logs=None):
        self.updates.append(_now())

    def on_test_begin(self, logs=None):
        self.begun = _now()

    def on_test_end(self, logs=None):
        self.tests.append(_passed(self.begun, _now()))


def _now():
    return time.monotonic(), time.process_time()


def _passed(before, after):
    return tuple(late - early for early, late in zip(before, after))


def probe_models(cells, pool=None):
    """Times each model of some cells.

    Args:
        cells: List of `Cell`.
        pool: A `concurrent.futures.Executor` that does it, or `None`.

    Returns:
        `(probes, notes)`: a dictionary from what `model_of` gives to a `Probe`, and
        texts about those that were not timed.
    """
    jobs = {model_of(cell.recipe): cell.recipe for cell in cells}  # the largest last
    notes = {key: _too_much(key) for key in jobs}
    jobs = {key: recipe for key, recipe in jobs.items() if not notes[key]}
    if jobs:
        logger.info("Timing %d models on this machine.", len(jobs))
    found = (map if pool is None else pool.map)(probe_recipe, jobs.values())
    probes = {key: probe for key, probe in zip(jobs, found) if probe is not None}
    return probes, list(dict.fromkeys(filter(None, notes.values())))


def _too_much(recipe):
    """Why a model is not timed here, or `""`."""
    try:
        if not is_here(recipe):
            return f"{recipe.data} is not here: no times"
        cost = model_cost(recipe, facts_of(recipe))
    except (ValueError, OSError) as error:
        return f"no times of {recipe.model}: {error}"
    if TRAINING_FACTOR * cost.gflops * 1e9 * recipe.batch_size > _LARGEST:
        return (
            f"{recipe.model} is too large to be timed here: ask for other hardware "
            "(--hardware)"
        )
    return ""


def probe_recipe(recipe):
    """Trains a few updates of a recipe, and times them.

    Returns:
        A `Probe`, or `None` where the training fails; a cell will say why.
    """
    short = dataclasses.replace(at_length(recipe, UPDATES), weights=None)  # no fetch
    clock, began = _Clock(), _now()
    with tempfile.TemporaryDirectory() as folder:
        try:
            options = {"callbacks": [clock], "progress": False, "check": False}
            result = train(short, f"{folder}/run", **options)
            if recipe.masked_target is None:
                evaluate(result.folder.path, mistakes=0)
        except (ValueError, OSError) as error:
            logger.info("Not timed: %s", error)
            return None
    whole = _passed(began, _now())
    late = clock.updates[-UPDATES // 2 :]
    steps = [_passed(one, other) for one, other in itertools.pairwise(late)]
    seconds, _ = (statistics.median(step) for step in zip(*steps))
    # Threads that read ahead compute in bursts: of processor seconds the mean.
    update = seconds, _passed(late[0], late[-1])[1] / len(steps)
    test = clock.tests[-1]
    parts = zip(whole, update, test)
    rest = tuple(max(0.0, all_ - UPDATES * one - tested) for all_, one, tested in parts)
    return Probe(update, test, rest)
