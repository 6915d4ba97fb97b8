import golden
import keras
import numpy as np
import pytest

from keras_vit.evaluation import MaskConfusion, hausdorff_distance, surface_distances

PAIRS = ["disc_shifted", "same", "touching_border", "two_parts"]
NAMES = ["iou", "dice", "mean_iou", "mean_dice", "mean_accuracy", "pixel_accuracy"]
NAMES += ["frequency_weighted_iou"]


def known():
    return golden.arrays("dense/mask_metrics.npz")


def counted(truth, said, num_classes=5):
    confusion = MaskConfusion(num_classes)
    confusion.update(truth, said)
    return confusion


def test_scores_by_class_and_of_all_are_the_golden_ones():
    values = known()
    confusion = counted(values["truth"], values["said"])
    np.testing.assert_array_equal(confusion.matrix, values["confusion"])
    assert confusion.matrix.dtype == "int64"
    scores = confusion.scores()
    for name in NAMES:
        found = getattr(scores, name)
        np.testing.assert_allclose(found, values[name], atol=1e-9, err_msg=name)
    np.testing.assert_allclose(scores.accuracy, values["recall"], atol=1e-9)


def test_the_result_does_not_depend_on_batches():
    values = known()
    together = counted(values["truth"], values["said"])
    apart = MaskConfusion(5)
    for truth, said in zip(values["truth"], values["said"]):
        for row, said_row in zip(truth, said):
            apart.update(row, said_row)
    np.testing.assert_array_equal(apart.matrix, together.matrix)


def test_keras_own_mean_iou_says_the_same():
    values = known()
    metric = keras.metrics.MeanIoU(5, ignore_class=255)
    metric.update_state(values["truth"].astype("int32"), values["said"])
    assert float(metric.result()) == pytest.approx(float(values["mean_iou"]), abs=1e-6)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("spacing", [(1, 1), (0.5, 1.5)])
def test_distances_of_borders_are_medpys(pair, spacing):
    values = known()
    truth, said = values[f"{pair}.truth"], values[f"{pair}.said"]
    name = f"{pair}.spacing_{spacing[0]}_{spacing[1]}"
    for percentile, kind in ((100, "hd"), (95, "hd95")):
        found = hausdorff_distance(truth, said, spacing, percentile)
        assert found == pytest.approx(float(values[f"{name}.{kind}"]), abs=1e-9)
    both = np.concatenate(surface_distances(truth, said, spacing)).mean()
    assert both == pytest.approx(float(values[f"{name}.assd"]), abs=1e-9)
    scores = counted(truth.astype(int), said.astype(int), 2).scores()
    assert scores.iou[1] == pytest.approx(float(values[f"{pair}.iou"]), abs=1e-9)
    assert scores.dice[1] == pytest.approx(float(values[f"{pair}.dice"]), abs=1e-9)


@pytest.mark.parametrize("shape", [(40,), (9, 14), (4, 6, 5)])
def test_distances_are_those_of_all_pairs_of_border_points(shape):
    random = np.random.default_rng(0)
    truth, said = random.random((2, *shape)) < 0.4
    scale = np.arange(1, 1 + len(shape)) / 2
    there, back = surface_distances(truth, said, scale)
    points = [np.argwhere(edge) * scale for edge in (borders(said), borders(truth))]
    pairs = np.linalg.norm(points[0][:, None] - points[1], axis=-1)
    np.testing.assert_allclose(there, pairs.min(axis=1), atol=1e-12)
    np.testing.assert_allclose(back, pairs.min(axis=0), atol=1e-12)


def borders(mask):
    """The pixels of a mask that have a neighbour outside, one by one."""
    found = np.zeros_like(mask)
    for place in np.argwhere(mask):
        for step in (*np.eye(mask.ndim, dtype=int), *-np.eye(mask.ndim, dtype=int)):
            near = place + step
            inside = (near >= 0).all() and (near < mask.shape).all()
            found[tuple(place)] |= not inside or not mask[tuple(near)]
    return found


def test_empty_masks_have_no_distance():
    empty, dot = np.zeros((3, 4), bool), np.zeros((3, 4), bool)
    dot[1, 1] = True
    assert np.isnan(hausdorff_distance(empty, empty))
    assert hausdorff_distance(empty, dot) == hausdorff_distance(dot, empty) == np.inf
    assert hausdorff_distance(dot, dot) == 0


def test_a_volume_has_borders_too():
    cube = np.zeros((5, 6, 7), bool)
    cube[1:4, 1:5, 1:6] = True
    there, _ = surface_distances(cube, cube)
    assert len(there) == 3 * 4 * 5 - 1 * 2 * 3  # all but the inner block
    moved = np.roll(cube, 1, axis=0)
    assert hausdorff_distance(cube, moved, (3, 1, 1), 100) == 3


def test_nothing_counted_is_nothing_known():
    scores = counted([[255, 255]], [[0, 1]], 2).scores()
    assert np.isnan(scores.mean_iou) and np.isnan(scores.pixel_accuracy)
    assert scores.support.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("truth", "said", "message"),
    [
        ([[0, 5]], [[0, 1]], "from 0 to 4, or 255. Received: 5 in a truth"),
        ([[0, 1]], [[0, 255]], "Received: 255 in a prediction"),
        ([[0, -1]], [[0, 1]], "Received: -1"),
        ([[0, 1]], [[0, 1, 2]], "of one shape"),
        ([[0.5, 1]], [[0, 1]], "class numbers"),
    ],
)
def test_masks_that_cannot_be_counted_are_refused_and_nothing_is(truth, said, message):
    confusion = counted([[0, 1]], [[0, 1]])
    with pytest.raises(ValueError, match=message):
        confusion.update(truth, said)
    assert confusion.matrix.sum() == 2


def test_distances_refuse_what_is_no_mask():
    mask = np.ones((2, 2), bool)
    with pytest.raises(ValueError, match="mask == 3"):
        hausdorff_distance(mask.astype(int), mask)
    with pytest.raises(ValueError, match="spacing"):
        hausdorff_distance(mask, mask, 0)
    with pytest.raises(ValueError, match="percentile"):
        hausdorff_distance(mask, mask, percentile=101)
