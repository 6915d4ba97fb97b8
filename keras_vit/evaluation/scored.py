"""Finds the test examples: those the user names, or those of the model's run."""

import logging

import keras_vit.data
from keras_vit.data import open_place
from keras_vit.models.vision_model import metadata_of

logger = logging.getLogger(__name__)

# How the files of a run were read and divided: other readings would test on images
# that were trained on.
READING = ("corrupt", "test_fraction", "split_seed")


def find_source(
    model, data=None, data_dir=None, *, corrupt=None, columns=None, place=None
):
    """The examples that were asked for, or those of the run's test.

    Args:
        model: A Keras model.
        data: As for `keras_vit.evaluation.evaluate`.
        data_dir: Where TFDS keeps its data sets.
        corrupt: `"error"`, `"skip"`, or `None` for what the run did.
        columns: As for `keras_vit.data.load`, with `data`.
        place: What `keras_vit.data.open_place` made of the name of the run's data, if
            that was opened before.

    Returns:
        A `keras_vit.data.Source`.

    Raises:
        ValueError: if there is no such data, or the model does not name its own.
    """
    if isinstance(data, keras_vit.data.Source):
        return data
    metadata = metadata_of(model)
    recipe = metadata.get("recipe") or {}
    options = {name: recipe[name] for name in READING if name in recipe}
    if corrupt is not None:
        options["corrupt"] = corrupt
    test = recipe.get("test_split")  # which older runs do not have
    if data is not None:
        place = open_place(data)
        if test is not None and not _is_at(recipe["data"], place):
            test = None
        return _named(place, data_dir, test, columns=columns, **options)
    if not recipe:
        raise ValueError(
            "The model does not say what data it was trained with; give `data`."
        )
    data_dir = data_dir or recipe["data_dir"]
    _, source = keras_vit.data.load_splits(
        place or recipe["data"], data_dir, test=test, **options
    )
    expected = metadata["data"]["test"]["num_examples"]
    if source.num_examples != expected:
        logger.warning(
            "The test data has changed since training: %d examples then, %d now.",
            expected,
            source.num_examples,
        )
    return source


def _is_at(name, place):
    """Whether a name means the data set of a place, whatever their parts."""
    try:
        return open_place(name).path == place.path
    except ValueError:  # it is gone
        return False


def _named(place, data_dir, test, **options):
    """The part that a name ends with, or the test set where it names none."""
    if place.split is None:
        whole = place.with_split(None)  # a part may be too large for the training set
        _, test = keras_vit.data.load_splits(whole, data_dir, test=test, **options)
        if not place.parts:
            return test
        place = place.with_split(test.split + "".join(map(str, place.parts)))
    return keras_vit.data.load(place, data_dir, **options)
