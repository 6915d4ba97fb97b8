"""Curves of accuracy over computing: fronts, ratios at equal accuracy, power laws."""

import dataclasses
import math

import numpy as np

LEVELS = 21  # accuracies at which two fronts are compared
# A power law needs so many points, over so many decades of computing.
POINTS, DECADES = 5, 1.5


def front(compute, accuracy):
    """The points that no cheaper one reaches: computing and accuracy, both rising.

    Args:
        compute: Array, such as FLOPs of training; positive.
        accuracy: Array, percent.

    Returns:
        Two arrays, of the points on the Pareto front.
    """
    compute, accuracy = np.asarray(compute, float), np.asarray(accuracy, float)
    order = np.lexsort((-accuracy, compute))
    compute, accuracy = compute[order], accuracy[order]
    best = np.maximum.accumulate(accuracy)
    rises = np.r_[True, accuracy[1:] > best[:-1]]
    return compute[rises], accuracy[rises]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How much more computing one family takes than another, at equal accuracy."""

    low: float
    median: float
    high: float
    # The accuracies between which both families have points, percent.
    first: float
    last: float


def compute_ratio(one, other):
    """The computing of one family over that of another, at 21 equal accuracies.

    Between the points of a front, the logarithm of computing is linear in accuracy.
    Nothing is said outside the accuracies that both families reach.

    Args:
        one, other: Pairs (computing, accuracies) of arrays.

    Returns:
        A `Ratio`, or `None` where the fronts share no range of accuracies.
    """
    one, other = front(*one), front(*other)
    first = max(one[1][0], other[1][0])
    last = min(one[1][-1], other[1][-1])
    if not first < last:
        return None
    levels = np.linspace(first, last, LEVELS)
    logs = [
        np.interp(levels, accuracy, np.log(cost)) for cost, accuracy in (one, other)
    ]
    ratios = np.exp(logs[0] - logs[1])
    found = (ratios.min(), np.median(ratios), ratios.max(), first, last)
    return Ratio(*map(float, found))


def bootstrap_ratio(one, other, draws=1000, confidence=0.95):
    """An interval of the median ratio: seeds are drawn again, the same for all points.

    Args:
        one, other: Pairs (computing `(P,)`, accuracies `(S, P)`), the same S seeds.
        draws: Integer, how often seeds are drawn.
        confidence: Float in (0, 1).

    Returns:
        `(low, high)`, or `None` where a draw in twenty or more has no common range.
    """
    seeds = len(one[1])
    random = np.random.default_rng(0)
    medians = []
    for chosen in random.integers(0, seeds, (draws, seeds)):
        families = [(cost, found[chosen].mean(axis=0)) for cost, found in (one, other)]
        ratio = compute_ratio(*families)
        if ratio is not None:
            medians.append(ratio.median)
    if len(medians) < 0.95 * draws:
        return None
    ends = np.quantile(medians, [(1 - confidence) / 2, (1 + confidence) / 2])
    return tuple(map(float, ends))


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """log10(1 - accuracy) = intercept + slope log10(computing), by least squares."""

    slope: float
    error: float  # the slope's standard error
    intercept: float
    # The least and largest slope with one point left out.
    low: float
    high: float
    # Why it must not be called a power law, or "".
    reason: str


def power_law(compute, accuracy):
    """Fits a power law to the errors of one family; needs three points.

    Args:
        compute: Array, FLOPs.
        accuracy: Array, percent, below 100.

    Returns:
        A `PowerLaw`, or `None` with fewer than three points.
    """
    x = np.log10(np.asarray(compute, float))
    y = np.log10(1 - np.asarray(accuracy, float) / 100)
    if len(x) < 3 or np.ptp(x) == 0:
        return None
    centred = x - x.mean()
    slope = _slope(x, y)
    rest = y - y.mean() - slope * centred
    error = math.sqrt((rest**2).sum() / (len(x) - 2) / (centred**2).sum())
    others = [_slope(np.delete(x, k), np.delete(y, k)) for k in range(len(x))]
    reason = ""
    if len(x) < POINTS:
        reason = f"{len(x)} points, of at least {POINTS}"
    elif np.ptp(x) < DECADES:
        reason = f"{np.ptp(x):.1f} decades of computing, of at least {DECADES}"
    intercept = float(y.mean() - slope * x.mean())
    return PowerLaw(slope, error, intercept, min(others), max(others), reason)


def _slope(x, y):
    centred = x - x.mean()
    square = (centred**2).sum()
    return float((centred * y).sum() / square) if square else math.nan
