"""The comparisons of a study, computed from its cells by the rules of `statistics`."""

import dataclasses
import math

import numpy as np

from keras_vit.common.student import t_quantile
from keras_vit.studies.comparing import curves, pairs
from keras_vit.studies.comparing import statistics as rules

# The closed list of what a comparison can end with.
HIGHER, LOWER = "higher", "lower"
EQUIVALENT = f"equivalent within {rules.MARGIN:g} points"
UNDECIDED, NOT_CALLED, NOT_RUN = "undecided", "not called", "not run"
ONE_SEED, TWO_SEEDS = "one seed", "two seeds"
CLOSES, WIDENS, NO_TREND = "closes", "widens", "no trend"
CROSSES, NO_CROSSING = "crosses", "no crossing"
LIMITED, NOT_LIMITED = "limited by updates", "not limited by updates"
MORE, LESS = "more computing", "less computing"
VERDICTS = (
    *(HIGHER, LOWER, EQUIVALENT, UNDECIDED, NOT_CALLED, NOT_RUN, ONE_SEED, TWO_SEEDS),
    *(CLOSES, WIDENS, NO_TREND, CROSSES, NO_CROSSING, LIMITED, NOT_LIMITED),
    *(MORE, LESS),
)
_NO_ANSWERS = "the answers to the test images are missing"
GAIN = 1.0  # points from twice the updates, above which an arm is limited by them

ARMS, TREND, CROSSING, LENGTH, COMPUTE = (
    *("arms", "trend", "crossing", "length", "compute"),
)
POINTS, DECADE, ODDS = "points", "points per decade", "log-odds per decade"
TIMES = "times the computing"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One line of differences.csv: arm minus other arm."""

    kind: str
    arm: str
    other: str
    level: str
    unit: str
    pairs: int
    mean: float | None = None
    # 95 % interval.
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""
    reason: str = ""
    # So many more seeds would settle a difference of `reach` points.
    more: int | None = None
    reach: float | None = None


def differences(grid):
    """All comparisons of a study, those that cannot be made yet among them.

    Args:
        grid: A `Grid`.

    Returns:
        A list of `Difference`: first those of arms, which Holm's steps have judged
        together with the trends, then what follows from them.
    """
    study = grid.study
    found = [
        entry
        for comparison in study.comparisons
        if comparison.kind in (ARMS, TREND)
        for entry in _MAKERS[comparison.kind](grid, comparison)
    ]
    found = _judged(found)
    lengths = _lengths(grid)
    limited = [d.arm for d in lengths if d.verdict == LIMITED]
    for comparison in study.comparisons:
        if comparison.kind == CROSSING:
            found.append(_crossing(grid, comparison, found, limited))
        elif comparison.kind == COMPUTE:
            found.append(_compute(grid, comparison))
    return found + lengths


# Differences of two arms at each level ----------------------------------------------


def _arms(grid, comparison):
    study, arm, other = grid.study, comparison.arm, comparison.other
    table = pairs.points(grid, arm, other)
    images = [pairs.image_variance(grid, arm, other, level) for level in study.levels]
    variances = np.array([variance for variance, _ in images])
    compared = [c for c in study.comparisons if c.kind == ARMS]
    spread = pairs.spread_of_all(grid, {a for c in compared for a in (c.arm, c.other)})
    found = rules.standard_errors(table, variances, spread)
    numbers = (~np.isnan(table)).sum(axis=0)
    for place, level in enumerate(study.levels):
        entry = Difference(ARMS, arm, other, level, POINTS, int(numbers[place]))
        if entry.pairs:
            entry = _with(entry, mean=float(found[0][place]))
        obstacles = list(grid.obstacles((arm, other), [level]))
        if not pairs.same_images(grid, arm, other, level):
            obstacles.append("the test images differ")
        if entry.pairs and not math.isfinite(variances[place]):
            obstacles.append(_NO_ANSWERS)
        if obstacles:
            yield _with(entry, verdict=NOT_CALLED, reason="; ".join(obstacles))
        elif entry.pairs < rules.FEWEST:
            yield _with(entry, verdict=_too_few(entry.pairs))
        else:
            entry = _with(entry, reason=images[place][1])
            own = rules.Errors(*(float(values[place]) for values in found))
            yield _tested(entry, own, float(variances[place]), _family(grid))


def _tested(entry, own, image_variance, family):
    """A difference with its interval; whether it is called, Holm's steps decide."""
    mean, number = entry.mean, entry.pairs
    half = t_quantile(0.975, own.df) * own.errors
    # Two one-sided tests at 5 % ask whether the 90 % interval lies inside.
    equal = abs(mean) + t_quantile(0.95, own.df) * own.errors < rules.MARGIN
    levels = own.df_of_seeds / (number - 1)
    more, reach = rules.seeds_to_settle(
        mean, own.variance, image_variance, number, levels, family
    )
    return _with(
        entry,
        low=mean - half,
        high=mean + half,
        p=float(rules.p_values(mean, own.errors, own.df)),
        verdict=EQUIVALENT if equal else UNDECIDED,
        more=more,
        reach=reach,
    )


