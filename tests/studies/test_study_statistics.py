"""Statistics of studies, against SciPy, closed forms and simulated studies."""

import functools

import numpy as np
import pytest
from scipy import stats

from keras_vit.studies.comparing import statistics as rules


def called(differences, image_variance, pooled=None):
    """Which levels are called, by rules 1 and 2: `(..., L)` booleans."""
    means, errors, df, *_ = rules.standard_errors(differences, image_variance, pooled)
    return rules.holm(rules.p_values(means, errors, df)) < rules.ALPHA


def simulated(studies, sds=1.0, image_sd=1.0, draw=None, seeds=3, levels=4, true=0.0):
    """Paired differences of studies: seeds vary, and all seeds share the images."""
    random = np.random.default_rng(5)
    draw = draw or (lambda shape: random.standard_normal(shape))
    own = draw((studies, seeds, levels)) * np.asarray(sds)
    return own + image_sd * random.standard_normal((studies, 1, levels)) + true


def false_calls(differences, variance):
    return called(differences, variance).any(axis=-1).mean()


# One comparison, against SciPy ------------------------------------------------------


def test_a_single_level_is_the_paired_t_test():
    one, other = np.random.default_rng(0).normal(70, 1, (2, 5))
    found = rules.standard_errors((one - other)[:, None], np.zeros(1))
    p = rules.p_values(*found[:3])
    assert p[0] == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=1e-9)


def test_levels_pool_their_variance_and_degrees_of_freedom():
    values = np.array([[1.0, 2.0, 3.1], [1.5, 2.9, 3.0], [0.4, 2.2, 3.9]])
    means, errors, df, *_ = rules.standard_errors(values, np.zeros(3))
    pooled = values.var(axis=0, ddof=1).mean()
    expected = np.sqrt(np.fmax(values.var(axis=0, ddof=1), pooled) / 3)
    np.testing.assert_allclose(means, values.mean(axis=0))
    np.testing.assert_allclose(errors, expected)
    assert list(df) == [6, 6, 6]


def test_a_level_of_more_than_twice_the_spread_stands_alone():
    quiet = np.array([0.1, -0.1, 0.0])
    values = np.stack([quiet, quiet, 3 * quiet], axis=1)
    _, errors, df, *_ = rules.standard_errors(values, np.zeros(3))
    assert list(df) == [6, 6, 2]
    assert errors[2] == pytest.approx(np.std(3 * quiet, ddof=1) / np.sqrt(3))
    _, _, df, *_ = rules.standard_errors(
        np.stack([quiet, quiet, 1.9 * quiet], axis=1), np.zeros(3)
    )
    assert list(df) == [6, 6, 6]


def test_missing_pairs_leave_the_other_levels_alone():
    nan = np.nan
    values = np.array([[1.0, 2.0, nan], [1.4, nan, nan], [0.7, nan, nan]])
    means, errors, df, *_ = rules.standard_errors(values, np.zeros(3))
    np.testing.assert_allclose(means, [1.0333333, 2.0, nan], rtol=1e-6)
    assert list(df) == [2, 2, 0]
    assert errors[0] == pytest.approx(np.std([1.0, 1.4, 0.7], ddof=1) / np.sqrt(3))
    p = rules.p_values(means, errors, df)
    assert np.isnan(p[2]) and not np.isnan(p[0])


def test_the_term_of_the_images_is_known_well_and_brings_degrees_of_freedom():
    # Satterthwaite: (a + b)^2 / (a^2 / 8 + b^2 / infinity).
    assert rules.joint_df(0.2, 8, 0.3) == pytest.approx(0.5**2 / (0.2**2 / 8))
    assert rules.joint_df(0.2, 8, 0.0) == 8
    # Two degrees of freedom stay two, and none beyond reason.
    assert rules.joint_df(0.2, 2, 0.3) == 2
    assert rules.joint_df(0.0, 8, 0.3) == 1000


def test_equal_arms_without_any_spread_do_not_differ():
    found = rules.standard_errors(np.zeros((3, 2)), np.zeros(2))
    assert list(rules.p_values(*found[:3])) == [1, 1]
    found = rules.standard_errors(np.ones((3, 2)), np.zeros(2))
    assert list(rules.p_values(*found[:3])) == [0, 0]


def test_arms_of_one_level_share_the_residual_of_randomised_blocks():
    random = np.random.default_rng(2)
    outcomes = random.normal(60, 1, (4, 5)) + random.normal(0, 3, (4, 1))
    variance, df = rules.arms_variance(outcomes)
    # The same by least squares with a column for each arm and each seed.
    seeds, arms = np.indices(outcomes.shape)
    columns = [(arms == k).ravel() for k in range(5)]
    columns += [(seeds == k).ravel() for k in range(1, 4)]
    rest = np.linalg.lstsq(np.array(columns, float).T, outcomes.ravel(), rcond=None)[1]
    assert df == 12
    assert variance == pytest.approx(2 * rest[0] / 12)


# Holm's steps -----------------------------------------------------------------------


