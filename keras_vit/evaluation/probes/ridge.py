"""The published linear probe: ridge regression in closed form, and its penalty.

Features are standardised and get a constant feature, the targets are +1 for the true
class and -1 for all others, and the weights minimise

    |X w - y|² + l2 |w|²

over all of them, that of the constant included. Everything is float64.
"""

import dataclasses

import numpy as np

# The published values (big_vision's few-shot evaluator).
CONSTANT = 100.0
EPSILON = 1e-5
L2 = 1024.0

# The published penalty, and steps of 16 to either side.
GRID = (0.25, 4.0, 64.0, L2, 16384.0)
FOLDS = 5


@dataclasses.dataclass(frozen=True)
class LinearProbe:
    """A linear classifier of features."""

    # Mean and scale of the features that it was fitted to: `(D,)`.
    mean: np.ndarray
    scale: np.ndarray
    # `(D + 1, K)`; the last row belongs to the constant.
    weights: np.ndarray

    def scores(self, features):
        """One score per class, `(N, K)`: about 1 for the right class, else about -1."""
        return prepared(features, self.mean, self.scale) @ self.weights

    def predict(self, features):
        """The class of the highest score, `(N,)`."""
        return self.scores(features).argmax(axis=1)


class Ridge:
    """Features, decomposed once, that probes of any `l2` are fitted to.

    Args:
        features: Array `(N, D)`, finite numbers, at least one row.
        labels: Integer array `(N,)` in `[0, num_classes)`.
        num_classes: Integer, at least 2.

    Raises:
        ValueError: if the shapes do not belong together, or a label is out of range.

    Example:

    >>> ridge = Ridge(train.values, train.labels, 10)
    >>> (ridge.probe(l2=1024).predict(test.values) == test.labels).mean()
    """

    def __init__(self, features, labels, num_classes):
        features, labels = check_features(features, labels, num_classes)
        self.mean = features.mean(axis=0)
        self.scale = features.std(axis=0) + EPSILON
        x = prepared(features, self.mean, self.scale)  # (N, D + 1)
        targets = np.full((len(x), num_classes), -1.0)
        targets[np.arange(len(x)), labels] = 1.0
        # The smaller of the two products; both give the same weights, because
        # (XᵀX + l2)⁻¹ Xᵀ = Xᵀ (XXᵀ + l2)⁻¹.
        if len(x) >= x.shape[1]:
            self.values, vectors = np.linalg.eigh(x.T @ x)
            self.left, self.right = vectors, vectors.T @ (x.T @ targets)
        else:
            self.values, vectors = np.linalg.eigh(x @ x.T)
            self.left, self.right = x.T @ vectors, vectors.T @ targets

    def probe(self, l2=L2):
        """The `LinearProbe` of a penalty `l2`, a positive number."""
        check_l2(l2)
        weights = self.left @ (self.right / (self.values + l2)[:, None])
        return LinearProbe(self.mean, self.scale, weights)


def prepared(features, mean, scale):
    """Standardised features with the constant behind them: float64 `(N, D + 1)`."""
    x = (np.asarray(features, "float64") - mean) / scale
    return np.concatenate([x, np.full((len(x), 1), CONSTANT)], axis=1)


def check_l2(l2):
    """Raises unless a penalty is positive and finite."""
    if not 0 < l2 < np.inf:
        raise ValueError(f"`l2` must be a positive number. Received: l2={l2}")


def check_features(features, labels, num_classes):
    """Features in float64 and labels, once they are known to belong together."""
    features = np.asarray(features, "float64")
    labels = np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise ValueError(
            "Features must be (examples, dimensions), with one label for each and at "
            f"least one example. Received: {features.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"Labels must be integers. Received: {labels.dtype}")
    if num_classes < 2 or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            "Labels must lie in [0, num_classes), of at least two classes. Received: "
            f"labels from {labels.min()} to {labels.max()}, num_classes={num_classes}"
        )
    if not np.isfinite(features).all():
        raise ValueError("Features must be finite numbers. Received: NaN or infinity")
    return features, labels


def folds_of(labels, num_folds):
    """The fold of each example, `(N,)`: every class is spread over all folds."""
    random = np.random.default_rng(0)
    folds = np.empty(len(labels), int)
    next_fold = 0
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        # Where the last class ended, so that folds of rare classes do not pile up.
        folds[members] = (next_fold + np.arange(len(members))) % num_folds
        next_fold += len(members)
    return folds


def cross_validate(features, labels, num_classes, grid=GRID):
    """Accuracy of each penalty on examples that its probe was not fitted to.

    Args:
        features: Array `(N, D)`, at least two examples.
        labels: Integer array `(N,)`.
        num_classes: Integer.
        grid: Positive numbers, the penalties.

    Returns:
        Dictionary of penalty to accuracy.
    """
    features, labels = np.asarray(features), np.asarray(labels)
    if len(labels) < 2:
        raise ValueError(
            "At least two examples are needed to hold one out. "
            f"Received: {len(labels)}. Choose `l2` yourself: {L2:g} is published."
        )
    folds = folds_of(labels, min(FOLDS, len(labels)))
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
