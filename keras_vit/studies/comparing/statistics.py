"""The statistics of a study: intervals of paired differences, trends, Holm's steps.

Differences lie in arrays `(..., S, L)`: seeds, then levels; NaN where a pair is
missing. They are in percentage points, where nothing else is said.
"""

import bisect
import dataclasses
import math
import typing

import numpy as np

from keras_vit.common.student import t_probability, t_quantile

ALPHA = 0.05
MARGIN = 0.5  # points within which two arms are called equivalent
FEWEST = 3  # seeds; with fewer, nothing is called
UNEQUAL = 2  # a level whose standard deviation is so many times the others' is alone
FEWEST_DF, MOST_DF = 4, 1000.0  # of a variance between seeds, of a whole one
MOST_SEEDS = 1000  # more are not worth a forecast


# Differences at one or more levels --------------------------------------------------


class Errors(typing.NamedTuple):
    """Arrays `(..., L)`: mean differences, and how well they are known."""

    means: np.ndarray
    errors: np.ndarray
    # Degrees of freedom of the errors; 0 where there are too few pairs.
    df: np.ndarray
    # The variance between seeds, of a single difference, and its degrees of freedom.
    variance: np.ndarray
    df_of_seeds: np.ndarray


def standard_errors(differences, image_variance, pooled=None):
    """Means of paired differences with standard errors and degrees of freedom.

    The variance between seeds is pooled over the levels; a level whose own is larger
    keeps it, and its own degrees of freedom too where its standard deviation is more
    than twice that of the others. All seeds see the same test images, so more seeds do
    not make their error smaller: it is added.

    (Taking each level's own variance wherever two differ by more than three times, as
    first designed, calls too much: at 3 seeds chance alone makes half of all studies
    look so, and the smallest variances among them are too small. Simulated, 6.8 % of
    studies without any difference then had a call; with this rule 3.2 %.)

    Args:
        differences: Array `(..., S, L)`, arm minus other arm; NaN for a missing pair.
        image_variance: Array `(..., L)`, of the mean difference as it varies with the
            choice of test images, squared points.
        pooled: `None`, or a variance between seeds and its degrees of freedom from
            elsewhere, to be taken instead of that of the levels.

    Returns:
        `Errors`.
    """
    present = ~np.isnan(differences)
    pairs = present.sum(axis=-2)
    filled = np.where(present, differences, 0)
    means = filled.sum(axis=-2) / np.where(pairs, pairs, np.nan)
    rest = np.where(present, differences - means[..., None, :], 0)
    squares, free = (rest**2).sum(axis=-2), np.maximum(pairs - 1, 0)
    own = squares / np.where(free, free, np.nan)
    all_squares = squares.sum(axis=-1, keepdims=True)
    all_free = free.sum(axis=-1, keepdims=True)
    if pooled is None:
        total = all_free
        pooled = all_squares / np.where(total, total, np.nan)
    else:
        pooled, total = (np.asarray(value)[..., None] for value in pooled)
    others = all_free - free
    elsewhere = (all_squares - squares) / np.where(others, others, np.nan)
    alone = own > UNEQUAL**2 * elsewhere
    variance = np.fmax(own, pooled)
    df = np.where(alone, free, total) * (pairs > 0)
    of_seeds = variance / np.where(pairs, pairs, 1)
    errors = np.sqrt(of_seeds + image_variance)
    return Errors(means, errors, joint_df(of_seeds, df, image_variance), variance, df)


def joint_df(of_seeds, df, image_variance):
    """Degrees of freedom of the sum of two variances, of which one is well known.

    Test images are many: their variance has hardly an error. So the sum has more
    degrees of freedom than the variance between seeds. That is used from four degrees
    on; with fewer, false calls would rise to 7 %.

    Args:
        of_seeds: Array, the variance of a mean from the spread between seeds.
        df: Array, its degrees of freedom.
        image_variance: Array, the variance from the choice of test images.

    Reference: Satterthwaite, 1946, "An approximate distribution of estimates of
    variance components".
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = df * (1 + image_variance / np.asarray(of_seeds)) ** 2
    joint = np.where(np.isfinite(joint), np.minimum(joint, MOST_DF), MOST_DF)
    return np.where(np.asarray(df) >= FEWEST_DF, joint, df)


def arms_variance(outcomes):
    """The variance of a difference of two arms, from all arms of one level.

    Of arms that are compared at one level only, all arms together tell how large the
    spread over seeds is: twice the mean square that arms and seeds leave.

    Args:
        outcomes: Array `(..., S, K)`, seeds and arms, complete.

    Returns:
        The variance `(...)` of one seed's difference, and its degrees of freedom,
        (S - 1)(K - 1).

    Reference: Fisher, 1935, "The design of experiments": randomised blocks.
    """
    seeds, arms = outcomes.shape[-2:]
    rest = outcomes - outcomes.mean(axis=-1, keepdims=True)
    rest = rest - rest.mean(axis=-2, keepdims=True)
    df = (seeds - 1) * (arms - 1)
    return 2 * (rest**2).sum(axis=(-2, -1)) / max(df, 1), df


def p_values(means, errors, df):
    """Two-sided p-values; 1 where nothing differs, NaN where there is no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(errors > 0, means / errors, np.where(means == 0, 0.0, np.inf))
    return _two_sided(t, df)


