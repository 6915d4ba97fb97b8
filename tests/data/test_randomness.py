"""Draws are functions of their seeds, and look random."""

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness


def test_mix_is_splitmix64():
    # The first outputs of the generator in Vigna's reference code for seed 1234567.
    golden = 0x9E3779B97F4A7C15
    state = [(1234567 + i * golden) % 2**64 for i in range(3)]
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert randomness.mix(tf.constant(state, tf.uint64)).numpy().tolist() == wanted
    assert [randomness.mix_int(x) for x in state] == wanted


def test_every_epoch_is_a_permutation_of_its_own():
    orders = [randomness.permutation(1000, 5, epoch).numpy() for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(1000))
    assert not (orders[0] == orders[1]).all() and not (orders[1] == orders[2]).all()
    assert (orders[1] == randomness.permutation(1000, 5, 1).numpy()).all()
    assert (orders[1] != randomness.permutation(1000, 6, 1).numpy()).any()


def test_an_image_draws_the_same_alone_and_in_a_batch():
    seeds = randomness.image_seeds(3, 2, tf.range(50))
    together = randomness.uniform(seeds, 4)
    alone = randomness.uniform(randomness.image_seeds(3, 2, tf.constant([17])), 4)
    assert (together[17].numpy() == alone[0].numpy()).all()


def test_uniform_numbers_are_uniform_and_independent():
    seeds = randomness.image_seeds(0, 0, tf.range(20000))
    drawn = randomness.uniform(seeds, 3).numpy()
    assert drawn.min() >= 0 and drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(drawn.var(0), 1 / 12, atol=0.003)
    between = np.corrcoef(np.concatenate([drawn[1:].T, drawn[:-1].T]))
    assert np.abs(between - np.eye(6)).max() < 0.03


def test_integers_reach_every_value_and_no_other():
    seeds = randomness.image_seeds(0, 0, tf.range(2000))
    drawn = randomness.uniform_int(seeds, 7).numpy()
    assert sorted(np.unique(drawn)) == list(range(7))
    pairs = randomness.uniform_int(seeds, [1, 3], 2).numpy()
    assert (pairs[:, 0] == 0).all() and sorted(np.unique(pairs[:, 1])) == [0, 1, 2]


def test_any_python_integer_is_a_seed():
    for seed in (-1, 0, 2**63, 2**80):
        assert randomness.permutation(10, seed, 0).shape == (10,)


def test_the_global_seed_changes_nothing():
    before = randomness.permutation(100, 1, 1).numpy()
    tf.random.set_seed(99)
    assert (randomness.permutation(100, 1, 1).numpy() == before).all()
