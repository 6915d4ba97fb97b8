"""`probe`: the accuracy of a linear classifier on frozen features, within minutes."""

import dataclasses
import logging
import os
import time

import keras
import numpy as np

import keras_vit.data
import keras_vit.models
from keras_vit.evaluation.metrics import Counts, wilson_interval
from keras_vit.evaluation.probes.features import Extractor, check_same_classes
from keras_vit.evaluation.probes.ridge import (
    LinearProbe,
    Ridge,
    best,
    check_l2,
    cross_validate,
)
from keras_vit.inference.loaded import load_model
from keras_vit.models.variants.listing import named_model

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ProbeResult:
    """What `probe` found."""

    # What the features are of.
    model: str
    # Whether the features are those of random weights.
    random: bool
    data: str
    class_names: list
    num_train: int
    num_test: int
    feature_dim: int
    # Share of right answers on the test images, and its 95 % interval.
    accuracy: float
    accuracy_interval: tuple
    # Share of the test images that are of the most frequent class.
    majority: float
    # The penalty used, and the accuracies it was chosen by (empty where given).
    l2: float
    cross_validation: dict
    # Seconds for the features and for the classifier.
    seconds: dict
    # Which classes are taken for which.
    counts: Counts = dataclasses.field(repr=False)
    classifier: LinearProbe = dataclasses.field(repr=False)

    @property
    def confusion(self) -> np.ndarray:
        """Counts `(K, K)`: row the true class, column the predicted one."""
        return self.counts.matrix()

    def to_json(self):
        """The numbers as a dictionary that JSON can hold.

        `confusion` is `None` above 1,000 classes.
        """
        left_out = ("counts", "classifier")
        names = [f.name for f in dataclasses.fields(self) if f.name not in left_out]
        few = len(self.class_names) <= 1000
        return {
            **{name: getattr(self, name) for name in names},
            "accuracy_interval": list(self.accuracy_interval),
            "confusion": self.confusion.tolist() if few else None,
        }


def probe(
    data,
    model="ViT_B16",
    weights=None,
    *,
    image_size=None,
    l2=None,
    layer=None,
    preprocessing=None,
    data_dir=None,
    test_split=None,
    test_fraction=0.2,
    split_seed=0,
    corrupt="error",
    batch_size=32,
    progress=None,
):
    """Fits the closed-form linear classifier to a model's frozen features.

    The quickest answer to "do these features tell my classes apart?", and a lower
    bound of what fine-tuning should reach. The classifier is the published few-shot
    probe, fitted to all training images; see `keras_vit.evaluation.Ridge`.

    Args:
        data: Name or folder, as for `keras_vit.data.load_splits`, or a pair of
            sources `(train, test)`.
        model: Name of a published model (`keras_vit.list_models()`), the path of a
            `.keras` file or run folder, or a Keras model. Defaults to `"ViT_B16"`.
        weights: As for `keras_vit.load_weights`, with a name. `None` leaves the
            weights random, which the log and the result say.
        image_size: Integer or `(height, width)`, pixels, with a name. Defaults to
            the model's.
        l2: Positive number, the penalty; the published one is 1024. By default
            chosen by five-fold cross-validation of the training images.
        layer: As for `keras_vit.evaluation.extract_features`.
        preprocessing: As for `keras_vit.evaluation.evaluate`. The published probe has
            `"resize(256)|central_crop(224)"`.
        data_dir: Where TFDS keeps its data sets.
        test_split: String, the split to test on; the data's own by default.
        test_fraction: Share of the test images where the data has no test set.
        split_seed: Integer, decides which those are, as in training.
        corrupt: `"error"` or `"skip"`, what to do with a broken image.
        batch_size: Integer, images at a time; the result does not depend on it.
        progress: `None`, or a function (images done, images in all), called for both
            parts together.

    Returns:
        A `ProbeResult`.

    Raises:
        ValueError: if there is no such model, data or file of weights, they do not fit
            together, or there is a single class.

    Example:

    >>> result = probe("./photos", "ViT_B16", "augreg")
    >>> result.accuracy, result.accuracy_interval
    (0.934, (0.912, 0.951))

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section
    4.1, "few-shot".
    """
    published = _published_name(model)  # refuses an unknown one before data is read
    if l2 is not None:
        check_l2(l2)
    sources = data
    if not isinstance(data, (tuple, list)):
        sources = keras_vit.data.load_splits(
            data,
            data_dir,
            test=test_split,
            corrupt=corrupt,
            test_fraction=test_fraction,
            split_seed=split_seed,
        )
    train, test = sources
    check_same_classes((train, test), "Training and test images")
    if train.num_classes < 2:
        raise ValueError(
            f"There must be at least two classes. Received: {train.class_names}"
        )
    if published is None:
        network, name, random = _given(model, weights, image_size)
    else:
        network, name, random = _built(*published, weights, image_size)
    started = time.perf_counter()
    extractor = Extractor(network, layer, preprocessing)
    features = _extracted(extractor, (train, test), batch_size, progress)
    extracted = time.perf_counter()
    classifier, tried, l2 = _fitted(features[0], train.num_classes, l2)
    answers = classifier.predict(features[1].values)
    counts = Counts(features[1].labels, answers, train.num_classes)
    fitted = time.perf_counter()
    right, num_test = int(counts.right.sum()), len(answers)
    return ProbeResult(
        model=name,
        random=random,
        data=f"{train.name}:{train.split}",
        class_names=train.class_names,
        num_train=len(features[0].labels),
        num_test=num_test,
        feature_dim=features[0].values.shape[1],
        accuracy=right / num_test,
        accuracy_interval=wilson_interval(right, num_test),
        majority=float(counts.support.max() / num_test),
        l2=l2,
        cross_validation=tried,
        seconds={"features": extracted - started, "classifier": fitted - extracted},
        counts=counts,
        classifier=classifier,
    )


