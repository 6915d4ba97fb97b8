"""What a cell without a training costs: features, made once, and a classifier."""

import dataclasses
import logging
import time

import numpy as np

from keras_vit.devices import as_strategy
from keras_vit.evaluation.probes.features import Extractor
from keras_vit.evaluation.probes.ridge import FOLDS, Ridge
from keras_vit.studies.parts import LINEAR_PROBE
from keras_vit.studies.planning.data import at_whole_data, model_of
from keras_vit.studies.running.features import BATCH, features_file, first_model
from keras_vit.training.datasets import load_data

logger = logging.getLogger(__name__)

# Images whose features are timed, after as many as a batch has; and examples of the
# classifier that is.
_TIMED, _EXAMPLES = 2 * BATCH, 512


@dataclasses.dataclass(frozen=True)
class FeatureTimes:
    """Times on this machine: wall-clock and processor seconds of each.

    Attributes:
        image: Of the features of one image.
        fit: Of a classifier of 512 examples.
        rest: Of all else of a cell: loading and building.
        width: Integer, features of an image.
    """

    image: tuple[float, float]
    fit: tuple[float, float]
    rest: tuple[float, float]
    width: int

    def of(self, cell, images, number):
        """(seconds, processor seconds) of a cell.

        Args:
            cell: A `Cell`.
            images: Integer, images whose features it makes; 0 where they are there.
            number: Integer, its training images.
        """
        fits = 1 + FOLDS if cell.measure == LINEAR_PROBE else 1
        share = _operations(number, self.width) / _operations(_EXAMPLES, self.width)
        parts = zip(self.rest, self.image, self.fit)
        return tuple(
            rest + images * image + fits * share * fit for rest, image, fit in parts
        )

    def bytes_of(self, images):
        """Integer, bytes of the file of so many images' features."""
        return 4 * self.width * images


def feature_times(cells, pool=None):
    """Times the features of each model of cells without a training.

    Args:
        cells: List of `Cell`.
        pool: A `concurrent.futures.Executor` that does it, or `None`.

    Returns:
        Dictionary from what `model_of` gives to `FeatureTimes`.
    """
    jobs = {model_of(cell.recipe): cell.recipe for cell in cells if not cell.trains}
    if jobs:
        logger.info("Timing the features of %d models on this machine.", len(jobs))
    found = (map if pool is None else pool.map)(_time_features, jobs.values())
    return {key: times for key, times in zip(jobs, found) if times is not None}


def made_first(cells, folder=None):
    """The names of the cells that make features which those after them share.

    Args:
        cells: List of `Cell`, in their order.
        folder: The `StudyFolder`, whose files are there already, or `None`.
    """
    seen, first = set(), set()
    for cell in cells:
        if not cell.trains:
            file = features_file(at_whole_data(cell.recipe), folder)
            if file not in seen and not (folder and file.exists()):
                first.add(cell.name)
            seen.add(file)
    return first


def _operations(number, width):
    """About what a classifier takes: the decomposition, and the product before it."""
    least = min(number, width)
    return 9.0 * least**3 + 2.0 * least * number * width


def _time_features(recipe):
    """The `FeatureTimes` of a recipe, or `None` where that fails; a cell says why."""
    recipe = dataclasses.replace(at_whole_data(recipe), weights=None)
    began = _now()
    try:
        with as_strategy("auto").scope():
            train, _ = load_data(recipe)
            extract = Extractor(first_model(recipe, train))
            extract(_first(train, BATCH), BATCH)
            rest = _since(began)
            began, few = _now(), _first(train, _TIMED)
            values = extract(few, BATCH).values
            image = _since(began, few.num_examples)
    except (ValueError, OSError) as error:
        logger.info("Not timed: %s", error)
        return None
    random, began = np.random.default_rng(0), _now()
    x = random.standard_normal((_EXAMPLES, values.shape[1]))
    Ridge(x, np.arange(_EXAMPLES) % 2, 2)
    return FeatureTimes(image, _since(began), rest, values.shape[1])


def _first(source, number):
    """The first images of a source."""
    number = min(number, source.num_examples)
    return source.with_store(source.store.select(np.arange(number)))


def _now():
    return time.monotonic(), time.process_time()


def _since(began, parts=1):
    return tuple((now - then) / parts for then, now in zip(began, _now()))
