"""Loss and metrics of masked patch prediction, against NumPy."""

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.pretraining import (
    CommonestColour,
    MaskedPatchAccuracy,
    VisibleNeighbours,
)

GRID = (3, 4)
N = 12
CELLS = {"mean_colour": 1, "colours_4x4": 4, "pixels": 2}  # pixels: of 2x2


def problem(target, channels=3, count=2, seed=0):
    """Colours, predictions and weights."""
    rng = np.random.default_rng(seed)
    cells = CELLS[target] ** 2
    y = rng.uniform(0, 1, (count, N, cells * channels)).astype("float32")
    if target == "pixels":
        p = rng.uniform(-1, 1, y.shape)
    else:
        shape = (count, N, *((cells,) if cells > 1 else ()), 8**channels)
        p = rng.normal(size=shape)
    w = np.zeros((count, N), "float32")
    for row in w:
        row[rng.permutation(N)[: N // 2]] = 1
    return y, p.astype("float32"), w


def classes(colours):
    bins = np.minimum(np.floor(colours * 8), 7).astype(int)
    return sum(
        bins[..., i] * 8 ** (bins.shape[-1] - 1 - i) for i in range(bins.shape[-1])
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("target", CELLS)
def test_the_loss_is_the_mean_over_corrupted_patches(target, channels):
    y, p, w = problem(target, channels)
    if target == "pixels":
        each = ((p - (2 * y - 1)) ** 2).mean(axis=-1)
    else:
        true = classes(y.reshape(2, N, -1, channels))
        logits = p.reshape(*true.shape, -1).astype("float64")
        log_sum = np.log(np.exp(logits).sum(-1))
        each = (log_sum - np.take_along_axis(logits, true[..., None], -1)[..., 0]).mean(
            -1
        )
    loss = keras_vit.MaskedPatchLoss(target)
    assert float(loss(y, p, w)) == pytest.approx(each[w > 0].mean(), rel=1e-5)
    changed = np.where(w.reshape(w.shape + (1,) * (p.ndim - 2)) > 0, p, 7 * p)
    assert float(loss(y, changed, w)) == pytest.approx(float(loss(y, p, w)), rel=1e-6)


def test_the_loss_of_an_undecided_model_is_known():
    y, p, w = problem("mean_colour")
    assert float(keras_vit.MaskedPatchLoss()(y, 0 * p, w)) == pytest.approx(np.log(512))
    half = keras.ops.cast(np.zeros_like(p), "bfloat16")
    assert float(keras_vit.MaskedPatchLoss()(y, half, w)) == pytest.approx(np.log(512))


@pytest.mark.parametrize("target", CELLS)
def test_accuracy_counts_corrupted_patches_only(target):
    y, p, w = problem(target)
    true = classes(y.reshape(2, N, -1, 3))
    if target == "pixels":
        true = classes(y.reshape(2, N, -1, 3).mean(axis=2, keepdims=True))
        said = classes((p.reshape(2, N, -1, 3).mean(axis=2, keepdims=True) + 1) / 2)
        metric, expected = MaskedPatchAccuracy(target), (said == true)[w > 0].mean()
        metric.update_state(y, p, w)
        assert float(metric.result()) == pytest.approx(expected)
        p = 2 * y - 1
    else:
        p = np.eye(512, dtype="float32")[true].reshape(p.shape)
    metric = MaskedPatchAccuracy(target)
    wrong = np.where(w.reshape(w.shape + (1,) * (p.ndim - 2)) > 0, p, -p)
    metric.update_state(y, wrong, w)
    metric.update_state(y, wrong, w)
    assert float(metric.result()) == 1
    metric.reset_state()
    assert float(metric.result()) == 0


@pytest.mark.parametrize("target", CELLS)
def test_the_commonest_colour_is_that_of_all_batches(target):
    metric, seen = CommonestColour(target), []
    for seed in (0, 1):
        y, p, w = problem(target, seed=seed)
        y = np.round(y)  # few classes
        metric.update_state(y, p, w)
        cells = y.reshape(2, N, -1, 3)
        if target == "pixels":
            cells = cells.mean(axis=2, keepdims=True)
        seen.append(classes(cells)[w > 0].ravel())
    counts = np.bincount(np.concatenate(seen))
    assert float(metric.result()) == pytest.approx(counts.max() / counts.sum())


@pytest.mark.parametrize("target", CELLS)
def test_neighbours_are_averaged_by_hand(target):
    y, p, w = problem(target, count=3, seed=5)
    y = y * 0.3  # few classes
    w[2] = 1
    w[2, 0] = 0  # one visible patch, which most of the others do not touch
    cells = y.reshape(3, N, -1, 3)
    means = cells.mean(axis=2)
    true = classes(means[:, :, None] if target == "pixels" else cells)
    hits, total = 0.0, 0
    for image in range(3):
        for n in np.flatnonzero(w[image]):
            row, column = divmod(n, GRID[1])
            near = [
                m
                for m in np.flatnonzero(w[image] == 0)
                if max(abs(m // GRID[1] - row), abs(m % GRID[1] - column)) == 1
            ]
            near = near or np.flatnonzero(w[image] == 0)
            hits += (true[image, n] == classes(means[image][near].mean(axis=0))).mean()
            total += 1
    metric = VisibleNeighbours(target, 3, GRID)
    metric.update_state(y, p, w)
    assert 0 < hits < total
    assert float(metric.result()) == pytest.approx(hits / total)


def test_everything_is_rebuilt_from_its_config():
    loss = keras_vit.MaskedPatchLoss("pixels", name="mine")
    metrics = [
        MaskedPatchAccuracy("pixels", 1),
        CommonestColour("colours_4x4"),
        VisibleNeighbours("mean_colour", 1, (2, 3)),
    ]
    for item in (loss, *metrics):
        config = keras.saving.serialize_keras_object(item)
        again = keras.saving.deserialize_keras_object(config)
        assert again.get_config() == item.get_config() and type(again) is type(item)


def test_an_unknown_target_is_named():
    with pytest.raises(ValueError, match="Did you mean 'mean_colour'"):
        keras_vit.MaskedPatchLoss("mean_color")
    with pytest.raises(ValueError, match="`target` must be one of"):
        CommonestColour("hue")
