"""`reproduce`: looks, prices, runs and judges the run of a published value."""

import dataclasses
import logging
import re
import statistics
import time
from pathlib import Path

import keras_vit.data
from keras_vit import published
from keras_vit.common.files import write_json
from keras_vit.costs.flops import TRAINING_FACTOR
from keras_vit.devices import as_strategy
from keras_vit.evaluation import evaluate
from keras_vit.models import from_checkpoint
from keras_vit.models.variants.listing import published_flops
from keras_vit.reporting.results import write_results
from keras_vit.studies.reproducing.checks import (
    DIFFERS,
    Check,
    Found,
    check_all,
    hints_of,
    obstacles_of,
)
from keras_vit.studies.reproducing.page import write_page
from keras_vit.studies.reproducing.runs import begun_with, finished, rates_of, with_rate
from keras_vit.studies.reproducing.trials import Trial, find_trial
from keras_vit.training.datasets import load_data
from keras_vit.training.recipes.recipe import Recipe

logger = logging.getLogger(__name__)

RESULT = "result.json"


@dataclasses.dataclass(frozen=True)
class Attempt:
    """A reproduction that was looked at, and is not yet run."""

    trial: Trial
    found: Found
    checks: list[Check]
    # Our run and the number of seeds; `None` and 1 where weights are only tested.
    recipe: Recipe | None
    seeds: int
    # Floating-point operations of all runs, counted; `None` where a size is not known.
    flops: float | None
    # Where TFDS keeps its data sets.
    data_dir: str | None = None
    # Learning rates to choose from on held-out images, before the runs.
    rates: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """What came of a reproduction; prints as text."""

    trial: Trial
    checks: list[Check]
    # Top-1 accuracy of each run, per cent, and the run folders.
    accuracies: list[float]
    folders: list[str]
    seconds: float
    comparison: published.Comparison
    # `reproduce.html`.
    page: str
    # Fields that differ from the row's recipe: name to (the row's, ours).
    changes: dict
    flops: float | None
    # Of a sweep: learning rate to accuracy on held-out images, per cent, or `None`.
    sweep: dict = dataclasses.field(default_factory=dict)

    @property
    def mean(self):
        """Mean accuracy, per cent."""
        return statistics.mean(self.accuracies)

    def to_json(self):
        """The result as a dictionary that JSON can hold."""
        comparison = dataclasses.asdict(self.comparison)
        return {
            "row": self.trial.row.id,
            "published": self.trial.row.printed,
            "class": self.trial.kind,
            "run": self.trial.reason,
            "accuracies": self.accuracies,
            "mean": self.mean,
            "verdict": comparison.pop("verdict"),
            **comparison,
            "checks": [dataclasses.asdict(check) for check in self.checks],
            "changes": {name: list(pair) for name, pair in self.changes.items()},
            "sweep": {f"{rate:g}": value for rate, value in self.sweep.items()},
            "flops": self.flops,
            "seconds": self.seconds,
            "folders": self.folders,
        }

    def __str__(self):
        runs = f"{len(self.accuracies)} run{'s' * (len(self.accuracies) > 1)}"
        return (
            f"ours {self.mean:.2f} ({runs}), published {self.trial.row.text}\n"
            f"{self.comparison}"
        )


