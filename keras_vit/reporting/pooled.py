"""Writes what the folds of a cross-validation say together."""

import logging
from pathlib import Path

import numpy as np

from keras_vit.common.files import write_json
from keras_vit.evaluation import write_report, write_segmentation_report
from keras_vit.evaluation.pooling import pool
from keras_vit.reporting.folds import RECORD
from keras_vit.reporting.results import write_predictions

logger = logging.getLogger(__name__)


def write_folds(parent, evaluations, recipe):
    """Writes what the folds of a cross-validation say together.

    Into `parent` go `folds.json`, `evaluation.json`, `report.html` and, of classes,
    `predictions.npz` as of a single run, with the number of each image's fold as
    `fold`.

    Args:
        parent: The folder above those of the folds.
        evaluations: The evaluations of all folds, in their order.
        recipe: The `Recipe` of one of them.

    Returns:
        What `keras_vit.evaluation.pooling.pool` makes of them, or `None`.
    """
    parent, pooled = Path(parent), pool(evaluations)
    record = {"folds": len(evaluations), "group_by": recipe.group_by}
    record |= {"data": recipe.data, "model": recipe.model, "task": recipe.task}
    if pooled is not None:
        found = pooled.to_json()
        write_json(parent / "evaluation.json", found)
        names = ("accuracy", "accuracy_interval", "groups")
        names += ("mean_iou", "mean_iou_interval")
        record |= {name: found[name] for name in names if name in found}
        record["single_folds"] = [_score(evaluation) for evaluation in evaluations]
        _draw(pooled, parent)
    if hasattr(pooled, "predicted"):
        counts = [found.num_examples for found in evaluations]
        folds = np.repeat(np.arange(1, len(counts) + 1), counts).astype("int32")
        write_predictions(pooled, parent / "predictions.npz", fold=folds)
    write_json(parent / RECORD, record)
    return pooled


def _score(evaluation):
    if hasattr(evaluation, "accuracy"):
        return evaluation.accuracy
    return float(evaluation.scores.mean_iou)


def _draw(pooled, parent):
    masks = hasattr(pooled, "tallies")
    write = write_segmentation_report if masks else write_report
    try:
        write(pooled, parent / "report.html", f"{parent}, cross-validation")
    except ImportError as error:
        logger.info("No report: %s", error)
