"""What a recipe's data and model are, found without a download and without weights."""

import dataclasses
import functools

from keras_vit.data import describe, open_place
from keras_vit.data.sets.prepared import find_builder
from keras_vit.data.subsets import parse
from keras_vit.devices import as_strategy
from keras_vit.studies.parts import slug
from keras_vit.training.datasets import load_data
from keras_vit.training.measuring import DataFacts, measure_recipe
from keras_vit.training.recipes.cost import images_trained_on
from keras_vit.training.recipes.recipe import Recipe

# Fields of a recipe that say what its data are.
_DATA = ("data_dir", "test_split", "test_fraction", "split_seed", "corrupt")


def split_off(data):
    """A data set's name without the parts that a study takes, and those."""
    for mark in (":train,", ","):
        head, found, part = data.partition(mark)
        if found and "=" in part:
            return head, part
    return data, ""


def model_of(recipe):
    """The recipe without what does not change its model: equal for equal models."""
    return dataclasses.replace(at_length(at_whole_data(recipe), 1), seed=0)


def at_length(recipe, updates):
    """The recipe with so many updates, one test, and nothing held out."""
    return dataclasses.replace(
        recipe,
        **{"epochs": None, "total_steps": updates, "evaluate_every": updates},
        **{"warmup_steps": 0, "cooldown_steps": 0, "keep": "last"},
        validation_fraction=None,
    )


def at_whole_data(recipe):
    """The recipe with all training images, where a study takes a part of them."""
    return dataclasses.replace(recipe, data=split_off(recipe.data)[0])


def data_of(recipe):
    """What says which data a recipe has, the part of a level apart: a tuple."""
    return split_off(recipe.data)[0], *(getattr(recipe, name) for name in _DATA)


def check_places(cells, begun=False):
    """Raises unless the folders and lists that cells read are there.

    Args:
        cells: List of `Cell`.
        begun: Boolean, whether a folder holds the study, which has its data for good.

    Raises:
        ValueError: naming the first that is missing, and how another one is given.
    """
    for cell in {data_of(cell.recipe): cell for cell in cells}.values():
        try:
            open_place(split_off(cell.recipe.data)[0])
        except ValueError as error:
            group = cell.level.rpartition(", ")[0]
            given = f"--set {slug(group)}.data=PLACE" if group else "--data PLACE"
            advice = f"Other data are given with {given}."
            if begun:
                advice = (
                    "Bring them back there, or begin the study in another folder with "
                    f"{given}."
                )
            raise ValueError(f"{error} No cell was begun. {advice}") from None


def facts_of(recipe):
    """`DataFacts` of a recipe's whole data; nothing is downloaded.

    Raises:
        ValueError: if they are neither here nor known to the package.
    """
    named = {name: getattr(recipe, name) for name in _DATA}
    return _facts(Recipe(data=split_off(recipe.data)[0], **named))


@functools.lru_cache
def _facts(recipe):
    if is_here(recipe):
        train, test = load_data(recipe)
        counts = train.num_examples, test.num_examples
        return DataFacts(
            train.image_size, train.num_channels, train.num_classes, *counts
        )
    found, split = describe(recipe.data, recipe.data_dir), "train"
    if not found.num_classes or split not in (found.splits or {}):
        raise ValueError(f"{recipe.data} is not here, and its sizes are not known")
    counts = found.splits[split], found.splits.get("test", 0)
    channels = found.num_channels or 3
    return DataFacts(found.image_size, channels, found.num_classes, *counts)


def is_here(recipe):
    """Whether a recipe's data can be read without a download."""
    place = open_place(recipe.data)
    if place.kind != "tfds":
        return True
    try:
        return find_builder(place.path, recipe.data_dir)[1]
    except ValueError:  # TFDS does not know it
        return False


def num_training(recipe, number, num_classes=None):
    """The training images of a recipe whose whole data have so many.

    Args:
        recipe: A `Recipe`, of a part of the data.
        number: Integer, images of the whole.
        num_classes: Integer, for a part of so many images of each class.

    Returns:
        Integer; `None` where the classes must be known and are not.
    """
    _, part = split_off(recipe.data)
    for subset in parse(part)[1] if part else ():
        if subset.fraction is None:
            if num_classes is None:
                return None
            number = min(number, subset.per_class * num_classes)
        else:
            number = max(1, round(subset.fraction * number))
    return images_trained_on(recipe, number)


@functools.lru_cache
def model_cost(recipe, facts):
    """`keras_vit.training.measuring.Cost` of what `model_of` gave, once for each."""
    with as_strategy("auto").scope():
        return measure_recipe(recipe, facts)
