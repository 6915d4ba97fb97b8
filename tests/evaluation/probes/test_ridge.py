"""The closed-form probe against the normal equations; the choice of its penalty."""

import numpy as np
import pytest

from keras_vit.evaluation import Ridge, fewshot_probe
from keras_vit.evaluation.probes.ridge import best, cross_validate, folds_of


def blobs(count, dim, num_classes, seed=0, spread=1.0):
    """Features around a centre for each class, and their labels."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(num_classes, dim))
    labels = np.arange(count) % num_classes
    noise = spread * random.normal(size=(count, dim))
    return (3 + 5 * (centres[labels] + noise)).astype("float32"), labels


def reference(features, labels, num_classes, l2):
    """Weights by solving the normal equations, as they are written in books."""
    x = features.astype("float64")
    x = (x - x.mean(0)) / (x.std(0) + 1e-5)
    x = np.hstack([x, 100 * np.ones((len(x), 1))])
    y = 2 * np.eye(num_classes)[labels] - 1
    return np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ y)


@pytest.mark.parametrize("count, dim", [(60, 10), (8, 30), (11, 10), (1, 4)])
@pytest.mark.parametrize("l2", [1.0, 1024.0])
def test_weights_solve_the_normal_equations(count, dim, l2):
    features, labels = blobs(count, dim, 4)
    expected = reference(features, labels, 4, l2)
    found = Ridge(features, labels, 4).probe(l2).weights
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_scores_are_of_standardised_features_with_the_constant():
    features, labels = blobs(40, 6, 3)
    probe = Ridge(features, labels, 3).probe()
    row = (features[0].astype("float64") - features.mean(0, "float64")) / (
        features.std(0, dtype="float64") + 1e-5
    )
    by_hand = row @ probe.weights[:-1] + 100 * probe.weights[-1]
    np.testing.assert_allclose(probe.scores(features[:1])[0], by_hand, rtol=1e-9)
    assert (probe.predict(features) == probe.scores(features).argmax(1)).all()


def test_a_feature_that_never_changes_does_no_harm():
    features, labels = blobs(30, 5, 3)
    features[:, 2] = 7
    assert np.isfinite(Ridge(features, labels, 3).probe().scores(features)).all()


@pytest.mark.parametrize(
    "features, labels, classes, message",
    [
        (np.zeros((3, 2)), [0, 1], 2, r"one label for each"),
        (np.zeros((0, 2)), [], 2, r"at least one example"),
        (np.zeros((2, 2)), [0.0, 1.0], 2, "integers"),
        (np.zeros((2, 2)), [0, 2], 2, r"labels from 0 to 2"),
        (np.zeros((2, 2)), [0, 0], 1, "at least two classes"),
        (np.full((2, 2), np.nan), [0, 1], 2, "finite"),
    ],
)
def test_arrays_that_do_not_fit_are_explained(features, labels, classes, message):
    with pytest.raises(ValueError, match=message):
        Ridge(features, labels, classes)


@pytest.mark.parametrize("l2", [0, -1.0, float("inf"), float("nan")])
def test_a_penalty_must_be_positive(l2):
    features, labels = blobs(4, 2, 2)
    with pytest.raises(ValueError, match="`l2` must be a positive number"):
        Ridge(features, labels, 2).probe(l2)


def test_the_few_shot_probe_is_the_reference_on_its_own_draw():
    x, y = blobs(90, 12, 3, spread=2.0)
    tests, answers = blobs(60, 12, 3, seed=1, spread=2.0)
    found = fewshot_probe(x, y, tests, answers, shots=(2, 7), seeds=(4, 9))
    for shots in (2, 7):
        for seed, accuracy in zip((4, 9), found[shots].values):
            random = np.random.default_rng(seed)
            orders = [random.permutation(np.flatnonzero(y == k)) for k in range(3)]
            chosen = np.concatenate([order[:shots] for order in orders])
            weights = reference(x[chosen], y[chosen], 3, 1024.0)
            support = x[chosen].astype("float64")
            z = (tests - support.mean(0)) / (support.std(0) + 1e-5)
            z = np.hstack([z, 100 * np.ones((len(z), 1))])
            assert accuracy == ((z @ weights).argmax(1) == answers).mean()


def test_few_shots_are_the_same_twice_and_more_shots_are_better():
    x, y = blobs(400, 16, 4, spread=3.0)
    tests, answers = blobs(400, 16, 4, seed=1, spread=3.0)
    one, two = (fewshot_probe(x, y, tests, answers) for _ in range(2))
    assert one == two
    assert list(one) == [1, 5, 10, 25] and one[1].n == 3
    assert one[25].mean > one[5].mean > one[1].mean


def test_a_class_with_fewer_examples_gives_all_of_them():
    x, y = blobs(20, 4, 2)
    everything = fewshot_probe(x, y, x, y, shots=(1000,), seeds=1)[1000].mean
    assert everything == (Ridge(x, y, 2).probe().predict(x) == y).mean()


def test_what_cannot_be_drawn_is_explained():
    x, y = blobs(20, 4, 2)
    with pytest.raises(ValueError, match="none of the classes 2"):
        fewshot_probe(x, y, x, y, num_classes=3)
    wrong = [{"shots": shots} for shots in ((0,), (), 5, (2.5,), None)]
    wrong += [{"seeds": seeds} for seeds in (0, (), (-1,), 1.5, (0.5,), None)]
    for options in wrong:
        with pytest.raises(ValueError, match="positive integers"):
            fewshot_probe(x, y, x, y, **options)


def test_folds_hold_every_class_evenly():
    labels = np.array([0] * 23 + [1] * 10 + [2] * 3)
    folds = folds_of(labels, 5)
    assert set(np.bincount(folds)) <= {7, 8}
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert (folds == folds_of(labels, 5)).all()


def test_cross_validation_counts_what_was_held_out():
    x, y = blobs(31, 5, 3, spread=2.0)
    found = cross_validate(x, y, 3, grid=(2.0, 1024.0))
    folds = folds_of(y, 5)
    for l2 in (2.0, 1024.0):
        right = 0
        for fold in range(5):
            held = folds == fold
            probe = Ridge(x[~held], y[~held], 3).probe(l2)
            right += (probe.predict(x[held]) == y[held]).sum()
        assert found[l2] == right / 31
    assert best({1.0: 0.5, 4.0: 0.5, 9.0: 0.4}) == 4.0
    with pytest.raises(ValueError, match="At least two examples"):
        cross_validate(x[:1], y[:1], 3)
