"""Nearest neighbours against loops over every pair."""

import math

import numpy as np
import pytest

from keras_vit.evaluation import knn_accuracy, knn_votes
from keras_vit.evaluation.probes import neighbours


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    train, test = random.normal(size=(40, 6)), random.normal(size=(13, 6))
    return train.astype("float32"), random.integers(0, 4, 40), test.astype("float32")


def similarity(a, b, metric):
    a, b = a.astype("float64"), b.astype("float64")
    if metric == "l2":
        return -math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b)))
    return sum(a * b) / math.sqrt(sum(a * a)) / math.sqrt(sum(b * b))


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("temperature", [None, 0.07])
@pytest.mark.parametrize("k", [1, 7, 100])
def test_votes_equal_brute_force(arrays, metric, temperature, k, monkeypatch):
    train, labels, test = arrays
    monkeypatch.setattr(neighbours, "ROWS", 5)  # several parts, the last one short
    votes = knn_votes(train, labels, test, k=k, metric=metric, temperature=temperature)
    for row, found in zip(test, votes):
        near = sorted(((-similarity(row, t, metric), i) for i, t in enumerate(train)))
        expected = np.zeros(4)
        for distance, index in near[:k]:
            gap = 0 if temperature is None else near[0][0] - distance
            weight = 1 if temperature is None else math.exp(gap / temperature)
            expected[labels[index]] += weight
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_of_equally_near_examples_the_earlier_one_counts():
    train = np.ones((4, 2))
    assert knn_votes(train, [1, 0, 0, 0], train[:1], k=1)[0].tolist() == [0, 1]


def test_accuracy_is_of_the_class_with_most_votes(arrays):
    train, labels, _ = arrays
    assert knn_accuracy(train, labels, train, labels, k=1) == 1
    votes = knn_votes(train, labels, train, k=5)
    expected = (votes.argmax(1) == labels).mean()
    assert knn_accuracy(train, labels, train, labels, k=5) == expected


@pytest.mark.parametrize(
    "options", [{"k": 0}, {"metric": "cosin"}, {"temperature": 0.0}]
)
def test_options_are_checked(arrays, options):
    with pytest.raises(ValueError, match="Received"):
        knn_votes(*arrays, **options)
