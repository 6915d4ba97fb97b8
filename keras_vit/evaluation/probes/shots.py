"""The few-shot linear probe: for arrays, for a model, and as a callback in training."""

import keras
import numpy as np

from keras_vit.common.checks import check_positive, is_integer
from keras_vit.evaluation.probes.features import Extractor, check_same_classes
from keras_vit.evaluation.probes.ridge import L2, Ridge, check_features
from keras_vit.evaluation.summary import summarise
from keras_vit.inference.loaded import load_model

# The published numbers of examples per class, and of draws.
SHOTS = (1, 5, 10, 25)
SEEDS = 3


def fewshot_probe(
    train_features,
    train_labels,
    test_features,
    test_labels,
    *,
    num_classes=None,
    shots=SHOTS,
    seeds=SEEDS,
    l2=L2,
):
    """Accuracy of a linear classifier fitted to a few examples per class.

    For each seed the examples of every class are put into a random order, of which
    `shots` come first: those of 5 shots are among those of 10. See
    `keras_vit.evaluation.Ridge` for the classifier.

    Args:
        train_features: Array `(N, D)`, from which examples are drawn.
        train_labels: Integer array `(N,)`.
        test_features: Array `(M, D)`.
        test_labels: Integer array `(M,)`.
        num_classes: Integer. Defaults to the highest label plus one.
        shots: Integers, examples per class. A class that has fewer gives all of them.
            Defaults to `(1, 5, 10, 25)`.
        seeds: Integer, how many draws, or the seeds themselves. Defaults to 3.
        l2: Positive number, the penalty of all weights. Defaults to 1024.

    Returns:
        Dictionary of shots to a `Summary` of the accuracies, one for each seed.

    Raises:
        ValueError: if the arrays do not belong together, a class has no example, or
            `shots` or `seeds` are not such integers.

    Example:

    >>> print(fewshot_probe(x, y, x_test, y_test, shots=(10,))[10])
    0.7412 ± 0.0051 (n = 3)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section
    4.1; `big_vision/evaluators/fewshot_lsr.py`.
    """
    if num_classes is None:
        num_classes = 1 + int(max(np.max(train_labels), np.max(test_labels)))
    features, labels = check_features(train_features, train_labels, num_classes)
    tests, answers = check_features(test_features, test_labels, num_classes)
    shots = _tuple_of(shots)
    seeds = _tuple_of(range(seeds) if is_integer(seeds) else seeds)
    if not _are_integers(shots, 1) or not _are_integers(seeds, 0):
        raise ValueError(
            "`shots` must be positive integers, such as (5,), and `seeds` integers "
            f"from 0, at least one. Received: shots={shots}, seeds={seeds}"
        )
    by_class = [np.flatnonzero(labels == k) for k in range(num_classes)]
    empty = [k for k, members in enumerate(by_class) if not len(members)]
    if empty:
        raise ValueError(
            "Every class must have a training example. Received: none of the classes "
            f"{', '.join(map(str, empty[:10]))}{', ...' if len(empty) > 10 else ''}"
        )
    found = {number: [] for number in shots}
    for seed in seeds:
        for number, accuracies in found.items():
            chosen = choose_shots(labels, num_classes, number, seed)
            probe = Ridge(features[chosen], labels[chosen], num_classes).probe(l2)
            accuracies.append(float((probe.predict(tests) == answers).mean()))
    return {number: summarise(values) for number, values in found.items()}


def choose_shots(labels, num_classes, number, seed):
    """The places of the examples of one draw, those of each class together.

    Args:
        labels: Integer array `(N,)`.
        num_classes: Integer.
        number: Integer, examples per class; a class that has fewer gives all of them.
        seed: Integer. For one seed, those of 5 are among those of 10.

    Returns:
        Integer array.
    """
    random = np.random.default_rng(seed)
    orders = [
        random.permutation(np.flatnonzero(labels == k)) for k in range(num_classes)
    ]
    return np.concatenate([order[:number] for order in orders])


