"""Fronts, ratios of computing and power laws, against the paper's table 6."""

import collections

import numpy as np
import pytest
from scipy import stats

from keras_vit import published
from keras_vit.studies.comparing import curves


@pytest.fixture(scope="module")
def families():
    """Task to family to (exaFLOPs, accuracies): table 6 of the ViT paper."""
    models = collections.defaultdict(dict)
    for row in published.find(source="vit", table="6"):
        models[row.id.split("/")[2]][row.task] = row.value
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for name, values in models.items():
        hybrid = name.startswith("r50_vit")
        family = "hybrid" if hybrid else "BiT" if name.startswith("bit") else "ViT"
        for task in ("average5", "imagenet2012"):
            found[task][family].append((values["pretraining"], values[task]))
    return {
        task: {family: tuple(zip(*points)) for family, points in of_task.items()}
        for task, of_task in found.items()
    }


def test_bit_takes_three_times_the_computing_of_vit_as_table_6_says(families):
    ratio = curves.compute_ratio(
        families["average5"]["BiT"], families["average5"]["ViT"]
    )
    found = (ratio.low, ratio.median, ratio.high)
    np.testing.assert_allclose(found, (2.8, 3.35, 5.9), atol=0.05)


def test_at_equal_imagenet_accuracy_it_takes_twice_as_much(families):
    ratio = curves.compute_ratio(*(families["imagenet2012"][f] for f in ("BiT", "ViT")))
    found = (ratio.low, ratio.median, ratio.high)
    np.testing.assert_allclose(found, (1.7, 2.2, 2.4), atol=0.05)


def test_the_slopes_of_table_6_are_found_with_their_errors(families):
    expected = {"ViT": (-0.132, 0.012), "BiT": (-0.174, 0.019)}
    expected["hybrid"] = (-0.074, 0.009)
    for family, values in expected.items():
        law = curves.power_law(*families["average5"][family])
        np.testing.assert_allclose((law.slope, law.error), values, atol=0.0006)
        assert law.low < law.slope < law.high
    # Five hybrids over little more than a decade make no power law.
    assert "decades" in law.reason


def test_a_power_law_is_least_squares_on_both_logarithms():
    compute = np.array([1.0, 3.0, 9.0, 40.0, 100.0])
    accuracy = np.array([50.0, 61.0, 66.0, 75.0, 79.0])
    law = curves.power_law(compute, accuracy)
    fit = stats.linregress(np.log10(compute), np.log10(1 - accuracy / 100))
    assert law.slope == pytest.approx(fit.slope)
    assert law.error == pytest.approx(fit.stderr)
    assert law.intercept == pytest.approx(fit.intercept)
    assert law.reason == ""
    left_out = [
        stats.linregress(
            *(np.delete(np.log10(v), k) for v in (compute, 1 - accuracy / 100))
        )
        for k in range(5)
    ]
    assert law.low == pytest.approx(min(fit.slope for fit in left_out))


def test_an_exact_power_law_has_its_own_slope_and_no_error():
    compute = np.logspace(0, 3, 6)
    law = curves.power_law(compute, 100 * (1 - 0.5 * compute**-0.2))
    assert law.slope == pytest.approx(-0.2)
    assert law.error == pytest.approx(0, abs=1e-9)


def test_too_few_points_are_no_power_law():
    assert curves.power_law([1, 10], [50, 60]) is None
    law = curves.power_law([1, 10, 100, 1000], [50, 60, 70, 75])
    assert law.reason == "4 points, of at least 5"


def test_the_front_leaves_out_what_a_cheaper_point_reaches():
    cost, accuracy = curves.front([4, 1, 2, 3, 1], [75, 60, 70, 69, 55])
    assert list(cost) == [1, 2, 4] and list(accuracy) == [60, 70, 75]


def test_families_a_constant_factor_apart_have_that_ratio_everywhere():
    cost, accuracy = np.array([1.0, 4.0, 30.0]), np.array([50.0, 60.0, 70.0])
    ratio = curves.compute_ratio((3 * cost, accuracy), (cost, accuracy))
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((3, 3, 3))
    assert (ratio.first, ratio.last) == (50, 70)


def test_families_without_a_common_accuracy_have_no_ratio():
    assert curves.compute_ratio(([1, 2], [10, 20]), ([1, 2], [30, 40])) is None
    assert curves.compute_ratio(([1], [10]), ([1], [10])) is None


def test_the_interval_of_a_ratio_comes_from_the_seeds():
    cost = np.array([1.0, 10.0, 100.0])
    accuracy = np.array([50.0, 60.0, 70.0]) + np.array([[-1.0], [0.0], [1.0]])
    same = (cost, accuracy)
    # The same seeds in both families: their spread cancels.
    assert curves.bootstrap_ratio((2 * cost, accuracy), same) == pytest.approx((2, 2))
    shaken = accuracy + np.random.default_rng(0).normal(0, 1, accuracy.shape)
    low, high = curves.bootstrap_ratio((2 * cost, shaken), same)
    assert low < 2 < high
    assert curves.bootstrap_ratio((2 * cost, shaken), same) == (low, high)
    assert curves.bootstrap_ratio((cost, accuracy + 50), same) is None