@np.vectorize(otypes=[float])
def _two_sided(t, df):
    known = df > 0 and not math.isnan(t)
    return 2 * t_probability(-abs(t), float(df)) if known else math.nan


def holm(p):
    """Holm's adjusted p-values; NaN, of what cannot be tested yet, counts as 1.

    Args:
        p: Array `(..., m)`: all comparisons of a study.

    Reference: Holm, 1979, "A simple sequentially rejective multiple test procedure".
    """
    p = np.asarray(p, float)
    known = np.where(np.isnan(p), 1, p)
    order = np.argsort(known, axis=-1, kind="stable")
    steps = np.arange(p.shape[-1], 0, -1)
    raised = np.take_along_axis(known, order, axis=-1) * steps
    raised = np.minimum(np.maximum.accumulate(raised, axis=-1), 1)
    adjusted = np.empty_like(raised)
    np.put_along_axis(adjusted, order, raised, axis=-1)
    return np.where(np.isnan(p), np.nan, adjusted)


def seeds_to_settle(mean, variance, image_variance, seeds, levels=1, comparisons=1):
    """How many more seeds would bring an undecided difference to a decision.

    That is, bring half the interval to the difference's size, or to 0.5 points if it
    is smaller; at the level of Holm's first step.

    Args:
        mean: Float, the difference as it is now.
        variance: Float, of a difference between seeds.
        image_variance: Float, which no seed makes smaller.
        seeds: Integer, pairs that there are.
        levels: Float, degrees of freedom of the variance that each more seed brings:
            the levels that are pooled.
        comparisons: Integer, all those of the study.

    Returns:
        `(more, reach)`: an integer, or `None` where no number up to 1,000 would do,
        because there are too few test images; and the points that it would settle.
    """
    reach, share = max(abs(mean), MARGIN), 1 - ALPHA / comparisons / 2

    def half(more):
        of_seeds = variance / (seeds + more)
        df = float(joint_df(of_seeds, levels * (seeds + more - 1), image_variance))
        return t_quantile(share, df) * math.sqrt(of_seeds + image_variance)

    if half(MOST_SEEDS) > reach:
        return None, reach
    candidates = range(1, MOST_SEEDS + 1)
    first = bisect.bisect_left(candidates, True, key=lambda more: half(more) <= reach)
    return candidates[first], reach


# Trends -----------------------------------------------------------------------------


def log_odds(right, total):
    """ln(right / wrong), with half an image added to both, so that it is finite."""
    right, total = np.asarray(right, float), np.asarray(total, float)
    return np.log((right + 0.5) / (total - right + 0.5))


@dataclasses.dataclass(frozen=True)
class Slope:
    """A slope per decade of the axis, with its 95 % interval."""

    value: float
    error: float
    df: float
    low: float
    high: float
    p: float
    # The fitted difference at the first and at the last level.
    first: float
    last: float


def slope_weights(x):
    """The weights `(L,)` with which means at `x` add up to the least-squares slope."""
    x = np.asarray(x, float)
    centred = x - x.mean()
    return centred / (centred**2).sum()


def trend(differences, x, image_variance=0.0):
    """The slope of differences over `x` by least squares, with seeds as blocks.

    Only seeds that have all levels count.

    Args:
        differences: Array `(S, L)`.
        x: Array `(L,)`, such as log10 of the number of images.
        image_variance: Float, the slope's own from the choice of test images.

    Returns:
        A `Slope`, or `None` with fewer than two complete seeds or two levels.
    """
    differences, x = np.asarray(differences, float), np.asarray(x, float)
    complete = differences[~np.isnan(differences).any(axis=1)]
    seeds, levels = complete.shape
    if seeds < 2 or levels < 2 or np.ptp(x) == 0:
        return None
    weights = slope_weights(x)
    value = float(complete.mean(axis=0) @ weights)
    fitted = complete.mean(axis=1, keepdims=True) + value * (x - x.mean())
    df = seeds * levels - seeds - 1
    mean_square = ((complete - fitted) ** 2).sum() / df
    between = mean_square / (seeds * ((x - x.mean()) ** 2).sum())
    error = math.sqrt(between + image_variance)
    df = float(joint_df(between, df, image_variance))
    half = t_quantile(1 - ALPHA / 2, df) * error
    ends = complete.mean() + value * (x[[0, -1]] - x.mean())
    p = float(p_values(np.float64(value), np.float64(error), df))
    return Slope(value, error, df, value - half, value + half, p, *map(float, ends))
