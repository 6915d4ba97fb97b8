"""Finds the examples to score: those the user names, or those of the model's run."""

import dataclasses
import logging
import os
import pathlib

import keras_vit.data
from keras_vit.common.wording import display
from keras_vit.data import open_place
from keras_vit.models.vision_model import metadata_of

logger = logging.getLogger(__name__)

# How the files of a run were read and divided: other readings would test on images
# that were trained on.
READING = ("corrupt", "test_fraction", "split_seed", "group_by")

# What was scored, in words.
NAMED = "the part that was named"
SET_APART = "the test images of its training"
WHOLE = "all of them: there is no test part"


def find_scored(
    model,
    data=None,
    data_dir=None,
    *,
    corrupt=None,
    columns=None,
    place=None,
    run=None,
    task="classification",
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
        run: Path of the run folder or file that the model is from, or `None`.
        task: String, the task that the examples are for.

    Returns:
        `(source, part)`: a `keras_vit.data.Source`, and in words which part of the data
        it is; `None` of a source that was given.

    Raises:
        ValueError: if there is no such data, it is no longer where the run found it, or
            the model does not name its own.
    """
    if isinstance(data, keras_vit.data.Source):
        return data, None
    recipe = metadata_of(model).get("recipe") or {}
    options = {name: recipe[name] for name in READING if name in recipe}
    if corrupt is not None:
        options["corrupt"] = corrupt
    options["task"] = task
    own = _RunData(metadata_of(model), run, {**options, "data_dir": data_dir})
    if data is None:
        return own.test(place), SET_APART
    options["columns"] = columns
    return _of_name(open_place(data), data_dir, own, options)


def _of_name(place, data_dir, own, options):
    """The source that a name means, and which part of the data that is."""
    whole = place.with_split(None)  # a part may be too large for the training set
    is_own = own.is_at(whole)
    if not is_own:  # whose names and columns are others
        options = {**options, "group_by": None}
    if place.split is not None:
        place = dataclasses.replace(place, any_classes=True)
        return keras_vit.data.load(place, data_dir, **options), NAMED
    if is_own:
        part = SET_APART
        _, source = keras_vit.data.load_splits(
            whole, data_dir, **own.chosen(), **options
        )
    else:
        whole = dataclasses.replace(whole, any_classes=True)
        source, part = _of_other_data(whole, data_dir, options)
    if not place.parts:
        return source, part
    split = source.split + "".join(map(str, place.parts))
    source = keras_vit.data.load(whole.with_split(split), data_dir, **options)
    return source, f"of {part}, the share that was named"


def _of_other_data(place, data_dir, options):
    """The test part of data that the model was not trained on, or all of them."""
    reading = {name: options.get(name) for name in ("columns", "task")}
    known = keras_vit.data.splits(place, data_dir, **reading)
    tests = [split for split in ("test", "validation") if split in known]
    if tests and place.has_files:
        source = keras_vit.data.load(place.with_split(tests[0]), data_dir, **options)
    elif tests or not known:
        _, source = keras_vit.data.load_splits(place, data_dir, **options)
    else:
        everything = "all" if place.has_files else "+".join(known)
        place = place.with_split(everything)
        return keras_vit.data.load(place, data_dir, **options), WHOLE
    return source, f"its {source.split} part"


class _RunData:
    """The data that a model was trained on.

    Args:
        metadata: Dictionary, what training wrote into the model.
        run: Path of the run folder or file, or `None`.
        options: How the data were read, for `keras_vit.data.load_splits`.
    """

    def __init__(self, metadata, run, options):
        self.recipe = metadata.get("recipe") or {}
        facts = metadata.get("data") or {}
        self.facts = facts.get("test", {})
        self.knows_test = "validation" in facts
        self.run = None if run is None else pathlib.Path(run).expanduser().resolve()
        self.full_name = metadata.get("data_name")  # which older runs do not know
        data_dir = options["data_dir"] or self.recipe.get("data_dir")
        self.options = {**options, "data_dir": data_dir}

    def is_at(self, place):
        """Whether a place holds these data, under whatever spelling of its path.

        Data that were moved are known by the names of their files.
        """
        if not self.recipe.get("data"):
            return False
        try:
            mine = self._place()
        except ValueError:
            return self._fits(place)
        return _is_same(mine, place)

    def test(self, place=None):
        """The test images, as the training set them apart."""
        if not self.recipe:
            raise ValueError(
                "The model does not say what data it was trained with; give `data`."
            )
        source = self._test_of(place or self._place())
        expected = self.facts["num_examples"]
        # Older runs call what they held out their test.
        held_out = self.recipe.get("validation_fraction") is not None
        known = self.knows_test or not held_out
        if source.num_examples != expected and known:
            logger.warning(
                "The test data has changed since training: %d examples then, %d now.",
                expected,
                source.num_examples,
            )
        return source

    def _test_of(self, place):
        return keras_vit.data.load_splits(place, **self.chosen(), **self.options)[1]

    def chosen(self):
        """What the recipe says of the test part; older ones say less."""
        named = self.recipe.get("test_split"), self.recipe.get("fold")
        return dict(zip(("test", "fold"), named))

    def _fits(self, place):
        """Whether the test images of a place are, by their names, those of the run."""
        if place is None:
            return False
        try:
            found = self._test_of(place)
        except (ValueError, OSError):
            return False
        if "files_sha256" in self.facts:
            return found.files_sha256 == self.facts["files_sha256"]
        return found.num_examples == self.facts.get("num_examples")

    def _place(self):
        """Where the data are: where they were, or as near to the run folder.

        Raises:
            ValueError: if they are gone.
        """
        given = self.recipe["data"]
        name = self.full_name or given
        as_given, here = _opened(given), _opened(name)
        if here is not None and (self.full_name or self._fits(here)):
            return as_given if _is_same(as_given, here) else here
        found = next(filter(self._fits, map(_opened, self._near(given))), here)
        if found is not None:
            return found
        if "files_sha256" not in self.facts:
            return open_place(name)
        run = "the model" if self.run is None else display(self.run)
        raise ValueError(
            f"The images that {run} was trained on were at {display(name)}, and are "
            "no longer there. Give their new place as data (--data)."
        )

    def _near(self, given):
        """What a relative path may have meant, from the folders around the run."""
        if self.run is None or os.path.isabs(os.path.expanduser(given)):
            return []
        return [str(folder / given) for folder in self.run.parents]


def _opened(name):
    """The place of a path, or `None` where nothing is there."""
    try:
        place = open_place(name)
    except ValueError:
        return None
    return place if isinstance(place.path, pathlib.Path) else None


def _is_same(one, other):
    """Whether two places are of one file, folder or name, whatever their parts."""
    if one is None or other is None:
        return False
    if isinstance(one.path, pathlib.Path) and isinstance(other.path, pathlib.Path):
        return os.path.samefile(one.path, other.path)
    return one.path == other.path