def test_holm_gives_the_numbers_worked_out_by_hand():
    # 0.01 x 4, 0.02 x 3 = 0.06, 0.03 x 2 = 0.06, 0.04 x 1 raised to 0.06.
    found = rules.holm([0.03, 0.01, 0.04, 0.02])
    np.testing.assert_allclose(found, [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(rules.holm([0.9, 0.5]), [1, 1])


def test_holm_lies_between_the_single_tests_and_bonferroni():
    p = np.random.default_rng(1).random((200, 6)) ** 3
    adjusted = rules.holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(6 * p, 1) + 1e-12).all()
    for row, found in zip(p, adjusted):  # the order of the p-values is kept
        assert (np.diff(found[np.argsort(row)]) >= 0).all()


def test_a_comparison_that_cannot_be_made_yet_counts_all_the_same():
    found = rules.holm([0.01, np.nan, np.nan])
    assert found[0] == pytest.approx(0.03) and np.isnan(found[1:]).all()


# Trends -----------------------------------------------------------------------------


def test_a_trend_is_least_squares_with_a_column_for_each_seed():
    x = np.log10([60, 600, 1800, 6000])
    random = np.random.default_rng(3)
    values = 2 - 1.5 * x + random.normal(0, 1, (3, 1)) + random.normal(0, 0.5, (3, 4))
    found = rules.trend(values, x)
    seeds, levels = np.indices(values.shape)
    columns = [(seeds == k).ravel() for k in range(3)] + [x[levels].ravel()]
    design = np.array(columns, float).T
    fitted, rest, *_ = np.linalg.lstsq(design, values.ravel(), rcond=None)
    df = values.size - 4
    error = np.sqrt(rest[0] / df * np.linalg.inv(design.T @ design)[-1, -1])
    assert found.value == pytest.approx(fitted[-1])
    assert found.error == pytest.approx(error) and found.df == df
    low, high = stats.t.interval(0.95, df, fitted[-1], error)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(fitted[-1]) / error, df))
    assert found.last - found.first == pytest.approx(found.value * np.ptp(x))


def test_the_weights_of_a_slope_are_those_of_least_squares():
    x, y = np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 2.0])
    assert rules.slope_weights(x) @ y == pytest.approx(stats.linregress(x, y).slope)


def test_no_trend_without_two_levels_or_two_whole_seeds():
    assert rules.trend(np.ones((3, 1)), np.array([1.0])) is None
    assert rules.trend(np.array([[1, 2], [np.nan, 2]]), np.array([1.0, 2.0])) is None
    assert rules.trend(np.ones((3, 2)), np.array([1.0, 1.0])) is None


def test_log_odds_are_finite_where_all_is_right_or_nothing():
    assert rules.log_odds(50, 100) == 0
    assert (
        rules.log_odds(100, 100)
        == -rules.log_odds(0, 100)
        == pytest.approx(np.log(201))
    )


# More seeds -------------------------------------------------------------------------


def test_the_forecast_of_seeds_is_the_first_number_that_settles():
    more, reach = rules.seeds_to_settle(1.0, 1.0, 0.0, 3, levels=4, comparisons=1)
    half = [stats.t.ppf(0.975, 4 * (n - 1)) / np.sqrt(n) for n in (2 + more, 3 + more)]
    assert reach == 1.0 and half[0] > 1.0 >= half[1]


def test_too_few_test_images_are_settled_by_no_seeds():
    assert rules.seeds_to_settle(0.1, 1.0, 1.0, 3) == (None, 0.5)


# Simulated studies ------------------------------------------------------------------


def check_false_calls(studies, slack):
    """No more than 5.5 % of studies without any difference call one."""
    most = 0.055 + slack
    one = np.ones(4)
    for image_sd in (0.0, 0.5, 1.0):
        found = simulated(studies, image_sd=image_sd)
        assert false_calls(found, image_sd**2 * one) < most, image_sd
    # Heavier tails.
    random = np.random.default_rng(6)
    for degrees in (3, 5):
        draw = functools.partial(random.standard_t, degrees)
        assert false_calls(simulated(studies, 1.0, 0.0, draw), 0 * one) < most, degrees
    # A variance over images that is estimated, from 1,000 of them each.
    estimated = random.chisquare(999, (studies, 4)) / 999
    assert false_calls(simulated(studies), estimated) < most
    # Two arms at one level.
    alone = simulated(studies, image_sd=0.5, levels=1)
    assert false_calls(alone, np.full(1, 0.25)) < most
    # Arms of one level that are compared with the same one.
    outcomes = random.standard_normal((studies, 3, 8))
    pairs = outcomes[..., 1:] - outcomes[..., :1]
    spread = rules.arms_variance(outcomes)
    found = called(pairs, np.zeros(7), (spread[0], np.full(studies, spread[1])))
    assert found.any(axis=-1).mean() < most


def test_few_simulated_studies_call_what_is_not_there():
    check_false_calls(1000, slack=0.015)


@pytest.mark.slow
def test_at_most_55_in_1000_of_20000_simulated_studies_call_what_is_not_there():
    check_false_calls(20_000, slack=0)


def test_without_the_image_term_a_third_of_the_studies_would_call_wrongly():
    found = simulated(2000)
    assert false_calls(found, np.zeros(4)) > 0.3
    assert false_calls(found, np.ones(4)) < 0.055


def test_unequal_spreads_do_not_call_much_more():
    found = simulated(4000, [1, 1, 1, 3], image_sd=0.0)
    plain = found - found.mean(axis=1, keepdims=True)
    pooled = np.sqrt((plain**2).sum(axis=1).mean(axis=1) / 2 / 3)[:, None]
    always = rules.p_values(found.mean(axis=1), pooled, 8)
    assert (rules.holm(always) < rules.ALPHA).any(axis=-1).mean() > 0.12
    assert false_calls(found, np.zeros(4)) < 0.08


def test_true_differences_are_found():
    # Of three standard deviations nearly always, of one and a half by a third.
    large = called(simulated(1000, image_sd=0.0, true=3.0), np.zeros(4))
    beside_images = called(simulated(1000, true=3.0), np.ones(4))
    small = called(simulated(1000, image_sd=0.0, true=1.5), np.zeros(4))
    assert large.mean() > 0.85 and beside_images.mean() > 0.5
    assert 0.25 < small.mean() < 0.45