def _tuple_of(values):
    """Values in a row as a tuple; anything else as it is."""
    return tuple(values) if hasattr(values, "__iter__") else values


def _are_integers(values, lowest):
    """Whether this is a tuple of at least one integer, none below the lowest."""
    if not isinstance(values, tuple) or not values:
        return False
    return all(map(is_integer, values)) and min(values) >= lowest


def fewshot(
    model,
    train,
    test,
    *,
    layer=None,
    preprocessing=None,
    batch_size=64,
    progress=None,
    **options,
):
    """The few-shot probe of a model's features.

    Args:
        model: A Keras model, the path of a `.keras` file, or a run folder.
        train: `keras_vit.data.Source`, from which examples are drawn.
        test: `keras_vit.data.Source`, whose examples are classified.
        layer: As for `keras_vit.evaluation.extract_features`.
        preprocessing: As for `keras_vit.evaluation.evaluate`. The published probe has
            `"resize(256)|central_crop(224)"`.
        batch_size: Integer; the result does not depend on it.
        progress: `None`, or a function (images done, images in all).
        **options: `shots`, `seeds` and `l2`, as for `fewshot_probe`.

    Returns:
        Dictionary of shots to a `Summary` of the accuracies.

    Example:

    >>> train, test = keras_vit.data.load_splits("fashion_mnist_mini")
    >>> fewshot(model, train, test, shots=(5,))[5].mean
    """
    check_same_classes((train, test))
    extractor = Extractor(load_model(model), layer, preprocessing)
    return _fewshot(extractor, (train, test), batch_size, progress, options)


def _fewshot(extractor, sources, batch_size, progress, options):
    train, test = (extractor(source, batch_size, progress) for source in sources)
    return fewshot_probe(
        train.values,
        train.labels,
        test.values,
        test.labels,
        num_classes=sources[0].num_classes,
        **options,
    )


class FewShotCallback(keras.callbacks.Callback):
    """Logs the accuracy of the few-shot probe after each epoch.

    The logs get `fewshot_1`, `fewshot_5` and so on: the mean over the seeds. A callback
    that writes logs down must come after this one.

    Args:
        train: `keras_vit.data.Source`, from which examples are drawn.
        test: `keras_vit.data.Source`, whose examples are classified; not the test set
            of the final result, if it decides anything.
        shots: Integers, examples per class. Defaults to `(1, 5, 10, 25)`.
        seeds: Integer, how many draws, or the seeds themselves. Defaults to 3.
        l2: Positive number. Defaults to 1024.
        layer: As for `keras_vit.evaluation.extract_features`.
        preprocessing: As for `keras_vit.evaluation.evaluate`. The published probe has
            `"resize(256)|central_crop(224)"`.
        every: Integer, after each how many epochs.
        batch_size: Integer.

    Example:

    >>> train, test = keras_vit.data.load_splits("fashion_mnist_mini")
    >>> callback = FewShotCallback(train, test, shots=(10,))
    >>> model.fit(batches, epochs=5, callbacks=[callback]).history["fewshot_10"]
    """

    def __init__(
        self,
        train,
        test,
        *,
        shots=SHOTS,
        seeds=SEEDS,
        l2=L2,
        layer=None,
        preprocessing=None,
        every=1,
        batch_size=64,
    ):
        super().__init__()
        check_positive(every=every)
        self.sources = (train, test)
        self.options = {"shots": tuple(shots), "seeds": seeds, "l2": l2}
        self.layer = layer
        self.preprocessing = preprocessing
        self.every = every
        self.batch_size = batch_size
        self.extractor = None

    def on_train_begin(self, logs=None):
        self.extractor = Extractor(self.model, self.layer, self.preprocessing)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every or logs is None:
            return
        self.model  # noqa: B018  brings JAX's state back into the shared variables
        batch_size = self.batch_size
        found = _fewshot(self.extractor, self.sources, batch_size, None, self.options)
        logs.update({f"fewshot_{n}": summary.mean for n, summary in found.items()})
