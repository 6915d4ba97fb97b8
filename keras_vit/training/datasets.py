"""Loads the data of a run, and describes it for run.json."""

import dataclasses
import hashlib
import logging
import os

import keras_vit.data
from keras_vit.common.files import write_json
from keras_vit.common.wording import class_key, display, shortened

logger = logging.getLogger(__name__)

# Of the training images, where a validation part is needed and no share was given.
VALIDATION_SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of a run's data; no image is in two of them."""

    train: keras_vit.data.Source
    # Where a run has none, its `val_*` numbers are of the test images.
    validation: keras_vit.data.Source | None
    test: keras_vit.data.Source

    @property
    def judged(self):
        """The part that the `val_*` numbers are of: validation, else test."""
        return self.test if self.validation is None else self.validation

    def named(self):
        """`(name, source)` of the parts that there are."""
        parts = (("train", self.train), ("validation", self.validation))
        return [*(p for p in parts if p[1] is not None), ("test", self.test)]


def load_parts(recipe, place=None, choosing=()):
    """The training, validation and test images of a recipe.

    A run has a validation part if its recipe has `validation_split` or
    `validation_fraction`, or if it chooses something by a score: then the data set's
    own validation split or, where there is none, a tenth of the training images.

    Args:
        recipe: A `Recipe`.
        place: What `keras_vit.data.open_place` made of `recipe.data`, if that was
            opened before: then nothing is scanned again.
        choosing: What the run chooses by a score, in words:
            `keras_vit.training.choosing.validation.chosen_by_score`.

    Returns:
        `Parts`, of which nothing is decoded yet.

    Raises:
        ValueError: if there is no such data set, it cannot be read, or `place` is
            another one; if something is chosen, and the recipe wants no validation
            part; or if the part that it names has images of another one.
    """
    fraction = recipe.validation_fraction
    if choosing and fraction == 0:
        raise ValueError(
            f"Test images must choose nothing, but {choosing[0]}. Give a "
            "`validation_fraction`, such as 0.1. Received: validation_fraction=0"
        )
    opened = keras_vit.data.open_place(recipe.data)
    if place is not None and place != opened:
        raise ValueError(
            f"`place` must be that of the recipe's data. Received: place={place}, "
            f"data={recipe.data!r}"
        )
    place = opened if place is None else place
    options = {
        "corrupt": recipe.corrupt,
        "test_fraction": recipe.test_fraction,
        "split_seed": recipe.split_seed,
        "labelled": recipe.masked_target is None,
        "task": recipe.task,
        "group_by": recipe.group_by,
    }
    train, test = keras_vit.data.load_splits(
        place, recipe.data_dir, test=recipe.test_split, fold=recipe.fold, **options
    )
    own = recipe.validation_split
    if own is None and fraction is None and choosing:
        own = keras_vit.data.own_validation(
            place, recipe.data_dir, test=recipe.test_split, task=recipe.task
        )
    validation = None
    if own is not None:
        named = place.with_split(own)
        validation = keras_vit.data.load(named, recipe.data_dir, **options)
    elif fraction or choosing:
        share = fraction or VALIDATION_SHARE
        train, validation = keras_vit.data.hold_out(
            train, share, seed=recipe.split_seed
        )
    parts = Parts(train, validation, test)
    if recipe.validation_split is not None:
        _check_apart(parts)
    _check_groups(parts)
    return parts


def _check_apart(parts):
    """Raises where the validation part that the user named has images of the others."""
    validation = parts.validation
    for name, part in (("training", parts.train), ("test", parts.test)):
        base, _, _ = validation.split.partition("[")
        if part.files is not None:
            common = len(set(part.files) & set(validation.files))
        else:  # of two slices of a split only their names are known
            common = part.split in (base, validation.split) and validation.num_examples
        if common:
            raise ValueError(
                f"The validation part has {common:,} of the {name} images, and must "
                "have none. Name the part of each: for example --data "
                "'NAME:train[:80%]' with --validation-split 'train[80%:]'; or leave "
                "validation_split out, and a share of the training images is set "
                f"apart. Received: validation_split={validation.split!r}, {name} part "
                f"{part.split!r}"
            )


def _check_groups(parts):
    """Raises where a group is in two parts, as the data or the user made them."""
    named, seen = parts.named(), {}
    for name, source in named if parts.train.groups is not None else ():
        for group in sorted(set(source.groups)):
            if group in seen:
                raise ValueError(
                    f"Images of the group {display(group)!r} are in the {seen[group]} "
                    f"and in the {name} part, as these parts were given. Leave the "
                    "parts to keras_vit (one folder or list without train and test), "
                    "or move the images of a group into one part."
                )
            seen[group] = name


def load_data(recipe, place=None):
    """The images that a recipe trains on, and those that its `val_*` numbers are of."""
    parts = load_parts(recipe, place)
    return parts.train, parts.judged


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


def data_facts(parts):
    """What run.json says about the `Parts` of the data, as JSON values."""
    return {
        **{name: _facts(part) for name, part in parts.named()},
        "num_channels": parts.train.num_channels,
        "class_names": parts.train.class_names,
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
    if "validation" in now and "validation" not in before:
        # Of an older run, which calls what it held out its test.
        now = {**now, "test": now["validation"]}
        del now["validation"]
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


def write_split(folder, parts):
    """Writes down which files of a folder each of the `Parts` of a run has."""
    if parts.train.files is None or not folder.is_own:
        return
    write_json(folder.split, {name: part.files for name, part in parts.named()})
    logger.info("The files of each part are listed in %s.", folder.split)
