"""Steps on batches: what they do to images and labels, and what they draw."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vit.data import randomness, steps

STEPS = [
    steps.Mixup(0.2),
    steps.Mixup(0.2, "bit"),
    steps.Mixup(0),
    steps.CutMix(),
    steps.CutMix(0),
    steps.LabelSmoothing(0.1),
]
SEEDS = randomness.image_seeds(0, 0, tf.range(300))
LABELS = tf.constant([2, 0, 1, 2, 2])


def images(channels=3, count=5):
    rng = np.random.default_rng(0)
    return tf.constant(rng.uniform(-1, 1, (count, 8, 12, channels)), tf.float32)


def shares(step):
    """The first label's share of each of 300 batches."""
    batch, labels = images(count=2), tf.constant([0, 1])
    calls = [step(batch, labels, 2, SEEDS[i:]) for i in range(300)]
    return np.array([made[0, 0] for _, made in calls])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step_agrees_eagerly_and_in_tf_data(step, channels):
    batch = images(channels)
    mixed, labels = step(batch, LABELS, 3, SEEDS)
    dataset = tf.data.Dataset.from_tensors((batch, LABELS, SEEDS))
    dataset = dataset.map(lambda x, y, seeds: step(x, y, 3, seeds))
    for in_graph, labels_in_graph in dataset:
        assert (in_graph == mixed).numpy().all()
        assert (labels_in_graph == labels).numpy().all()
    assert mixed.dtype == labels.dtype == tf.float32
    assert mixed.shape == batch.shape and labels.shape == (5, 3)
    np.testing.assert_allclose(tf.reduce_sum(labels, 1), 1, rtol=1e-6)
    assert np.abs(mixed).max() < 1 + 1e-6  # a blend leaves the value range as it is


@pytest.mark.parametrize("form", ["big_vision", "bit"])
def test_mixup_is_a_blend_with_the_partner(form):
    batch = images()
    mixed, labels = steps.Mixup(0.5, form)(batch, LABELS, 3, SEEDS)
    numbers = np.arange(5)
    partner = numbers[::-1] if form == "bit" else np.roll(numbers, 1)
    one_hot = np.eye(3)[LABELS]
    share = (labels[1, 0] - one_hot[partner[1], 0]) / (1 - one_hot[partner[1], 0])
    share = float(share)
    x = batch.numpy()
    np.testing.assert_allclose(
        mixed, share * x + (1 - share) * x[partner], rtol=1e-5, atol=1e-6
    )
    expected = share * one_hot + (1 - share) * one_hot[partner]
    np.testing.assert_allclose(labels, expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [pytest.param(0.1, marks=pytest.mark.slow), 0.8])
def test_share_comes_from_the_beta_distribution(alpha):
    drawn = shares(steps.Mixup(alpha, "bit"))
    assert abs(drawn.mean() - 0.5) < 0.08
    assert abs(drawn.var() - 1 / (4 * (2 * alpha + 1))) < 0.025
    folded = shares(steps.Mixup(alpha))
    np.testing.assert_allclose(folded, np.maximum(drawn, 1 - drawn), rtol=1e-6)


def test_cutmix_takes_a_rectangle_of_the_partner():
    batch = images()
    for i in range(20):
        mixed, labels = steps.CutMix()(batch, tf.range(5), 5, SEEDS[i:])
        own = (mixed == batch).numpy().all(-1)
        assert (own == own[:1]).all()  # one rectangle for all
        taken = ~own[0]
        rows, columns = taken.any(1), taken.any(0)
        assert (taken == rows[:, None] & columns).all()
        partner = np.roll(batch, 1, 0)
        assert (mixed.numpy()[:, taken] == partner[:, taken]).all()
        np.testing.assert_allclose(labels[0, 0], own.mean(), rtol=1e-6)
        np.testing.assert_allclose(labels[0, 4], 1 - own.mean(), atol=1e-6)


def test_label_smoothing_is_that_of_keras():
    import keras

    batch, logits = images(), tf.constant(np.random.default_rng(1).normal(size=(5, 3)))
    _, smooth = steps.LabelSmoothing(0.1)(batch, LABELS, 3)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = theirs(tf.one_hot(LABELS, 3), logits)
    np.testing.assert_allclose(loss(smooth, logits), expected, rtol=1e-6)


def test_steps_follow_each_other():
    batch = images()
    mixed, labels = steps.Mixup(0.2)(batch, LABELS, 3, SEEDS)
    again, smooth = steps.LabelSmoothing(0.3)(mixed, labels, 3)
    np.testing.assert_allclose(smooth, labels * 0.7 + 0.1, rtol=1e-6)
    assert (again == mixed).numpy().all()


def test_a_batch_of_one_mixes_with_itself():
    batch = images(count=1)
    for step in STEPS[:4]:
        mixed, labels = step(batch, LABELS[:1], 3, SEEDS)
        np.testing.assert_allclose(mixed, batch, atol=1e-6)
        np.testing.assert_allclose(labels, [[0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steps.Mixup(-1), "`alpha` of Mixup"),
        (lambda: steps.Mixup(0.2, "other"), "form='other'"),
        (lambda: steps.CutMix(float("nan")), "`alpha` of CutMix"),
        (lambda: steps.LabelSmoothing(1.0), "rate=1.0"),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()
