"""The thresholds of several labels an image, chosen on the validation images."""

import logging

import numpy as np

from keras_vit.common.wording import display
from keras_vit.evaluation.forward import forward
from keras_vit.evaluation.multilabel.scores import best_threshold
from keras_vit.inference.loaded import class_probabilities, load_model, output_kind

logger = logging.getLogger(__name__)

# A class with fewer validation images has a threshold that says little.
FEW = 10
NAMED = 5


def set_thresholds(job, folder):
    """Writes into the files of weights and run.json from when on an image has a label.

    That is the probability with the highest F1 on the validation images, for each file
    of its own weights; run.json has those of model.keras. Without a validation part,
    and of a label that no image there has, it is a half.

    Args:
        job: A finished `Job`; nothing is done but for several labels an image.
        folder: Its folder. Where several processes train, all must call this.

    Returns:
        The content of run.json.
    """
    if job.recipe.task != "multilabel":
        return job.record
    names, counts = job.data.facts["class_names"], None
    thresholds = [0.5] * len(names)
    other = folder.beside(job.recipe.keep)
    for path in (other, folder.model):
        if not path.exists():  # without a validation part there is one file
            continue
        model = load_model(path)
        if job.has_validation:
            labels, scores = _answers(job, model)
            thresholds = list(map(best_threshold, labels.T, scores.T))
            counts = labels.sum(axis=0).astype(int).tolist()
        model.metadata["thresholds"] = thresholds
        folder.save_model(model, path)
    if job.has_validation:
        _tell(names, counts, len(labels))
    job.network.model.metadata["thresholds"] = thresholds
    job.record["thresholds"] = {
        "values": dict(zip(names, thresholds)),
        "validation_images": counts and dict(zip(names, counts)),
    }
    return job.record


def _answers(job, model):
    """Labels and probabilities of the validation images, `(N, classes)` each."""
    source, kind = job.data.validation, output_kind(model)
    found = forward(model, source, job.network.preprocessing, job.recipe.batch_size)
    pairs = [(labels, class_probabilities(o, kind)) for _, labels, o in found]
    return tuple(np.concatenate(column) for column in zip(*pairs))


def _tell(names, counts, number):
    few = [(n, count) for n, count in zip(names, counts) if count < FEW]
    logger.info(
        "Thresholds of the %d labels: those with the highest F1 on %s validation "
        "images.",
        *(len(names), f"{number:,}"),
    )
    if few:
        more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
        shown = ", ".join(f"{display(n)} ({count})" for n, count in few[:NAMED])
        logger.warning(
            "Labels with fewer than %d validation images: %s%s. Their thresholds say "
            "little (a half where there is none): hold out more with "
            "validation_fraction (--validation-fraction).",
            *(FEW, shown, more),
        )