def look(
    row,
    *,
    weights=None,
    data=None,
    data_dir=None,
    preprocessing=None,
    seeds=3,
    devices="auto",
    open_files=True,
    sweep=None,
    **fields,
):
    """Everything before the run: what will be done, the ten checks, the operations.

    Args:
        row: A `Row`, its id, or a `Trial`.
        weights: Weights in the place of the published file: a path or a name; `"none"`
            to begin from random values.
        data: Data in the place of the published ones, as for `keras_vit.data.load`.
        data_dir: Where TFDS keeps its data sets.
        preprocessing: Steps of the test in the place of the source's, as for
            `keras_vit.evaluation.evaluate`.
        seeds: Integer, how many runs; weights that are only tested take one.
        devices: As for `keras_vit.training.train`.
        open_files: Boolean, whether to open the weights and the data, which may
            download them; without it, the checks that need them cannot tell.
        sweep: `"paper"` to choose the learning rate first as the authors did: among
            theirs, by one run each on held-out training images. `None` for the
            recipe's.
        **fields: Fields of the `Recipe` that differ from the published ones.

    Returns:
        An `Attempt`.

    Raises:
        ValueError: if the row cannot be run, or a field is unknown.
    """
    trial = row if isinstance(row, Trial) else find_trial(row)
    if not trial.can_run:
        raise ValueError(why_not(trial))
    given = None if weights == "none" else (weights or trial.weights)
    rates = rates_of(trial, sweep, fields)
    strategy = as_strategy(devices)
    found = Found(weights=given, num_devices=strategy.num_devices)
    steps = trial.steps if preprocessing is None else preprocessing
    if trial.recipe is None:
        if fields:
            raise ValueError(
                "Nothing is trained: the published weights are tested. "
                f"Received: {', '.join(fields)}"
            )
        recipe, seeds = None, 1
    else:
        own = {"data": data} if data else {}
        own |= {} if trial.pretraining and given is None else {"weights": given}
        changes = {**own, **fields}
        recipe = Recipe.from_json({**trial.recipe.to_json(), **changes})
    flops = estimate_flops(trial, recipe, seeds + len(rates))
    found = dataclasses.replace(found, recipe=recipe, steps=steps)
    if open_files:
        with strategy.scope():
            found = _opened(trial, found, data, data_dir)
    checks = check_all(trial, found)
    return Attempt(trial, found, checks, recipe, seeds, flops, data_dir, rates)


def why_not(trial):
    """Why a row cannot be run, and what can be in its place."""
    text = f"{trial.row.id} cannot be reproduced. {trial.reason}"
    if trial.nearest is not None:
        near = trial.nearest
        text += f" Nearest public row: {near.id} ({near.text})."
    elif trial.kind == "D":
        text += f" No public row of {trial.row.task} can be run either."
    return text


def _opened(trial, found, data, data_dir):
    """What is found in the files of weights and data."""
    if trial.recipe is None:
        model = _model(trial, found.weights)
        test = keras_vit.data.load(data or trial.data, data_dir)
        return dataclasses.replace(found, model=model, test=test)
    recipe = dataclasses.replace(found.recipe, data_dir=data_dir)
    train_images, test_images = load_data(recipe)
    found = dataclasses.replace(found, train=train_images, test=test_images)
    if found.weights and Path(found.weights).exists():
        model = _model(trial, found.weights, recipe)
        found = dataclasses.replace(found, model=model)
    return found


def _model(trial, weights, recipe=None):
    """The model of a file, at the size of its run; to be tested, at its own.

    Files of BiT do not tell a size of their own.
    """
    size = trial.row.image_size if trial.row.model.startswith("BiT") else None
    size = size if recipe is None else recipe.image_size
    return from_checkpoint(weights, **({} if size is None else {"image_size": size}))


def estimate_flops(trial, recipe, seeds):
    """Operations of all runs and tests, counted; `None` where a size is not known."""
    return _training_flops(trial, recipe, seeds) if recipe else _test_flops(trial)


def _test_flops(trial):
    """Operations of a forward pass over all test images."""
    try:
        forward = published_flops(trial.row.model, trial.row.image_size or 224)
    except ValueError:  # a model without a closed form
        return None
    return forward * (trial.counts[1] or 0) or None


def _training_flops(trial, recipe, seeds):
    """Operations of all runs, each with one test."""
    try:
        cost = recipe.cost(trial.counts[0])
        flops = seeds * cost.flops
        flops += seeds * cost.flops / cost.images / TRAINING_FACTOR * trial.counts[1]
        if trial.pretraining is not None:
            flops += trial.pretraining.cost().flops
    except (ValueError, TypeError):  # the data's or the model's size is not known
        return None
    return flops


def reproduce(
    row, *, folder=None, devices="auto", progress=None, attempt=None, **options
):
    """Runs what gave a published value, and says whether it came out again.

    The ten commonest causes of another number are checked first. Where one of them
    makes the two incomparable, the difference is given without a verdict. Runs are
    ordinary run folders below `folder`; those that are finished are not run again.

    Args:
        row: A `Row` of `keras_vit.published`, its id, or a `Trial`.
        folder: Path. Defaults to `reproductions/` and the row's id.
        devices: As for `keras_vit.training.train`.
        progress: `None`, or a function (images done, images in all) for the tests.
        attempt: What `look` returned, in the place of the options, or `None`.
        **options: Those of `look`: `weights`, `data`, `data_dir`, `preprocessing`,
            `seeds` (three are needed for a verdict on a training), `sweep`, fields of
            the `Recipe`.

    Returns:
        A `Reproduction`, which prints as text; `result.json` and `reproduce.html` lie
        in the folder.

    Raises:
        ValueError: if the row cannot be run, or the head of the weights was withheld.

    Example:

    >>> keras_vit.studies.reproduce("vit_readme/vit_b16/cifar10/steps500")
    """
    with as_strategy(devices).scope():
        if attempt is None:
            attempt = look(row, devices=devices, **options)
        return _reproduce(attempt, folder, devices, progress)


