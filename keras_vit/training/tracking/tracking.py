"""Tells trackers of a run; one that fails is left out, and the run goes on."""

import json
import logging

import keras

from keras_vit.common.checks import check_choice, is_number
from keras_vit.common.installed import need
from keras_vit.common.wording import printable, shortened
from keras_vit.training.tracking.trackers import TRACKERS

logger = logging.getLogger(__name__)

# What a run's folder has for people, beside its numbers.
FILES = ("run.json", "history.csv", "curves.png", "evaluation.json", "model_card.md")
FILES += ("report.html", "confusion.png", "mistakes.png")
# The longest value that mlflow takes for a parameter of its oldest servers.
LONGEST = 250


def check_trackers(names):
    """The names of trackers as a tuple, if there are such and they are installed.

    Args:
        names: A name, or several.

    Raises:
        ValueError: naming one that there is not.
        ImportError: with the line that installs what is missing.
    """
    names = (names,) if isinstance(names, str) else tuple(names or ())
    for name in names:
        check_choice(name, tuple(TRACKERS), "track")
        need(f"Tracking by {name}", "track", TRACKERS[name][1])
    return tuple(dict.fromkeys(names))


class Tracking(keras.callbacks.Callback):
    """Tells the trackers of a run; as a callback, the numbers of each test.

    Args:
        names: Names of trackers; `None` to tell nobody.
        folder: The `RunFolder`.
        record: The content of run.json. The trackers that it names go on; its
            `tracking` gets the key of the run in each.
    """

    def __init__(self, names, folder, record):
        super().__init__()
        known, self.trackers = record.get("tracking") or {}, {}
        wanted = () if names is None else dict.fromkeys((*known, *names))
        for name in wanted:
            if name in TRACKERS:  # another version may have had others
                values = (folder, parameters_of(record), known.get(name))
                self.trackers[name] = _tried(name, TRACKERS[name][0], *values)
        self.trackers = {n: t for n, t in self.trackers.items() if t is not None}
        keys = {name: tracker.key for name, tracker in self.trackers.items()}
        if known or keys:
            record["tracking"] = {**known, **keys}

    def on_epoch_end(self, epoch, logs=None):
        self._tell("log", _numbers(logs or {}), epoch + 1)

    def end(self, status):
        """Says how the run ended: finished, failed or interrupted."""
        self._tell("end", status)

    def report(self, folder, numbers, step):
        """Hands over the numbers of the end, and the files of the folder."""
        self._tell("summarise", _numbers(numbers, "test_"), step)
        self._tell("save", [p for n in FILES if (p := folder.path / n).is_file()])

    def _tell(self, what, *values):
        for name, tracker in list(self.trackers.items()):
            if _tried(name, getattr(tracker, what), *values, failed=tracker) is tracker:
                del self.trackers[name]  # Its next words would fail too.


def _tried(name, function, *values, failed=None):
    """What a function of a tracker returns; `failed`, with a warning, if it raises."""
    try:
        return function(*values)
    except Exception as error:  # Whatever it is, the training goes on.
        reason = shortened(" ".join(printable(str(error)).split()), 300)
        logger.warning(
            "%s failed, and is told nothing more of this session: %s: %s",
            *(name, type(error).__name__, reason),
        )
        return failed


def report_results(folder, record, evaluation):
    """Tells the trackers of a finished run its results on the test images.

    Args:
        folder: The `RunFolder`.
        record: The content of run.json.
        evaluation: The numbers of evaluation.json.
    """
    if not record.get("tracking"):
        return
    tracking = Tracking((), folder, dict(record))
    step = record.get("result", {}).get("epoch", 0)
    tracking.report(folder, evaluation, step)
    tracking.end("finished")


def parameters_of(record):
    """The recipe, and what data and model made of it, as texts and numbers."""
    resolved = {f"resolved_{k}": v for k, v in record["resolved"].items()}
    return {
        name: value if is_number(value) else shortened(json.dumps(value), LONGEST)
        for name, value in {**record["recipe"], **resolved}.items()
    }


def _numbers(values, prefix=""):
    return {prefix + k: float(v) for k, v in values.items() if is_number(v)}
