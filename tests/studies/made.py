"""Folders of studies that were never run: results and answers are made up."""

import json
import zlib

import numpy as np
from scipy import stats

from keras_vit.studies.parts import Axis, Compare
from keras_vit.studies.study import Study

IMAGES = 400


def data_size(**changes):
    """A study of two arms at four sizes."""
    levels = {"1 %": 60, "10 %": 600, "30 %": 1800, "100 %": 6000}
    values = dict(
        name="data-size",
        question="How much data does a ViT need beside a ResNet?",
        source="Dosovitskiy et al. 2021, section 4.3, figure 4",
        paper="BiT is ahead at 9 million images, ViT-B/32 from 30 million on.",
        base={"model": "small", "data": "fashion_mnist_mini", "epochs": 2},
        arms={"ViT": {}, "BiT": {"learning_rate": 0.002}},
        axis=Axis("size", "training images", {k: (n, {}) for k, n in levels.items()}),
        comparisons=tuple(
            Compare(kind, "ViT", "BiT") for kind in ("arms", "trend", "crossing")
        ),
        length_check=True,
        preset="laptop",
    )
    return Study(**{**values, **changes})


def ablation(**changes):
    """A study of one level: three arms against one."""
    arms = ("none", "learned", "relative", "2-D")
    values = dict(
        name="positions-made-up",
        question="What are position embeddings worth?",
        base={"model": "small", "data": "fashion_mnist_mini", "epochs": 2},
        arms={arm: {"dropout_rate": k / 100} for k, arm in enumerate(arms)},
        comparisons=tuple(Compare("arms", arm, "learned") for arm in arms[::2]),
        preset="laptop",
    )
    return Study(**{**values, **changes})


def made(
    folder, study, shares, spread=0.01, images=IMAGES, noise=0.3, skip=(), **states
):
    """Writes a study's folder, as if its cells had been run.

    Args:
        folder: Path.
        study: A `Study`.
        shares: Function (arm, level, whether it is a length check) to the expected
            share of right answers.
        spread: Float, standard deviation of a share between seeds.
        images: Integer, test images.
        noise: Float, how little two models agree on which images are hard.
        skip: Names of cells that were not run.
        states: Names of states (`diverged`, `failed`) to names of cells.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "study": study.to_json(),
        "cells": [cell.name for cell in study.cells()],
        "versions": {"keras_vit": "0.2.0", "processors": 2},
        "changed": ["data: fashion_mnist_mini instead of jft_300m"],
        "not_run": [[name, 138.0] for name in skip],
    }
    (folder / "study.json").write_text(json.dumps(record, ensure_ascii=False))
    of_state = {name: state for state, names in states.items() for name in names}
    random = np.random.default_rng(7)
    labels = random.integers(0, 10, images)
    hard = random.random(images)  # which images are, for every model
    for cell in study.cells():
        if cell.name in skip:
            continue
        share = shares(cell.arm, cell.level.removesuffix(" x2 updates"), cell)
        own = np.random.default_rng(zlib.crc32(cell.name.encode()))
        share = np.clip(share + spread * own.standard_normal(), 0, 1)
        right = (1 - noise) * hard + noise * own.random(images) < share
        write_cell(folder, study, cell, labels, right, of_state.get(cell.name, "done"))
    return folder


def write_cell(folder, study, cell, labels, right, state="done"):
    """result.json and predictions.npz of one cell."""
    place = folder / "cells" / cell.name
    (place / "run").mkdir(parents=True)
    number = (
        study.axis.levels[cell.level.removesuffix(" x2 updates")][0]
        if study.axis
        else None
    )
    predicted = np.where(right, labels, (labels + 1) % 10)
    accuracy = 100 * float(right.mean())
    interval = stats.binomtest(int(right.sum()), len(right)).proportion_ci(
        method="wilson"
    )
    updates = 1300 * (1 + cell.length_check)
    result = {
        "name": cell.name,
        "arm": cell.arm,
        "level": cell.level,
        "level_value": number,
        "seed": cell.seed,
        "length_check": cell.length_check,
        "status": state,
        "folder": f"cells/{cell.name}/run",
    }
    if state == "done":
        result |= {
            "n_train": number or 6000,
            "num_parameters": 312_000,
            "forward_flops": 5.6e6,
            "updates": updates,
            "images": 64 * updates,
            "train_flops": 3 * 5.6e6 * 64 * updates,
            "seconds": 61.5,
            "cpu_seconds": 118.0,
            "devices": 1,
            "environment": "3f2a",
            "mixed": False,
            "outcome": accuracy,
            "test_accuracy": accuracy,
            "low": 100 * interval.low,
            "high": 100 * interval.high,
            "train_accuracy": accuracy,
            "best_val_accuracy": None,
            "test_images": len(labels),
            "fingerprints": {"train": "a", "test": "b"},
        }
        record = {
            "status": "finished",
            "recipe": cell.recipe.to_json(),
            "resolved": {"total_steps": updates, "parameters": 312_000},
            "data": {"train": {"num_examples": result["n_train"]}},
            "cost": {
                **{"images": result["images"], "flops": result["train_flops"]},
                **{"flops_per_image": result["forward_flops"], "devices": 1},
            },
        }
        (place / "run" / "run.json").write_text(json.dumps(record))
        history = f"epoch,accuracy,val_accuracy\n1,0.1,0.1\n2,{accuracy / 100},0.9\n"
        (place / "run" / "history.csv").write_text(history)
        np.savez(
            place / "run" / "predictions.npz",
            labels=labels,
            predicted=predicted,
            confidence=np.full(len(labels), 0.5, np.float32),
        )
    else:
        result["message"] = "ResourceExhaustedError: out of memory"
    (place / "result.json").write_text(json.dumps(result, ensure_ascii=False))


GAPS = {"1 %": 0.12, "10 %": 0.09, "30 %": 0.08, "100 %": 0.07}
BASES = {"1 %": 0.46, "10 %": 0.68, "30 %": 0.73, "100 %": 0.77}


def usual(arm, level, cell):
    """Shares as in the trial: BiT ahead everywhere, ViT limited by its updates."""
    return BASES[level] + GAPS[level] * (arm == "BiT") + 0.03 * cell.length_check


def alike(arm, level, cell):
    """The same share for all."""
    return 0.6