def _reproduce(attempt, folder, devices, progress):
    """`reproduce` after the look, in the scope of the devices."""
    trial = attempt.trial
    folder = Path(folder or Path("reproductions") / slug(trial.row.id))
    head = next(check for check in attempt.checks if check.name == "head")
    if attempt.recipe is None and head.status == DIFFERS:
        raise ValueError(
            f"{attempt.found.weights} cannot be tested: {head.text}. Fine-tune it, or "
            "give the file that was fine-tuned as weights."
        )
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    attempt, sweep = with_rate(attempt, folder, devices)
    trial = attempt.trial
    run = _test if attempt.recipe is None else _train
    accuracies, folders = run(attempt, folder, devices, progress)
    result = Reproduction(
        trial=trial,
        checks=attempt.checks,
        accuracies=accuracies,
        folders=folders,
        seconds=time.monotonic() - start,
        comparison=_compare(attempt, accuracies),
        page=str(folder / "reproduce.html"),
        changes=trial.recipe.diff(attempt.recipe) if trial.recipe else {},
        flops=attempt.flops,
        sweep=sweep,
    )
    write_json(folder / RESULT, result.to_json())
    write_page(result, result.page)
    return result


def slug(id):
    """An id as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.=]+", "-", id).strip("-.")


def _accuracy(trial, evaluation):
    """Per cent, of the labels that the task means."""
    real = trial.row.task.endswith("_real")
    share = evaluation.real_accuracy if real else evaluation.accuracy
    if share is None:
        raise ValueError(
            f"ReaL needs the images of ImageNet's validation set. "
            f"Received: {evaluation.data}"
        )
    return 100 * share


def _test(attempt, folder, devices, progress):
    """Tests published weights: accuracies and folders, as lists."""
    found = attempt.found
    evaluation = evaluate(
        found.model, found.test, preprocessing=found.steps, progress=progress
    )
    write_json(folder / "evaluation.json", evaluation.to_json())
    return [_accuracy(attempt.trial, evaluation)], [str(folder)]


def _train(attempt, folder, devices, progress):
    """Trains once for each seed: accuracies and run folders, as lists."""
    recipe = begun_with(attempt, folder, devices)
    accuracies, folders = [], []
    for seed in range(attempt.seeds):
        data = re.sub(r",seed=\d+$", f",seed={seed}", recipe.data)
        run = dataclasses.replace(recipe, seed=seed, data=data)
        done = finished(run, folder / f"seed_{seed}", devices)
        steps = attempt.found.steps  # the source's, where it has some
        options = {"progress": progress, "look": False}
        evaluation = write_results(done, preprocessing=steps, **options)
        accuracies.append(_accuracy(attempt.trial, evaluation))
        folders.append(str(done.path))
        logger.info("seed %d: %.2f %%", seed, accuracies[-1])
    return accuracies, folders


def _compare(attempt, accuracies):
    """The verdict, by the rules of `keras_vit.published`."""
    row, recipe, own = attempt.trial.row, attempt.recipe, attempt.trial.recipe
    other = recipe is not None and recipe.model != own.model
    several = len(accuracies) > 1
    ours = published.Result(
        value=statistics.mean(accuracies),
        sd=statistics.stdev(accuracies) if several else None,
        runs=len(accuracies),
        trained=recipe is not None,
        model=recipe.model if other else row.model,
        # The checks have looked at these.
        **{n: getattr(row, n) for n in ("task", "metric", "setting", "image_size")},
        pretrain=row.pretrain,
        pretrain_epochs=row.pretrain_epochs,
    )
    found = published.compare(ours, row, obstacles_of(attempt.checks))
    hints = hints_of(attempt.checks)
    return dataclasses.replace(found, reasons=(*found.reasons, *hints))
