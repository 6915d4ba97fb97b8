"""Maps as text, against a reader of its own."""

import math

import numpy as np
import pytest

from keras_vit.explaining.packing import (
    ALPHABET,
    coarsening,
    coarser,
    coarser_pairs,
    pack,
)


def unpack(text, count):
    """As the page's script does it."""
    maps = []
    for start in range(0, len(text), count + 2):
        codes = [ALPHABET.index(sign) for sign in text[start : start + count + 2]]
        largest = 10 ** (6 * ((64 * codes[0] + codes[1]) / 4095 - 1))
        maps.append([largest * code / 63 for code in codes[2:]])
    return np.array(maps)


def test_values_come_back_to_a_hundredth_of_their_map():
    random = np.random.default_rng(0)
    maps = random.dirichlet(np.full(30, 0.3), (2, 5))
    text = pack(maps)
    assert len(text) == 10 * 32 and set(text) <= set(ALPHABET)
    found = unpack(text, 30).reshape(2, 5, 30)
    largest = maps.max(axis=-1, keepdims=True)
    assert (np.abs(found - maps) <= 0.0101 * largest).all()
    np.testing.assert_allclose(found.max(axis=-1), largest[..., 0], rtol=0.002)


def test_nothing_and_everything():
    found = unpack(pack([[0.0, 0.0], [1.0, 0.0]]), 2)
    np.testing.assert_allclose(found, [[0, 0], [1, 0]], atol=1e-9)
    np.testing.assert_allclose(unpack(pack([[1e-9, 0]]), 2), [[1e-6, 0]])


def naive(maps, grid, factor):
    """What groups take from groups, patch by patch."""
    rows, columns = (math.ceil(side / factor) for side in grid)

    def group(patch):
        row, column = divmod(patch, grid[1])
        return row // factor * columns + column // factor

    taken, sizes = np.zeros((rows * columns,) * 2), np.zeros(rows * columns)
    for query in range(maps.shape[0]):
        sizes[group(query)] += 1
        for key in range(maps.shape[1]):
            taken[group(query), group(key)] += maps[query, key]
    return taken / sizes[:, None]


@pytest.mark.parametrize("grid", [(4, 6), (3, 5), (1, 7)])
@pytest.mark.parametrize("factor", [1, 2, 3, 9])
def test_groups_take_what_their_patches_take(grid, factor):
    count = grid[0] * grid[1]
    maps = np.random.default_rng(0).dirichlet(np.ones(count), (2, 3, count))
    found = coarser_pairs(maps, grid, factor)
    assert found.shape[:2] == (2, 3)
    for i in range(2):
        np.testing.assert_allclose(found[i, 1], naive(maps[i, 1], grid, factor))
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    tiles = coarser(maps.reshape(2, 3, count, *grid), factor)
    np.testing.assert_allclose(tiles.sum(axis=(-2, -1)), 1)


def test_a_grid_shrinks_until_it_fits():
    # ViT-B/16 at 224 pixels just fits into the budget of a page.
    assert coarsening((14, 14), lambda n: 12 * n, 480_000) == 1
    assert coarsening((28, 28), lambda n: 12 * n, 480_000) == 2
    assert coarsening((28, 28), lambda n: 12 * n, None) == 1
    assert coarsening((3, 40), lambda n: 12 * n, 0) == 40  # one group at the least
