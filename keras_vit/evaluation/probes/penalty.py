"""The choice of the ridge penalty by examples that were held out."""

import numpy as np

from keras_vit.evaluation.probes.ridge import L2, Ridge

# The published penalty, and steps of 16 to either side.
GRID = (0.25, 4.0, 64.0, L2, 16384.0)
FOLDS = 5


def folds_of(labels, num_folds, seed=0):
    """The fold of each example, `(N,)`: every class is spread over all folds."""
    random = np.random.default_rng(seed)
    folds = np.empty(len(labels), int)
    next_fold = 0
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        # Where the last class ended, so that folds of rare classes do not pile up.
        folds[members] = (next_fold + np.arange(len(members))) % num_folds
        next_fold += len(members)
    return folds


def cross_validate(features, labels, num_classes, grid=GRID, num_folds=FOLDS, seed=0):
    """Accuracy of each penalty on examples that its probe was not fitted to.

    Args:
        features: Array `(N, D)`, at least two examples.
        labels: Integer array `(N,)`.
        num_classes: Integer.
        grid: Positive numbers, the penalties.
        num_folds: Integer, parts of the examples, each held out once. Defaults to 5.
        seed: Integer, decides the parts.

    Returns:
        Dictionary of penalty to accuracy.
    """
    features, labels = np.asarray(features), np.asarray(labels)
    if len(labels) < 2:
        raise ValueError(
            "Two examples at least are needed to hold one out. "
            f"Received: {len(labels)}. Choose `l2` yourself: {L2:g} is published."
        )
    folds = folds_of(labels, min(num_folds, len(labels)), seed)
    right = dict.fromkeys(grid, 0)
    for fold in np.unique(folds):
        held = folds == fold
        ridge = Ridge(features[~held], labels[~held], num_classes)
        for l2 in right:
            answers = ridge.probe(l2).predict(features[held])
            right[l2] += int((answers == labels[held]).sum())
    return {l2: count / len(labels) for l2, count in right.items()}


def best(accuracies):
    """The penalty of the highest accuracy; of equal ones the strongest."""
    return max(accuracies, key=lambda l2: (accuracies[l2], l2))
