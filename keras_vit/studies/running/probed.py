"""Runs a cell without a training: a classifier of the features of its first weights."""

import dataclasses
import time

import numpy as np

from keras_vit.common.files import replacing, write_json
from keras_vit.data import open_place
from keras_vit.data.subsets import parse
from keras_vit.devices import as_strategy, current
from keras_vit.evaluation.metrics import wilson_interval
from keras_vit.evaluation.probes.ridge import L2, Ridge, best, cross_validate
from keras_vit.evaluation.probes.shots import SHOTS, choose_shots
from keras_vit.studies.folder import DONE
from keras_vit.studies.parts import shots_of
from keras_vit.studies.planning.data import at_whole_data, split_off
from keras_vit.studies.running.data_prints import (
    check_data,
    environment_id,
    fingerprint,
)
from keras_vit.studies.running.features import frozen_features
from keras_vit.training.datasets import load_data
from keras_vit.training.run.environment import describe_environment


def probed(cell, folder, devices="auto", recipe=None, may_mix=False):
    """What result.json says of a cell whose outcome is a linear probe, or few-shot.

    The classifier is that of `keras_vit.evaluation.Ridge`. As a linear probe it is
    fitted to all training images of the cell, with the penalty that five-fold
    cross-validation chooses; as few-shot to one draw, that of the cell's seed, with the
    published penalty. Whatever the outcome, `fewshot_N` is there for each published N
    of which every class has so many images. The answers are in predictions.npz; sizes
    and operations, and what the classifier was fitted with, in probe.json.

    Args:
        cell: A `Cell`.
        folder: The `StudyFolder`.
        devices: As for `keras_vit.training.train`.
        recipe: The cell's `Recipe` with the weights of its pretraining, if it has one.
        may_mix: Boolean, whether features of another kind of machine will do; the cell
            is marked then.

    Returns:
        Dictionary; accuracies are in percent.
    """
    started = time.monotonic(), time.process_time()
    run = folder.run(cell.name).path
    run.mkdir(parents=True, exist_ok=True)
    recipe = at_whole_data(cell.recipe if recipe is None else recipe)
    recipe = dataclasses.replace(recipe, validation_fraction=None, keep="last")
    with as_strategy(devices).scope():
        train, test = load_data(recipe, open_place(recipe.data))
        rows = _rows(cell.recipe, train)
        part = train.with_store(train.store.select(rows))
        prints = {"train": fingerprint(part), "test": fingerprint(test)}
        check_data(cell, folder, prints)
        sign = run / "features-are-made"  # of life, for who watches the cell's files
        environment, replicas = describe_environment(), current().num_replicas
        frozen = frozen_features(
            recipe,
            (train, test),
            folder,
            environment,
            progress=lambda done, _: sign.touch(),
            mixed=may_mix,
        )
        sign.unlink(missing_ok=True)
    x, y = frozen.train[rows], frozen.train_labels[rows]
    truth = frozen.test_labels
    answers, own, fit = _fitted(cell, x, y, frozen.test, train.num_classes)
    with replacing(run / "predictions.npz") as temporary:
        np.savez_compressed(
            temporary,
            labels=truth.astype("int32"),
            predicted=answers.astype("int32"),
        )
    right = int((answers == truth).sum())
    accuracy = 100 * right / len(answers)
    low, high = wilson_interval(right, len(answers))
    shots = {
        f"fewshot_{n}": _percent(_few(cell, x, y, n, train.num_classes), frozen)
        for n in SHOTS
        if n <= np.bincount(y, minlength=train.num_classes).min()
    }
    facts = {
        "measure": cell.measure,
        "n_train": len(y),
        "train_accuracy": own,
        "num_parameters": frozen.parameters,
        "forward_flops": frozen.flops,
        "updates": 0,
        "images": len(y),
        "train_flops": frozen.flops * len(y),  # each image once, forwards
        **shots,
    }
    write_json(run / "probe.json", {**facts, "fit": fit})
    # As of a run, times of several machines say nothing.
    mixed = frozen.mixed or bool(cell.needs and folder.read_result(cell.needs)["mixed"])
    seconds = time.monotonic() - started[0] - frozen.waited
    cpu_seconds = time.process_time() - started[1]
    return {
        "status": DONE,
        "seconds": None if mixed else round(seconds, 1),
        "cpu_seconds": None if mixed else round(cpu_seconds, 1),
        "devices": replicas,
        "environment": environment_id(environment),
        "mixed": mixed,
        "outcome": accuracy,
        "test_accuracy": accuracy,
        "low": 100 * low,
        "high": 100 * high,
        "best_val_accuracy": None,
        "test_images": len(answers),
        "fingerprints": prints,
        **facts,
    }


def _rows(recipe, whole):
    """The places of a cell's training images among all, sorted."""
    labels, names = whole.store.label_table()
    labels, names = np.asarray(labels), np.asarray(names, object)
    rows, part = np.arange(len(labels)), split_off(recipe.data)[1]
    for subset in parse(part)[1] if part else ():
        rows = rows[subset.places(labels[rows], names[rows], whole.class_names)]
    return rows


def _fitted(cell, x, y, tests, num_classes):
    """Answers to the test images, accuracy on its own images, and how it was fitted."""
    shots = shots_of(cell.measure)
    if shots is not None:
        chosen = choose_shots(y, num_classes, shots, cell.seed)
        x, y, l2, tried = x[chosen], y[chosen], L2, {}
    else:
        tried = cross_validate(x, y, num_classes)
        l2 = best(tried)
    probe = Ridge(x, y, num_classes).probe(l2)
    own = 100 * float((probe.predict(x) == y).mean())
    tried = {f"{penalty:g}": 100 * share for penalty, share in tried.items()}
    fit = {"l2": l2, "images": len(y), "cross_validation": tried}
    return probe.predict(tests), own, fit


def _few(cell, x, y, number, num_classes):
    chosen = choose_shots(y, num_classes, number, cell.seed)
    return Ridge(x[chosen], y[chosen], num_classes).probe(L2)


def _percent(probe, frozen):
    right = probe.predict(frozen.test) == frozen.test_labels
    return 100 * float(right.mean())
