"""The few-shot linear probe: how good features are, from a few examples per class."""

import numbers

import numpy as np

from keras_vit.evaluation.probes.features import extract_features
from keras_vit.evaluation.probes.ridge import L2, Ridge, check_features
from keras_vit.evaluation.summary import summarise

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
            `shots` or `seeds` are no such integers.

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
    seeds = _tuple_of(range(seeds) if isinstance(seeds, numbers.Integral) else seeds)
    if not _are_integers(shots, 1) or not _are_integers(seeds, 0):
        raise ValueError(
            "`shots` must be positive integers, such as (5,), and there must be a "
            f"seed, 0 at least. Received: shots={shots}, seeds={seeds}"
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
        random = np.random.default_rng(seed)
        orders = [random.permutation(members) for members in by_class]
        for number, accuracies in found.items():
            chosen = np.concatenate([order[:number] for order in orders])
            probe = Ridge(features[chosen], labels[chosen], num_classes).probe(l2)
            accuracies.append(float((probe.predict(tests) == answers).mean()))
    return {number: summarise(values) for number, values in found.items()}


def _tuple_of(values):
    """Values in a row as a tuple; anything else as it is."""
    return tuple(values) if hasattr(values, "__iter__") else values


def _are_integers(values, lowest):
    """Whether this is a tuple of integers, one at least and none below the lowest."""
    if not isinstance(values, tuple) or not values:
        return False
    whole = all(isinstance(value, numbers.Integral) for value in values)
    return whole and min(values) >= lowest


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
    if train.class_names != test.class_names:
        raise ValueError(
            "Both sources must have the same classes. "
            f"Received: {train.class_names[:5]} and {test.class_names[:5]}"
        )
    parts = []
    for source in (train, test):
        features = extract_features(
            model,
            source,
            layer,
            preprocessing=preprocessing,
            batch_size=batch_size,
            progress=progress,
        )
        parts += [features.values, features.labels]
    return fewshot_probe(*parts, num_classes=train.num_classes, **options)
