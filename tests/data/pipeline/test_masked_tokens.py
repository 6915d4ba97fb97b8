"""BERT's masking: exact counts, what is shown, and what is never touched."""

import golden
import numpy as np
import pytest

from keras_vit.data import corrupt_tokens

CLS, SEP, MASK, SIZE = 1, 2, 3, 1000
SPECIAL = {"special_ids": (CLS, SEP)}


def sequences(batch, length, seed=0):
    ids = np.random.default_rng(seed).integers(10, SIZE, (batch, length))
    ids[:, 0], ids[:, -1] = CLS, SEP
    return ids


def test_counts_are_those_of_bert():
    known = golden.config("lineage/transformer/positions.json")["masked_tokens"]
    for length, (limited, plain) in known.items():
        ids = sequences(4, int(length))
        possible = int(length) - 2
        *_, weights = corrupt_tokens(ids, MASK, SIZE, **SPECIAL)
        assert (weights.sum(1) == min(limited, possible)).all(), length
        *_, weights = corrupt_tokens(ids, MASK, SIZE, **SPECIAL, max_predictions=None)
        assert (weights.sum(1) == min(max(plain, 1), possible)).all(), length


def test_halves_go_to_the_even_number():
    # 0.15 * 10 = 1.5 becomes 2, and 0.15 * 30 = 4.5 becomes 4.
    for length, count in ((10, 2), (30, 4), (50, 8)):
        *_, weights = corrupt_tokens(sequences(1, length), MASK, SIZE)
        assert weights.sum() == count


def test_special_tokens_and_padding_stay():
    ids = sequences(50, 40)
    keep = np.arange(40) < np.random.default_rng(1).integers(3, 41, (50, 1))
    shown, targets, weights = corrupt_tokens(ids, MASK, SIZE, **SPECIAL, keep=keep)
    fixed = ~keep | (ids == CLS) | (ids == SEP)
    assert not weights[fixed].any()
    np.testing.assert_array_equal(shown[weights == 0], ids[weights == 0])
    np.testing.assert_array_equal(targets, ids)
    lengths = keep.sum(1)
    expected = [max(1, round(0.15 * int(n))) for n in lengths]
    assert weights.sum(1).tolist() == expected
    assert [x.dtype.name for x in (shown, targets, weights)] == [
        *("int32", "int32", "float32")
    ]


def test_four_of_five_are_masked_and_any_token_may_come_instead():
    ids = np.full((200, 128), 7)
    shown, _, weights = corrupt_tokens(ids, MASK, SIZE)
    seen = shown[weights == 1]
    assert len(seen) == 200 * 19
    share = (seen == MASK).mean(), (seen == 7).mean()
    np.testing.assert_allclose(share, (0.8, 0.1), atol=0.025)
    others = seen[(seen != MASK) & (seen != 7)]
    # From the whole vocabulary, special tokens among them.
    assert others.min() < 50 and others.max() > SIZE - 50


def test_every_place_has_the_same_chance():
    ids = np.full((4000, 12), 7)
    *_, weights = corrupt_tokens(ids, MASK, SIZE)
    np.testing.assert_allclose(weights.mean(0), 2 / 12, atol=0.03)


def test_the_seed_decides():
    ids = sequences(3, 64)
    one, again, other = (
        corrupt_tokens(ids, MASK, SIZE, seed=seed)[0] for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ids": np.zeros((2, 3))}, "`ids` must be integers"),
        ({"ids": np.full((2, 3), SIZE)}, "`ids` must be in"),
        ({"mask_id": SIZE}, "`mask_id` must be in"),
        ({"corruption_rate": 1.0}, "`corruption_rate` must be between"),
        ({"keep": np.ones(3)}, "`keep` must have the shape"),
        ({"max_predictions": 0}, "`max_predictions` must be a positive"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    given = {"ids": sequences(2, 5), "mask_id": MASK, "vocab_size": SIZE, **changes}
    with pytest.raises(ValueError, match=message):
        corrupt_tokens(**given)
