"""The runs of a reproduction: finished ones stay; the sweep that chooses a rate."""

import dataclasses
import logging

from keras_vit.common.checks import check_choice
from keras_vit.studies.reproducing.checks import check_all
from keras_vit.training import RunFolder, train
from keras_vit.training.run.divergence import Diverged

logger = logging.getLogger(__name__)

# Shares of the training images on which rates are compared, by task; a tenth of others.
# Source: Dosovitskiy et al. 2021, appendix B.1.1.
HELD_OUT = {"cifar10": 0.02, "cifar100": 0.02, "imagenet2012": 0.01}


def finished(recipe, path, devices):
    """The folder of a run that is trained, resumed, or was finished before."""
    folder = RunFolder(path)
    return train(recipe, path, devices=devices, resume=folder.is_run()).folder


def swept(recipe, rates, task, folder, devices):
    """The rate that does best on held-out training images, one run each.

    Args:
        recipe: A `Recipe`.
        rates: Tuple of learning rates.
        task: String, the published task, which decides how many images are held out.
        folder: Path, below which each run has a folder.
        devices: As for `keras_vit.training.train`.

    Returns:
        `(rate, found)`: the rate, and a dictionary of each to its accuracy on the
        held-out images, per cent, or to `None` where it diverged.

    Raises:
        ValueError: if all runs diverged.
    """
    share = HELD_OUT.get(task.removesuffix("_real"), 0.1)
    found = {}
    for rate in rates:
        run = dataclasses.replace(recipe, learning_rate=rate, validation_fraction=share)
        try:
            done = finished(run, folder / f"rate_{rate:g}", devices)
            found[rate] = 100 * done.read_record()["result"]["val_accuracy"]
            said = f"{found[rate]:.2f} % of the held-out images"
        except Diverged as error:
            found[rate], said = None, str(error)
        logger.info("rate %g: %s", rate, said)
    known = {rate: value for rate, value in found.items() if value is not None}
    if not known:
        raise ValueError(f"At each rate of the sweep the training diverged: {rates}.")
    return max(known, key=known.get), found


def rates_of(trial, sweep, fields):
    """The learning rates to choose from."""
    check_choice(sweep, (None, "paper"), "sweep")
    if sweep is None:
        return ()
    if not trial.rates or "learning_rate" in fields:
        why = "it is given" if trial.rates else "no sweep of it is published"
        raise ValueError(
            f"The learning rate of {trial.row.id} cannot be swept: {why}. "
            f"Received: sweep={sweep!r}"
        )
    return trial.rates


def begun_with(attempt, folder, devices):
    """The recipe of the runs, with the weights of their pretraining if they need it."""
    recipe, first = attempt.recipe, attempt.trial.pretraining
    recipe = dataclasses.replace(recipe, data_dir=attempt.data_dir)
    if first is not None and recipe.weights is None:
        before = finished(first, folder / "pretraining", devices)
        recipe = dataclasses.replace(recipe, weights=str(before.path))
    return recipe


def with_rate(attempt, folder, devices):
    """The attempt at the rate that a sweep chose, checked again, and what it found."""
    if not attempt.rates:
        return attempt, {}
    trial, recipe = attempt.trial, begun_with(attempt, folder, devices)
    task = trial.row.task
    rate, found = swept(recipe, attempt.rates, task, folder / "sweep", devices)
    # The row's own rate is the best of the same ones.
    own, ours = (
        dataclasses.replace(one, learning_rate=rate)
        for one in (trial.recipe, attempt.recipe)
    )
    trial = dataclasses.replace(trial, recipe=own)
    seen = dataclasses.replace(attempt.found, recipe=ours)
    chosen = {"trial": trial, "found": seen, "checks": check_all(trial, seen)}
    return dataclasses.replace(attempt, recipe=ours, **chosen), found
