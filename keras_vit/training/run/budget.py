"""Lays out a run for a number of minutes: how many updates are done in that time.

A trial of at most a minute, on the batches of the run and a model that is then thrown
away, measures an update and a test, and apart from them what their compilation takes.
The run then begins anew, with a length that is known: so its schedule reaches its end,
and its result is that of a run of `total_steps`, bit for bit.
"""

import dataclasses
import logging
import math
import tempfile
import time

import keras

from keras_vit.devices import current
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.folder.state import save_state
from keras_vit.training.run.batches import test_batches, training_batches
from keras_vit.training.run.callbacks import save_weights

logger = logging.getLogger(__name__)

clock = time.monotonic

# A trial takes at most so many seconds of updates, and at most this share of the
# budget; but so many updates in any case, and so many batches of a test.
TRIAL_SECONDS, TRIAL_SHARE = 60.0, 0.1
TRIAL_UPDATES, TRIAL_BATCHES = 4, 4
# Of the time that is left, what is planned for: a machine does not keep its pace.
PLANNED = 0.97

# What a length changes in a recipe.
_LENGTH = ("total_steps", "warmup_steps", "cooldown_steps")


@dataclasses.dataclass(frozen=True)
class Pace:
    """Seconds that the parts of a run take."""

    # What the first update and the first test take longer than others: compilation.
    compiling: float
    update: float
    # A test of the model, with the writing of its weights and its state.
    test: float


def measure(job, seconds):
    """The `Pace` of a run, by a trial after which its model is of no more use.

    Args:
        job: The `Job`.
        seconds: Float, those of the whole budget.
    """
    trainer = job.network.trainer
    watch = _Stopwatch(min(TRIAL_SECONDS, TRIAL_SHARE * seconds))
    trainer.fit(
        training_batches(job),
        steps_per_epoch=10**6,
        callbacks=[watch],
        shuffle=False,
        verbose=0,
    )
    (_, begun), (first, warm), *_, (last, end) = watch.times
    update = (end - warm) / (last - first)
    compiling = max(0.0, warm - begun - first * update)
    batches, steps = test_batches(job)
    images = job.data.parts.judged.num_examples
    steps = steps or -(-images // job.recipe.batch_size)
    tried, times = min(steps, TRIAL_BATCHES), [clock()]
    for _ in range(2):
        trainer.evaluate(batches, steps=tried, verbose=0)
        times.append(clock())
    test = (times[2] - times[1]) * steps / tried
    compiling += max(0.0, times[1] - times[0] - (times[2] - times[1]))
    with tempfile.TemporaryDirectory() as path:
        folder, start = RunFolder(path), clock()
        save_weights(job, folder)
        save_state(folder.checkpoints, trainer, job.position)
        test += clock() - start
    return Pace(compiling, update, test)


class _Stopwatch(keras.callbacks.Callback):
    """Notes when updates end, and stops when it has seen enough of them."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.times = []  # pairs (updates, time)

    def on_epoch_begin(self, epoch, logs=None):
        self.times.append((0, clock()))

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the device
        self.times.append((batch + 1, clock()))
        calls = len(self.times) - 1
        if calls < 2 or batch + 1 < TRIAL_UPDATES:
            return
        if current().num_hosts > 1 and calls & (calls - 1):
            return  # All of them ask each other, and rarely.
        enough = self.times[-1][1] - self.times[1][1] >= self.seconds
        if current().total(enough and current().is_chief):
            self.model.stop_training = True


def updates_in(seconds, pace, steps_per_test):
    """The most updates for which the time is enough, with all tests.

    Args:
        seconds: Float.
        pace: A `Pace`, whose compilation is not counted.
        steps_per_test: Integer, updates from one test to the next; there is one at the
            end too.
    """
    whole = steps_per_test * pace.update + pace.test
    tests = max(0, math.floor(seconds / whole))
    rest = seconds - tests * whole - pace.test
    return tests * steps_per_test + max(0, math.floor(rest / pace.update))


def lay_out(recipe, data, pace, left):
    """How long a run is to be, for run.json.

    Args:
        recipe: A `Recipe` with `max_minutes`.
        data: The run's `Data`, with the length that the recipe asks for.
        pace: A `Pace`.
        left: Float, seconds of the budget that are left.

    Returns:
        A dictionary: fields of the recipe, and what they follow from.

    Raises:
        ValueError: if the time is not enough for a single update.
    """
    asked, steps = data.total_steps, recipe.steps_per_execution
    seconds = PLANNED * (left - pace.compiling)
    total = min(asked, updates_in(seconds, pace, data.steps_per_test))
    if total < asked:
        total -= total % steps
    total = int(current().total(total if current().is_chief else 0))
    spent = 60 * recipe.max_minutes - left
    if total < 1:
        least = spent + pace.compiling + (steps * pace.update + pace.test) / PLANNED
        raise ValueError(
            f"{recipe.max_minutes:g} minutes are too few for an update: to prepare and "
            f"to measure took {spent:.0f} s, compiling takes {pace.compiling:.0f} s, "
            f"an update {pace.update:.2g} s and a test {pace.test:.2g} s. Received: "
            f"max_minutes={recipe.max_minutes:g}; this run needs at least "
            f"{math.ceil(least / 6) / 10:g}"
        )
    tests = -(-total // data.steps_per_test)
    planned = pace.compiling + total * pace.update + tests * pace.test
    parts = {name: getattr(recipe, name) for name in _LENGTH[1:]}
    share = total / asked
    shorter = {n: v and min(int(v * share), total - 1) for n, v in parts.items()}
    facts = {
        "max_minutes": recipe.max_minutes,
        "total_steps": total,
        **(shorter if total < asked else parts),
        "seconds_before": round(spent, 1),
        "seconds_planned": round(planned, 1),
        "seconds_compiling": round(pace.compiling, 2),
        "seconds_per_update": pace.update,
        "seconds_per_test": pace.test,
    }
    _say(facts, asked, data.steps_per_epoch)
    return facts


def _say(facts, asked, steps_per_epoch):
    total, minutes = facts["total_steps"], facts["max_minutes"]
    took, planned = facts["seconds_before"] / 60, facts["seconds_planned"] / 60
    if total == asked:
        logger.info(
            "All %d updates fit into %g minutes: after %.1f, they take about %.1f.",
            *(total, minutes, took, planned),
        )
        return
    log = logger.warning if total < steps_per_epoch else logger.info
    log(
        "Laid out for %g minutes: %d updates instead of %d, %.3g passes over the "
        "images%s. After %.1f minutes, they take about %.1f.",
        *(minutes, total, asked, total / steps_per_epoch),
        ", which is less than one" if total < steps_per_epoch else "",
        *(took, planned),
    )


def laid_out(recipe, facts):
    """The recipe of a run after `lay_out`: one of so many updates, without a budget.

    Args:
        recipe: A `Recipe`.
        facts: What `lay_out` returned; or `None`, for the same recipe.
    """
    if not facts:
        return recipe
    length = {name: facts[name] for name in _LENGTH}
    return dataclasses.replace(recipe, epochs=None, max_minutes=None, **length)


def say_what_is_left(facts, position):
    """Logs how much of its minutes a resumed run has used.

    Args:
        facts: What `lay_out` returned.
        position: The `Position` where it resumes.
    """
    used = facts["seconds_before"] + position.seconds
    left = facts["total_steps"] - position.step
    logger.info(
        "Of %g minutes %.1f are used; the last %d updates take about %.1f.",
        facts["max_minutes"],
        used / 60,
        left,
        facts["seconds_planned"] * left / facts["total_steps"] / 60,
    )
