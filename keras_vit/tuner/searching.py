"""`search`: runs a whole search, from a hypermodel to the best recipe."""

import contextlib

import keras_tuner

from keras_vit.common.files import write_json
from keras_vit.data.readers.leftovers import SEARCHES
from keras_vit.devices import as_strategy
from keras_vit.training.folder.choice import next_run_folder, run_name
from keras_vit.tuner.chief import (
    SearchError,
    beating,
    is_chief,
    is_worker,
    serve,
    wait_for,
)
from keras_vit.tuner.hypermodels import hypermodel_for
from keras_vit.tuner.resuming import check_options
from keras_vit.tuner.search_folder import SearchFolder
from keras_vit.tuner.settings import SearchSettings
from keras_vit.tuner.table import write_results
from keras_vit.tuner.trials import make_tuner


def search(
    hypermodel,
    folder=None,
    *,
    algorithm=None,
    trials=None,
    epochs=None,
    objective=None,
    seed=None,
    devices="auto",
    resume=False,
):
    """Searches for a better recipe.

    The first trial is the hypermodel's own recipe, so the best one is never worse by
    the images that were held out. All trials have the same images, the same seed and
    the same length. The folder holds everything: a run folder for each trial, with the
    weights of the best one only, `trials.csv`, `parallel_coordinates.png`, and
    `best_recipe.json`, which `keras-vit train --recipe` takes. A search that was
    stopped or killed resumes with `resume=True`, inside the trial that it was at.

    Args:
        hypermodel: A `ViTHyperModel` or `BiTHyperModel`.
        folder: Path, new or empty. Defaults to `searches/<data>-<model>-<number>`.
        algorithm: `"random"`, the default; `"bayesian"`, for long trials and few
            fields; or `"hyperband"`, which starts many trials, and continues the better
            ones.
        trials: Integer, how many trials; Hyperband knows by itself. Defaults to 20.
        epochs: Integer, passes of a trial over its training images, instead of the
            recipe's length; of the longest trials in Hyperband. Short trials favour
            high rates and small models.
        objective: `"val_accuracy"`, the highest, which is the default, or
            `"val_loss"`, the lowest; of the images held out, after the last epoch.
        seed: Integer, decides the draws. Defaults to 0.
        devices: As for `keras_vit.training.train`.
        resume: Boolean, whether to resume the search in `folder`, with its own
            settings: `hypermodel` may be `None`, and what is given must agree.

    Returns:
        A `SearchFolder`.

    Raises:
        ValueError: if a setting is wrong or not that of the search to resume, the
            folder is taken, or the budget excludes everything.
        ImportError: if KerasTuner is not installed, saying how to install it.
        SearchError: if trials fail one after the other, or no worker is left.
        Interrupted: after Ctrl-C, with the state saved.

    Example:

    >>> found = search(ViTHyperModel(Recipe(epochs=8)), "searches/mine", trials=12)
    >>> found.best.score, found.best.values
    """
    settings = {"algorithm": algorithm, "trials": trials, "epochs": epochs}
    settings |= {"objective": objective, "seed": seed}
    settings = {name: value for name, value in settings.items() if value is not None}
    if resume:
        folder = SearchFolder(folder)
        if hypermodel is not None:
            own = {"recipe": hypermodel.base, "budget": hypermodel.budget}
            settings |= {**own, "space": hypermodel.space, "fields": hypermodel.space}
        check_options(folder, **settings)
    else:
        folder = prepare_search(hypermodel, folder, **settings)
    run_search(folder, devices)
    return folder


def prepare_search(hypermodel, folder=None, **settings):
    """Looks at the data of a new search, and writes its settings.

    Args:
        hypermodel: A `RecipeHyperModel`.
        folder: Path, new or empty, or `None`.
        **settings: Of `SearchSettings`.

    Returns:
        A `SearchFolder`.
    """
    settings = SearchSettings(
        recipe=hypermodel.base,
        space=hypermodel.space,
        budget=hypermodel.budget,
        facts=hypermodel.facts,
        validation_fraction=hypermodel.base.validation_fraction,
        **settings,
    )
    if folder is None:
        folder = next_run_folder(SEARCHES, run_name(hypermodel.base)).path
    folder = SearchFolder(folder)
    folder.place = hypermodel.place
    if folder.is_taken():
        raise ValueError(
            f"{folder} exists and is not empty: resume it, or choose another folder."
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        write_json(folder.settings_file, settings.to_json())
    except BaseException:
        folder.discard_if_unused()
        raise
    return folder


def run_search(folder, devices="auto"):
    """Runs the search of a folder, or this process's part in it, to its end.

    With KerasTuner's variables `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and
    `KERASTUNER_ORACLE_PORT`, this process is the chief, which trains nothing, or a
    worker; all of them share the folder.

    Args:
        folder: A `SearchFolder` that `prepare_search` has written.
        devices: As for `keras_vit.training.train`.
    """
    if is_worker():
        wait_for(folder.settings_file)
    settings = folder.settings()
    hypermodel = hypermodel_for(
        settings.trial_recipe,
        settings.space,
        fields=list(settings.space),
        budget=settings.budget,
        facts=settings.facts,
    )
    if folder.place is not None:
        hypermodel.place = folder.place
    with as_strategy(devices).scope() as strategy:
        if strategy.num_hosts > 1:
            raise ValueError(
                "A trial of a search has one process. For several machines, start a "
                "chief and workers, each with KERASTUNER_TUNER_ID. "
                f"Received: {strategy}"
            )
        with contextlib.nullcontext() if is_worker() else folder.locked():
            tuner = make_tuner(hypermodel, folder, settings, strategy)
            try:
                _search(tuner, folder)
            except keras_tuner.errors.FatalError as error:
                raise error.__cause__ or error from None  # such as a full disk
            if not is_worker():
                _finish(tuner.oracle, folder)


def _search(tuner, folder):
    """This process's part in the search."""
    if is_worker():
        with beating(folder.workers, tuner.tuner_id):
            tuner.search()
        return
    tuner.oracle.save()
    if is_chief():
        serve(tuner, folder)
    else:
        tuner.search()


def _finish(oracle, folder):
    rows = folder.trials()
    errors = [row.error for row in rows if row.error]
    why = f": {errors[-1]}" if errors else ""
    if oracle.failure is not None:
        raise SearchError(f"{oracle.failure}{why}")
    if not rows:
        raise ValueError(
            "No recipe in the space can be a trial. "
            f"The last of {oracle.rejected} draws: {oracle.last_refusal}"
        )
    if folder.best is None:
        raise SearchError(f"No trial has succeeded{why}")
    write_results(folder)
