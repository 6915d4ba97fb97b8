"""Which runs have a validation part: those that choose by a score, and a user's."""

import dataclasses

import keras_vit.data
from keras_vit.data.sets.known import KNOWN
from keras_vit.training.datasets import VALIDATION_SHARE

_WHY = "the test images are looked at once, at the end, and choose nothing"


def chosen_by_score(recipe, callbacks=()):
    """What a run chooses by a score: test images must choose nothing.

    Args:
        recipe: A `Recipe`.
        callbacks: The user's callbacks. Those count that watch a `val_*` number.

    Returns:
        List of reasons in words, each a clause; empty where nothing is chosen.

    Example:

    >>> chosen_by_score(Recipe(keep="best"))
    ["keep='best' keeps the weights of the best epoch"]
    """
    reasons = []
    if recipe.keep == "best":
        reasons.append("keep='best' keeps the weights of the best epoch")
    if recipe.early_stopping:
        reasons.append(f"early_stopping={recipe.early_stopping} ends the training")
    if recipe.task == "multilabel" and recipe.validation_fraction != 0:
        # Without a validation part, thresholds are a half.
        reasons.append("task='multilabel' chooses a threshold for each label")
    for callback in callbacks:
        watched = getattr(callback, "monitor", None)
        if isinstance(watched, str) and watched.startswith("val_") and _acts(callback):
            reasons.append(f"{type(callback).__name__} watches {watched!r}")
    return reasons


def _acts(callback):
    """Whether it does something by what it watches; a checkpoint may save them all."""
    return getattr(callback, "save_best_only", True)


def with_validation(recipe, given, place=None):
    """A recipe that says which its validation part is, where it does not yet.

    Args:
        recipe: A `Recipe`.
        given: Names of the fields that the user gave.
        place: As for `resolve`. Without it, a TFDS set that is not in the catalogue is
            not looked at, and taken for one without a validation split.

    Returns:
        `(recipe, reasons)`: with the data set's own validation split, or a tenth of the
        training images. A recipe for pretraining, whose labels are not read, stays as
        it is.

    Raises:
        ValueError: if the data must be looked at and cannot be read.
    """
    names = ("validation_fraction", "validation_split")
    if recipe.masked_target is not None or any(name in given for name in names):
        return recipe, []
    if any(getattr(recipe, name) is not None for name in names):
        return recipe, []
    own = _own_split(recipe, place)
    if own is not None:
        why = f"The validation part is the data set's own split {own!r}: {_WHY}."
        return dataclasses.replace(recipe, validation_split=own), [why]
    why = (
        f"The validation part is {VALIDATION_SHARE:.0%} of the training images: "
        f"{_WHY}. validation_fraction=0 (--validation-fraction 0) trains on all."
    )
    return dataclasses.replace(recipe, validation_fraction=VALIDATION_SHARE), [why]


def _own_split(recipe, place):
    """The name of the data set's own validation split, or `None`."""
    if place is None:
        place = keras_vit.data.open_place(recipe.data)
        if place.kind == "tfds" and place.path not in KNOWN:
            return None  # it would be downloaded
    if place.kind == "tfds" and place.path in KNOWN:
        if not {"validation", "test"} <= KNOWN[place.path].splits.keys():
            return None
    return keras_vit.data.own_validation(
        place, recipe.data_dir, test=recipe.test_split, task=recipe.task
    )
