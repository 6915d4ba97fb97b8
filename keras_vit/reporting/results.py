"""The results of a finished run: its evaluation as numbers, pictures and a card."""

import logging

import keras
import numpy as np

import keras_vit.data
from keras_vit.advising.writing import advise
from keras_vit.checkpoints import list_weights
from keras_vit.common.figures import save_figure
from keras_vit.common.files import replacing, write_json, write_text
from keras_vit.devices import current
from keras_vit.evaluation import (
    evaluate,
    evaluate_boxes,
    evaluate_labels,
    evaluate_masks,
    plot_confusion,
    plot_mistakes,
    write_detection_report,
    write_labels_report,
    write_report,
    write_segmentation_report,
)
from keras_vit.evaluation.report.pictures import MOST_CLASSES
from keras_vit.reporting.card import judged_weights, model_card
from keras_vit.training.model_arguments import OF_WHOLE_IMAGES
from keras_vit.training.tracking.tracking import report_results
from keras_vit.visualize import plane_fields, plot_filters

logger = logging.getLogger(__name__)

# The evaluation and the page of a task that is not one class an image.
OWN = {
    "multilabel": (evaluate_labels, write_labels_report),
    "segmentation": (evaluate_masks, write_segmentation_report),
    "detection": (evaluate_boxes, write_detection_report),
}


def write_results(folder, *, preprocessing=None, progress=None, place=None, look=True):
    """Evaluates the model of a run folder and writes the results into it.

    Of a run of segmentation or detection these are `evaluation.json`, `advice.json`,
    `model_card.md` and `report.html`; of several labels `predictions.npz`, too. Of
    others `evaluation.json`, `predictions.npz`, `model_card.md`, what
    `keras_vit.advise` writes and, where matplotlib is installed, `report.html`,
    `confusion.png` and `mistakes.png`, the most confident mistakes; of a Neocognitron
    also `planes-s1.png` and so on, what the cells of its planes look for.

    `predictions.npz` holds an answer for each test image, in their order, from which
    runs can be compared image by image: the arrays `labels` (int32, the number of the
    true class; on ImageNet's validation set the original label, not ReaL's),
    `predicted` (int32) and `confidence` (float32, the probability of the predicted
    class). The numbers are places in `class_names` of `run.json`. Of several labels an
    image they are `labels` (uint8, 0 and 1, a column for each class) and
    `probabilities` (float32).

    Args:
        folder: A `keras_vit.training.RunFolder` of a finished run.
        preprocessing: Steps in the place of the model's own, as for
            `keras_vit.evaluation.evaluate`, or `None`.
        progress: `None`, or a function (images done, images in all).
        place: The opened place of the run's data, or `None`; see
            `keras_vit.training.train`.
        look: Boolean, whether the advice looks at the images once more.

    Returns:
        An `Evaluation`, of several labels a `LabelEvaluation`, of a run of
        segmentation a `SegmentationEvaluation`, of detection a `DetectionEvaluation`.

    Example:

    >>> result = keras_vit.training.train(recipe)
    >>> write_results(result.folder).accuracy_interval
    """
    own = folder.read_record()["recipe"]
    other = OWN.get(own.get("task"))
    if other:
        evaluation = other[0](folder.path, progress=progress, place=place)
    else:
        evaluation = evaluate(
            folder.path, preprocessing=preprocessing, progress=progress, place=place
        )
    if not current().is_chief:
        return evaluation
    record = folder.read_record()
    card = model_card(
        record,
        evaluation,
        weights_licence=_weights_licence(record["recipe"]),
        data_licence=_data_licence(record["recipe"], place),
        check=record.get("check"),
        recipe_source=record.get("reasons"),
        path=str(folder),
    )
    write_json(folder.evaluation, evaluation.to_json())
    if own.get("task") in (None, *OF_WHOLE_IMAGES):
        write_predictions(evaluation, folder.path / "predictions.npz")
    write_text(folder.path / "model_card.md", card)
    advice, weights = advise(folder, look=look, place=place), judged_weights(record)
    try:
        if other:
            page = folder.path / "report.html"
            other[1](evaluation, page, str(folder), advice, weights)
        else:
            _draw(evaluation, folder, advice, weights)
    except ImportError as error:
        logger.info("No report and no pictures: %s", error)
    report_results(folder, record, evaluation.to_json())
    return evaluation


def write_predictions(evaluation, path, **columns):
    """Writes an `Evaluation`'s answer to each test image, in their order, as `.npz`.

    Args:
        evaluation: An `Evaluation`.
        path: Path of the file.
        **columns: Further arrays `(N,)`, by name.
    """
    if hasattr(evaluation, "thresholds"):
        scores = evaluation.probabilities.astype("float32")
        with replacing(path) as temporary:
            np.savez_compressed(
                temporary, labels=evaluation.labels, probabilities=scores
            )
        return
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            labels=evaluation.labels.astype("int32"),
            predicted=evaluation.predicted.astype("int32"),
            confidence=evaluation.confidences.astype("float32"),
            **columns,
        )


def _draw(evaluation, folder, advice, weights):
    number = len(evaluation.class_names)
    if number > MOST_CLASSES:
        logger.info(
            "The confusion picture shows the classes with the most mistakes: all "
            "%s would be too many to read.",
            f"{number:,}",
        )
    confusion = plot_confusion(evaluation)
    save_figure(confusion, folder.path / "confusion.png", dpi=120)
    if evaluation.mistakes:
        mistakes = plot_mistakes(evaluation)
        save_figure(mistakes, folder.path / "mistakes.png", dpi=120)
    page = folder.path / "report.html"
    write_report(evaluation, page, str(folder), advice, weights)
    if folder.read_record()["recipe"]["model"] == "Neocognitron":
        _draw_planes(folder)


def _draw_planes(folder):
    model = keras.saving.load_model(folder.model, compile=False)
    for name in ("s1", "s2", "s3"):
        planes = plot_filters(plane_fields(model, name), columns=6)
        save_figure(planes, folder.path / f"planes-{name}.png", dpi=120)


def _weights_licence(recipe):
    if recipe.get("weights") is None:
        return None
    name = str(recipe["weights"]).partition(":")[0]
    known = {source.licence for source in list_weights() if source.name == name}
    return known.pop() if len(known) == 1 else None


def _data_licence(recipe, place):
    data = place or recipe["data"]
    try:
        return keras_vit.data.describe(data, recipe.get("data_dir")).licence
    except (ValueError, OSError):
        return None