def _with(entry, **values):
    return dataclasses.replace(entry, **values)


def _too_few(seeds):
    """The verdict where there are fewer than three pairs, else ""."""
    return (NOT_RUN, ONE_SEED, TWO_SEEDS)[seeds] if seeds < rules.FEWEST else ""


def _family(grid):
    """How many comparisons Holm's steps share, those to come included."""
    levels = len(grid.study.levels)
    kinds = [c.kind for c in grid.study.comparisons]
    return max(kinds.count(ARMS) * levels + kinds.count(TREND), 1)


# Trends -----------------------------------------------------------------------------


def _trends(grid, comparison):
    """Two lines: the trend in points, and in log-odds."""
    study, arm, other = grid.study, comparison.arm, comparison.other
    entries = [Difference(TREND, arm, other, "", unit, 0) for unit in (DECADE, ODDS)]
    numbers = [number for number, _ in study.axis.levels.values()] if study.axis else []
    obstacles = list(grid.obstacles((arm, other), study.levels))
    if not all(pairs.same_images(grid, arm, other, level) for level in study.levels):
        obstacles.append("the test images differ")
    if len(numbers) < 2 or min(numbers) <= 0:
        obstacles, numbers = ["the axis has no two positive numbers"], [1, 1]
    x = np.log10(numbers)
    for entry, table in zip(entries, (pairs.points, pairs.odds)):
        differences = table(grid, arm, other)
        whole = int((~np.isnan(differences).any(axis=1)).sum())
        entry = _with(entry, pairs=whole, verdict=_too_few(whole))
        if np.ptp(x) and whole >= rules.FEWEST:
            variance = pairs.slope_variance(grid, arm, other, x, entry.unit == ODDS)
            if math.isfinite(variance):
                entry = _sloped(entry, rules.trend(differences, x, variance))
            else:
                obstacles.append(_NO_ANSWERS)
        if obstacles:
            because = "; ".join(dict.fromkeys(obstacles))
            entry = _with(entry, p=None, verdict=NOT_CALLED, reason=because)
        yield entry


def _sloped(entry, slope):
    # A gap widens where it is larger at the last level, whichever sign it has.
    verdict = WIDENS if abs(slope.last) > abs(slope.first) else CLOSES
    bounds = {"low": slope.low, "high": slope.high}
    return _with(entry, mean=slope.value, p=slope.p, verdict=verdict, **bounds)


# Verdicts ---------------------------------------------------------------------------


def _judged(found):
    """The differences with Holm's p-values and their verdicts."""
    families = {}  # lines that are one comparison
    for number, entry in enumerate(found):
        key = (entry.kind, entry.arm, entry.other, entry.level)
        families.setdefault(key, []).append(number)
    p = [_shared_p([found[k] for k in family]) for family in families.values()]
    if not p:
        return []
    adjusted = dict(zip(families, rules.holm(np.array(p))))
    return [
        _called(found[number], adjusted[key])
        for number, key in sorted((n, key) for key, ns in families.items() for n in ns)
    ]


def _shared_p(entries):
    """The p-value of one comparison: a trend must show on both scales, alike."""
    if any(entry.p is None for entry in entries):
        return math.nan
    if len({(entry.verdict, entry.mean > 0) for entry in entries}) > 1:
        return 1.0
    return max(entry.p for entry in entries)


def _called(entry, p_holm):
    if entry.p is None:
        return entry
    entry = _with(entry, p_holm=float(p_holm))
    if p_holm < rules.ALPHA:
        if entry.kind == TREND:
            return entry
        verdict = HIGHER if entry.mean > 0 else LOWER
    elif entry.verdict == EQUIVALENT:
        return _with(entry, more=None, reach=None)
    else:
        return _with(entry, verdict=NO_TREND if entry.kind == TREND else UNDECIDED)
    return _with(entry, verdict=verdict, more=None, reach=None)


