"""Position embeddings for another grid, against their originals."""

import golden
import numpy as np
import pytest

from keras_vit import resize_position_embeddings
from keras_vit.layers.resize import KERNELS, resize_matrix

CASES = ("g4_to_g4_token", "g4_to_g6_gap", "g4_to_g6_token")
CASES += ("g7_to_g12_gap", "g7_to_g12_token", "g7_to_g4_token")


@pytest.mark.parametrize("case", CASES)
def test_the_official_kernel_is_the_official_code(case):
    arrays = golden.arrays("posemb/posemb_interpolate.npz")
    old, new = arrays[f"{case}.old"], arrays[f"{case}.new"]
    prefix = int(case.endswith("token"))
    side = int((new.shape[1] - prefix) ** 0.5)
    found = resize_position_embeddings(old, (side, side), prefix_tokens=prefix)
    np.testing.assert_allclose(found, new, atol=1e-5)
    assert found.dtype == old.dtype


@pytest.mark.parametrize("case", ["4_to_6", "7_to_12"])
def test_the_official_kernel_is_big_visions(case):
    arrays = golden.arrays("big_vision/posemb.npz")
    side = int(case.split("_")[-1])
    old, new = (arrays[f"resample.{case}.{which}"] for which in ("old", "new"))
    found = resize_position_embeddings(old, (side, side))
    np.testing.assert_allclose(found, new, atol=1e-5)


@pytest.mark.parametrize("old, new", [(28, 48), (28, 14), (32, 16), (16, 30), (14, 24)])
def test_no_border_becomes_zero_where_scipy_writes_zeros(old, new):
    ndimage = pytest.importorskip("scipy.ndimage")
    table = np.random.default_rng(0).normal(size=(1, old * old, 3)) + 5
    found = resize_position_embeddings(table, (new, new)).reshape(new, new, 3)
    grid = table.reshape(old, old, 3)
    zoom = (new / old, new / old, 1)
    exact = ndimage.zoom(grid, zoom, order=1, mode="nearest")
    np.testing.assert_allclose(found, exact, atol=1e-6)
    np.testing.assert_allclose(found[-1, -1], grid[-1, -1])


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_half_pixel_kernels_are_those_of_an_image_library(kernel):
    """OpenCV's convention, which PyTorch shares, written out sample by sample."""
    a = -0.75
    signal = np.random.default_rng(0).normal(size=7)

    def sample(position):
        first = int(np.floor(position))
        if kernel == "bilinear":
            taps = {0: 1 - (position - first), 1: position - first}
        else:
            t = position - first
            taps = {
                -1: a * ((t + 1) ** 3 - 5 * (t + 1) ** 2 + 8 * (t + 1) - 4),
                0: (a + 2) * t**3 - (a + 3) * t**2 + 1,
                1: (a + 2) * (1 - t) ** 3 - (a + 3) * (1 - t) ** 2 + 1,
                2: a * ((2 - t) ** 3 - 5 * (2 - t) ** 2 + 8 * (2 - t) - 4),
            }
        return sum(w * signal[np.clip(first + k, 0, 6)] for k, w in taps.items())

    for new in (3, 7, 12):
        expected = [sample((i + 0.5) * 7 / new - 0.5) for i in range(new)]
        found = resize_matrix(7, new, kernel) @ signal
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
@pytest.mark.parametrize("old, new", [(4, 6), (7, 12), (14, 24)])
def test_enlarging_agrees_with_pillow(kernel, old, new):
    image = pytest.importorskip("PIL.Image")
    signal = np.random.default_rng(0).normal(size=(old, old)).astype("float32")
    name = "bicubic_antialias" if kernel == "bicubic" else kernel
    matrix = resize_matrix(old, new, name)
    resample = getattr(image.Resampling, kernel.upper())
    expected = image.fromarray(signal).resize((new, new), resample)
    found = matrix @ signal @ matrix.T
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


def test_shrinking_with_antialiasing_agrees_with_pillow():
    image = pytest.importorskip("PIL.Image")
    signal = np.random.default_rng(0).normal(size=(14, 14)).astype("float32")
    matrix = resize_matrix(14, 5, "bicubic_antialias")
    expected = image.fromarray(signal).resize((5, 5), image.Resampling.BICUBIC)
    np.testing.assert_allclose(
        matrix @ signal @ matrix.T, np.asarray(expected), atol=1e-5
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_constants_stay_and_prefixes_are_copied(kernel):
    table = np.full((1, 3 + 4 * 6, 5), 2.0, "float32")
    table[:, :3] = np.arange(15).reshape(3, 5)
    found = resize_position_embeddings(
        table, (9, 2), old_grid=(4, 6), prefix_tokens=3, kernel=kernel
    )
    assert found.shape == (1, 3 + 18, 5)
    np.testing.assert_array_equal(found[:, :3], table[:, :3])
    np.testing.assert_allclose(found[:, 3:], 2.0, rtol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_same_grid_changes_no_bit(kernel):
    table = np.random.default_rng(0).normal(size=(1, 16, 5)).astype("float32")
    found = resize_position_embeddings(table, (4, 4), kernel=kernel)
    np.testing.assert_array_equal(found, table)


def test_one_row_and_one_column_are_grids():
    table = np.arange(5.0).reshape(1, 5, 1)
    found = resize_position_embeddings(table, (1, 9), old_grid=(1, 5))
    np.testing.assert_allclose(found.ravel(), np.arange(9) / 2)
    found = resize_position_embeddings(table, (2, 1), old_grid=(1, 5))
    np.testing.assert_allclose(found.ravel(), [0, 0])


def test_what_cannot_be_is_refused():
    table = np.zeros((1, 15, 4))
    with pytest.raises(ValueError, match="unless the number of patches is a square"):
        resize_position_embeddings(table, (4, 4))
    with pytest.raises(ValueError, match="`old_grid` must hold"):
        resize_position_embeddings(table, (4, 4), old_grid=(4, 4))
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        resize_position_embeddings(table, (4, 4), old_grid=(3, 5), kernel="nearest")
