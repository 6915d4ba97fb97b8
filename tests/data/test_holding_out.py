"""What is held out is a fair sample, and never learned from."""

import numpy as np
import pytest

from keras_vit.data import hold_out, load


def identities(source):
    return [item["id"].decode() for item in source.examples().as_numpy_iterator()]


def test_the_parts_share_no_image_and_miss_none(folder):
    train = load(str(folder))
    rest, held = hold_out(train, 0.25, seed=3)
    assert (rest.num_examples, held.num_examples) == (18, 6)
    assert sorted(identities(rest) + identities(held)) == sorted(identities(train))
    assert np.bincount(held.labels).tolist() == [4, 2]
    # What is held out can be asked for by its name.
    assert identities(load((str(folder), held.split))) == identities(held)


def test_the_seed_decides(folder):
    train = load(str(folder))
    once, again, other = (
        identities(hold_out(train, 0.25, seed=seed)[1]) for seed in (0, 0, 1)
    )
    assert once == again != other


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_share_of_nothing_or_all_is_refused(folder, fraction):
    with pytest.raises(ValueError, match=rf"in \(0, 1\).*fraction={fraction}"):
        hold_out(load(str(folder)), fraction)


def test_one_image_cannot_be_two_parts(arrays):
    with pytest.raises(ValueError, match="Too few examples"):
        hold_out(arrays.take_fraction(0.01), 0.5)
