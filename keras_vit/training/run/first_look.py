"""Checks the data of a run, and estimates its memory and time, before it starts."""

import logging
import re

from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import as_duration, as_memory, display
from keras_vit.costs.machine import available_memory, memory_of_process
from keras_vit.costs.memory import estimate_training, refuse_if_too_large
from keras_vit.costs.time import estimate_seconds
from keras_vit.data import augmentation, preprocessing
from keras_vit.data.check.data_check import check_data
from keras_vit.data.steps import Flip
from keras_vit.devices import current
from keras_vit.evaluation.memory import evaluation_memory
from keras_vit.evaluation.metrics import UNEQUAL
from keras_vit.training.model_arguments import OF_WHOLE_IMAGES

logger = logging.getLogger(__name__)

# Images of each split that are looked at: some seconds to half a minute.
LIMIT = 10_000


def look_at_data(recipe, train_data, test_data, progress=None, validation=None):
    """Checks the data of a run, and logs what is found.

    Args:
        recipe: A `Recipe`.
        train_data: `Source` to train on.
        test_data: `Source` to test on.
        progress: Boolean or `None`, whether to show a bar; see `train`.

        validation: `Source` to choose by, or `None`.

    Returns:
        The check, as a dictionary for run.json; `None` of data that is streamed, all
        of which would have to be read.

    Raises:
        ValueError: if an image cannot be read and the recipe does not leave it out.
    """
    if recipe.task not in OF_WHOLE_IMAGES:
        return None  # whoever loaded the masks has looked at them
    if train_data.labels is None or test_data.labels is None:
        logger.info("The data is too large to be checked first: it is streamed.")
        return None
    with progress_bar("checking the data", progress) as bar:
        check = check_data(
            train_data,
            test_data,
            validation=validation,
            limit=LIMIT,
            progress=bar,
        )
    if check.broken and recipe.corrupt == "error":
        name, reason = check.broken[0]
        others = len(check.broken) - 1
        more = f", and {others} more" if others else ""
        raise ValueError(
            f"Corrupt image: {name}: {reason}{more}. Remove or repair such images, or "
            "leave them out with corrupt='skip' (--corrupt skip)."
        )
    if check.num_checked < check.num_examples:
        logger.info(
            "Looked at %s of %s images, evenly spaced, for broken ones and duplicates.",
            f"{check.num_checked:,}",
            f"{check.num_examples:,}",
        )
    if check.labels_per_image:
        for line in str(check).splitlines():
            if "labels per training image" in line or "classes: " in line:
                logger.info("%s.", line)
    for warning in check.warnings:
        logger.warning("%s.", warning)
    corrected = recipe.class_weights or recipe.sampling == "balanced"
    corrected = corrected or recipe.masked_target is not None
    if check.imbalance >= UNEQUAL and not corrected:
        logger.info(
            "The largest class has %.3g times the training images of the smallest. "
            "Where every class matters alike, judge by the balanced accuracy, and try "
            "class_weights='balanced' (--class-weights balanced) or sampling='balanced'"
            " (--sampling balanced).",
            check.imbalance,
        )
    return check.to_json()


def look_at_sides(recipe, class_names, image_size):
    """Warns where mirrored images show the wrong class: left becomes right.

    Args:
        recipe: A `Recipe`.
        class_names: List of strings.
        image_size: Pair `(height, width)` of the network.
    """
    pairs = _sides(class_names)
    if recipe.masked_target is not None or not pairs:
        return
    steps = augmentation(recipe.augment, preprocessing(image_size)).steps
    if any(isinstance(step, Flip) for step in steps):
        logger.warning(
            "The classes %s and %s differ in their side%s, and augment=%r mirrors "
            "images at random, but not their classes. Use steps without a flip, such "
            "as augment='none' (--augment none).",
            *map(display, pairs[0]),
            ", as others do" if len(pairs) > 1 else "",
            recipe.augment,
        )


def _sides(class_names):
    """Pairs of names that differ in left and right, l and r, or lh and rh alone."""
    by_name, pairs = {name.lower(): name for name in class_names}, []
    for low, name in by_name.items():
        # A name of one letter is that of a letter, as in a set of handwriting.
        letters = low if low == "l" else re.sub(r"(?<![a-z])l(?=h?(?![a-z]))", "r", low)
        others = {low.replace("left", "right"), letters} - {low}
        pairs += [(name, by_name[other]) for other in others if other in by_name]
    return pairs


def look_at_cost(recipe, network, data):
    """Estimates memory and time of a run, and logs both.

    Args:
        recipe: A `Recipe`.
        network: The `Network` of the run.
        data: The `Data` of the run.

    Returns:
        The estimates, as a dictionary for run.json.

    Raises:
        ValueError: if the memory cannot hold the run; it names what would fit.
    """
    devices = current()
    on_cpu = devices.kind == "cpu"
    here = devices.num_hosts if on_cpu else devices.num_replicas
    evaluation, whole = 0, recipe.task in OF_WHOLE_IMAGES
    if on_cpu and recipe.masked_target is None and whole:
        evaluation = evaluation_memory(data.test.num_examples, data.test.num_classes)
    estimate = estimate_training(
        network.model,
        data.batch_size // here,
        optimizer=network.trainer.optimizer,
        accumulation_steps=recipe.accumulation_steps,
        evaluation=evaluation,
    )
    available = available_memory()
    refuse_if_too_large(estimate, available)
    seconds = estimate_seconds(
        network.model,
        data.batch_size * data.total_steps,
        at_once=-(-data.batch_size // recipe.accumulation_steps),
        compute=devices.outputs if devices.num_devices > 1 else None,
    )
    program = memory_of_process() if on_cpu else None
    logger.info(
        "Estimated: %s%s of memory%s, and %s of computing.",
        as_memory(estimate.total),
        "" if available is None else f" of {as_memory(available)}",
        f" beside the {as_memory(program)} of the program" if program else "",
        as_duration(seconds),
    )
    return {
        "memory": estimate.total,
        "program_memory": program,
        "available_memory": available,
        "seconds": round(seconds, 1),
    }