def _extracted(extractor, sources, batch_size, progress):
    """The features of both sources, with one count of images for both."""
    total, done, found = sum(source.num_examples for source in sources), 0, []
    for source in sources:
        shifted = progress and (lambda n, _, before=done: progress(before + n, total))
        found.append(extractor(source, batch_size, shifted))
        done += source.num_examples
    return found


def _fitted(features, num_classes, l2):
    """The classifier, the accuracies that chose its penalty, and the penalty."""
    x, y, tried = features.values, features.labels, {}
    if l2 is None:
        tried = cross_validate(x, y, num_classes)
        l2 = best(tried)
    return Ridge(x, y, num_classes).probe(l2), tried, float(l2)


def _built(name, usual_size, weights, image_size):
    """A published model, what to call it, and whether its weights are random."""
    image_size = image_size or usual_size
    if weights is None:
        logger.warning(
            "No weights were given: the features of a random model say little. "
            "`keras-vit models --weights` lists published weights."
        )
        keras.utils.set_random_seed(0)  # random, but the same each time
    size = {} if image_size is None else {"image_size": image_size}
    network = keras_vit.models.build(name, 0, weights=weights, **size)
    if weights is not None:
        known = isinstance(weights, (str, os.PathLike))
        name += f", {weights if known else 'own weights'}"
    return network, name, weights is None


def _given(model, weights, image_size):
    """A model or its file, what to call it, and that its weights are not random."""
    if weights is not None or image_size is not None:
        raise ValueError(
            "`weights` and `image_size` belong to the name of a published model; a "
            f"model or a file already has both. Received: model={model!r}, "
            f"weights={weights!r}, image_size={image_size}"
        )
    network = load_model(model)
    return network, network.name if network is model else str(model), False


def _published_name(model):
    """What `named_model` says of a name; `None` for models and their files."""
    if not isinstance(model, str) or os.path.exists(os.path.expanduser(model)):
        return None
    try:
        return named_model(model)
    except ValueError:
        if model.endswith(".keras") or os.sep in model:
            return None  # a path, and none that exists
        raise
