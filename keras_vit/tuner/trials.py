"""One trial: a run of `keras_vit.training.train`, in a run folder of its own."""

import json
import logging
import shutil
import traceback
from pathlib import Path

import keras

from keras_vit.common.files import replacing
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.run.callbacks import Interrupted
from keras_vit.training.run.train import train
from keras_vit.tuner.search_folder import OUTCOME, run_of_trial

logger = logging.getLogger(__name__)


class Pause(keras.callbacks.Callback):
    """Stops a run after some epochs, so that it can go on.

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


def run_trial(recipe, folder, *, pause=None, previous=None, devices="auto"):
    """Trains a recipe, or goes on where an earlier process was stopped or killed.

    Args:
        recipe: A `Recipe`.
        folder: Path of the trial's folder.
        pause: Integer, epochs after which the trial ends, or `None` for the whole run.
        previous: Path of the folder of a trial that was paused earlier in the same
            run, which this one goes on with, or `None`.
        devices: As for `keras_vit.training.train`.

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
        )
    except Interrupted:
        if stop is None or not stop.reached:
            raise
    except Exception as error:
        _write(folder, {"error": str(error), "traceback": traceback.format_exc()})
        raise
    metrics = run.read_history()[-1]
    record = run.read_record()
    _write(
        folder,
        {
            "metrics": metrics,
            "parameters": record["resolved"]["parameters"],
            "total_epochs": recipe.epochs,
        },
    )
    return {name: float(value) for name, value in metrics.items()}


def _copy(source, target):
    """Copies a folder; if this process is killed meanwhile, there is no copy."""
    temporary = target.with_name(f"{target.name}.copy")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def _write(folder, outcome):
    with replacing(folder / OUTCOME) as temporary:
        temporary.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
