"""Classification by the nearest neighbours in feature space."""

import numpy as np

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.evaluation.probes.ridge import check_features

# Rows of test features that are compared with all training features at a time.
ROWS = 256

METRICS = ("cosine", "l2")


def knn_votes(
    train_features,
    train_labels,
    test_features,
    *,
    k=20,
    metric="cosine",
    temperature=None,
    num_classes=None,
):
    """The votes of the nearest training examples for each class.

    Of equally near examples the earlier one is nearer.

    Args:
        train_features: Array `(N, D)`.
        train_labels: Integer array `(N,)`.
        test_features: Array `(M, D)`.
        k: Integer, how many neighbours vote; at most all examples do. Defaults to 20.
        metric: `"cosine"`, the angle between features, or `"l2"`, their Euclidean
            distance.
        temperature: `None` for one vote each, or a positive number `t`: then votes
            are in proportion to `exp(s / t)` with the cosine, or minus the distance,
            as `s`; the nearest neighbour has one.
        num_classes: Integer. Defaults to the highest training label plus one.

    Returns:
        Float64 array `(M, K)`.

    Example:

    >>> knn_votes(x, y, x_test, k=5, metric="l2").argmax(axis=1)
    """
    check_choice(metric, METRICS, "metric")
    check_positive(k=k)
    if temperature is not None and not temperature > 0:
        raise ValueError(
            f"`temperature` must be positive. Received: temperature={temperature}"
        )
    if num_classes is None:
        num_classes = max(2, 1 + int(np.max(train_labels)))
    train, labels = check_features(train_features, train_labels, num_classes)
    test = np.asarray(test_features, "float64")
    if metric == "cosine":
        train, test = _unit(train), _unit(test)
    k = min(k, len(train))
    votes = np.zeros((len(test), num_classes))
    for start in range(0, len(test), ROWS):
        rows = slice(start, start + ROWS)
        similarity = _similarity(test[rows], train, metric)
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]  # (rows, k)
        weights = np.ones(nearest.shape)
        if temperature is not None:
            near = np.take_along_axis(similarity, nearest, axis=1)
            # Against the nearest one, so that no power overflows: same shares.
            weights = np.exp((near - near[:, :1]) / temperature)
        queries = np.arange(len(nearest))
        for voted, weight in zip(labels[nearest].T, weights.T):  # nearest first
            np.add.at(votes[rows], (queries, voted), weight)
    return votes


def knn_accuracy(train_features, train_labels, test_features, test_labels, **options):
    """The share of test examples whose class gets the most votes.

    Args:
        train_features: Array `(N, D)`.
        train_labels: Integer array `(N,)`.
        test_features: Array `(M, D)`.
        test_labels: Integer array `(M,)`.
        **options: Those of `knn_votes`.
    """
    votes = knn_votes(train_features, train_labels, test_features, **options)
    return float((votes.argmax(axis=1) == np.asarray(test_labels)).mean())


def _similarity(test, train, metric):
    product = test @ train.T
    if metric == "cosine":
        return product
    squares = (test**2).sum(axis=1)[:, None] + (train**2).sum(axis=1) - 2 * product
    return -np.sqrt(np.maximum(squares, 0.0))


def _unit(features):
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo("float64").tiny)