def _crossing(grid, comparison, found, limited):
    """Whether some level is called lower, and a later one higher, or the reverse."""
    arm, other = comparison.arm, comparison.other
    entry = Difference(CROSSING, arm, other, "", POINTS, 0)
    levels = [d for d in found if (d.kind, d.arm, d.other) == (ARMS, arm, other)]
    called = [d for d in levels if d.verdict in (HIGHER, LOWER)]
    words = [d.verdict for d in called]
    entry = _with(entry, pairs=min((d.pairs for d in levels), default=0))
    most = max((d.pairs for d in levels), default=0)
    if most < rules.FEWEST:
        return _with(entry, verdict=_too_few(most))
    if len(set(words)) == 2:
        change = next(k for k in range(1, len(words)) if words[k] != words[k - 1])
        between = f"between {called[change - 1].level} and {called[change].level}"
        return _with(entry, verdict=CROSSES, level=called[change].level, reason=between)
    slow = [name for name in (arm, other) if name in limited]
    if slow:
        reason = f"{' and '.join(slow)}: {LIMITED}"
        return _with(entry, verdict=UNDECIDED, reason=reason)
    if levels and len(words) == len(levels):
        return _with(entry, verdict=NO_CROSSING)
    reason = "not called: " + ", ".join(d.level for d in levels if d not in called)
    return _with(entry, verdict=UNDECIDED, reason=reason)


def _lengths(grid):
    """What each arm gains from twice the updates at the largest level."""
    found = []
    for cell in grid.cells:
        if not cell.length_check:
            continue
        level = grid.study.levels[-1]
        entry = Difference(LENGTH, cell.arm, "", level, POINTS, 0)
        places = (cell.arm, cell.level, cell.seed), (cell.arm, level, cell.seed)
        gain = grid.outcome(*places[0]) - grid.outcome(*places[1])
        if math.isnan(gain):
            states = {grid.state(*place) for place in places} - {"done"}
            entry = _with(entry, verdict=NOT_RUN, reason=", ".join(sorted(states)))
        else:
            verdict = LIMITED if gain > GAIN else NOT_LIMITED
            entry = _with(entry, pairs=1, mean=gain, verdict=verdict)
        found.append(entry)
    return found


def family_points(grid, family):
    """A family's points: computing `(P,)`, outcomes `(S, P)` of all seeds."""
    costs, outcomes = [], []
    for arm in grid.study.arms:
        if family not in (arm, arm.split(" ")[0]):
            continue
        for level in grid.study.levels:
            results = [grid.result(arm, level, seed) for seed in grid.study.seeds]
            found = grid.outcomes(arm, level)
            if not np.isnan(found).any() and all(r.get("train_flops") for r in results):
                costs.append(float(np.mean([r["train_flops"] for r in results])))
                outcomes.append(found)
    return np.array(costs), np.array(outcomes).T


def _compute(grid, comparison):
    """The ratio of computing at equal accuracy, with an interval over seeds."""
    arm, other = comparison.arm, comparison.other
    entry = Difference(COMPUTE, arm, other, "", TIMES, 0)
    families = family_points(grid, arm), family_points(grid, other)
    seeds = len(grid.study.seeds)
    if min(len(cost) for cost, _ in families) < 2:
        return _with(entry, verdict=NOT_RUN, reason="fewer than two whole points")
    means = [(cost, found.mean(axis=0)) for cost, found in families]
    ratio = curves.compute_ratio(*means)
    entry = _with(entry, pairs=seeds)
    if ratio is None:
        reason = "no accuracy that both reach"
        return _with(entry, verdict=NOT_CALLED, reason=reason)
    reason = (
        f"{ratio.low:.2f} to {ratio.high:.2f} between {ratio.first:.2f} and "
        f"{ratio.last:.2f} %"
    )
    entry = _with(entry, mean=ratio.median, reason=reason, verdict=_too_few(seeds))
    if entry.verdict:
        return entry
    bounds = curves.bootstrap_ratio(*families)
    if bounds is None:
        return _with(entry, verdict=UNDECIDED)
    low, high = bounds
    verdict = MORE if low > 1 else LESS if high < 1 else UNDECIDED
    return _with(entry, low=low, high=high, verdict=verdict)


_MAKERS = {ARMS: _arms, TREND: _trends}
