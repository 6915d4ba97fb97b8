"""Neighbours in feature space: exact, and what they find among planted faults."""

import numpy as np

from keras_vit.advising import neighbours
from keras_vit.advising.neighbours import nearest, suspicious


def clusters(seed, count=300, width=16, classes=3, spread=0.4):
    """Vectors around the centres of classes, and their classes."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, width))
    labels = np.arange(count) % classes
    return centres[labels] + spread * random.normal(size=(count, width)), labels


def test_neighbours_are_those_of_all_cosines(monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 7)  # a last short block
    features, _ = clusters(0, 40)
    places, distances = nearest(features, 5)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    np.testing.assert_array_equal(places, np.argsort(-cosines, axis=1)[:, :5])
    wanted = 1 - np.take_along_axis(cosines, places, axis=1)
    np.testing.assert_allclose(distances, wanted, atol=1e-6)
    assert nearest(features[:3], 5)[0].shape == (3, 2)
    assert np.isfinite(nearest(np.zeros((4, 2)), 3)[1]).all()


def test_flipped_labels_are_found_and_no_others():
    features, truth = clusters(1)
    labels, flipped = truth.copy(), np.arange(0, 300, 20)
    labels[flipped] = (labels[flipped] + 1) % 3
    own = np.where(labels == truth, 0.9, 0.01)
    found, agree = suspicious(labels, truth, own, nearest(features)[0])
    assert sorted(found) == flipped.tolist()
    assert (agree[found] >= 7).all()


def test_a_mistake_of_the_model_alone_is_no_suspicion():
    features, truth = clusters(2)
    answers = truth.copy()
    answers[::10] = (answers[::10] + 1) % 3  # against all neighbours
    places = nearest(features)[0]
    assert not len(suspicious(truth, answers, np.full(300, 0.01), places)[0])


def test_a_label_that_the_model_thinks_possible_is_no_suspicion():
    features, truth = clusters(2)
    labels = truth.copy()
    labels[0] = (labels[0] + 1) % 3
    places = nearest(features)[0]
    for own, count in ((0.01, 1), (0.2, 0)):
        found = suspicious(labels, truth, np.full(300, own), places)[0]
        assert len(found) == count
