"""Loads the data of a run, and describes it for run.json."""

import dataclasses
import hashlib
import logging
import os

import keras_vit.data
from keras_vit.common.files import write_json
from keras_vit.common.wording import class_key, display, shortened

logger = logging.getLogger(__name__)


def load_data(recipe, place=None):
    """The training and test sources of a recipe.

    With `validation_fraction`, both are of its training images.

    Args:
        recipe: A `Recipe`.
        place: What `keras_vit.data.open_place` made of `recipe.data`, if that was
            opened before: then nothing is scanned again.

    Raises:
        ValueError: if there is no such data set, it cannot be read, or `place` is
            another one.
    """
    opened = keras_vit.data.open_place(recipe.data)
    if place is not None and place != opened:
        raise ValueError(
            f"`place` must be that of the recipe's data. Received: place={place}, "
            f"data={recipe.data!r}"
        )
    train_data, test_data = keras_vit.data.load_splits(
        opened if place is None else place,
        recipe.data_dir,
        test=recipe.test_split,
        corrupt=recipe.corrupt,
        test_fraction=recipe.test_fraction,
        split_seed=recipe.split_seed,
        labelled=recipe.masked_target is None,
        task=recipe.task,
    )
    fraction = recipe.validation_fraction
    if fraction is None:
        return train_data, test_data
    return keras_vit.data.hold_out(train_data, fraction, seed=recipe.split_seed)


def located(recipe, folder, before):
    """The recipe of a resumed run, with its data where they were when it began.

    Args:
        recipe: A `Recipe`, whose path of data may be that of another working folder.
        folder: The `RunFolder`.
        before: Content of run.json if a run is resumed, else `None`.

    Raises:
        ValueError: if they are no longer there.
    """
    name = None if before is None else before.get("data_name")
    if name is None or not os.path.isabs(name):
        return recipe
    try:
        keras_vit.data.open_place(name)
    except ValueError:
        raise ValueError(
            f"The images that {folder} trains on were at {display(name)}, and are no "
            "longer there. Bring them back, or start a new run with --data."
        ) from None
    return dataclasses.replace(recipe, data=name)


def data_facts(train_data, test_data):
    """What run.json says about the data, as JSON values."""
    return {
        "train": _facts(train_data),
        "test": _facts(test_data),
        "num_channels": train_data.num_channels,
        "class_names": train_data.class_names,
    }


def _facts(source):
    facts = {"split": source.split, "num_examples": source.num_examples}
    if source.files_sha256 is not None:
        facts["files_sha256"] = source.files_sha256
    if source.files_sha256 is not None and source.labels is not None:
        # A list may give other classes to the same files.
        labels = source.labels.astype("<i8").tobytes()
        facts["labels_sha256"] = hashlib.sha256(labels).hexdigest()
    if source.skipped:
        facts["skipped"] = [list(entry) for entry in source.skipped]
    return facts


def check_unchanged(folder, before, now):
    """Raises unless the data of a resumed run is unchanged.

    Raises:
        ValueError: naming what differs.
    """
    names = before.get("class_names", ())
    if list(map(class_key, names)) == list(map(class_key, now["class_names"])):
        before = {**before, "class_names": now["class_names"]}
    if before == now:
        return
    lines = "".join(
        f"\n  {name}: {shortened(then, 80)} before, {shortened(value, 80)} now"
        for name, then, value in _differences(before, now)
    )
    raise ValueError(
        f"The data has changed since the run in {folder} was started:{lines}\n"
        "Bring the data back to what it was, or start a new run in another folder."
    )


def _differences(before, now, prefix=""):
    """`(name, value before, value now)`, as text, of what differs."""
    for name, value in now.items():
        then = before.get(name)
        if isinstance(then, dict) and isinstance(value, dict):
            yield from _differences(then, value, f"{prefix}{name} ")
        elif then != value:
            yield prefix + name, str(then), str(value)


def write_split(folder, train_data, test_data):
    """Writes down which files of a folder the run trains on, and which it tests on."""
    if train_data.files is None or not folder.is_own:
        return
    split = {"train": train_data.files, "test": test_data.files}
    write_json(folder.split, split)
    logger.info("Training and test files are listed in %s.", folder.split)
