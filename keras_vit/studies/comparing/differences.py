"""The comparisons of a study, computed from its cells by the rules of `statistics`."""

import math

import numpy as np

from keras_vit.common.student import t_quantile
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.comparing import families, pairs
from keras_vit.studies.comparing import statistics as rules

_NO_ANSWERS = "the answers to the test images are missing"
GAIN = 1.0  # points from twice the updates, above which an arm is limited by them


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
        if comparison.kind in (d.ARMS, d.TREND)
        for entry in _MAKERS[comparison.kind](grid, comparison)
    ]
    found = _judged(found)
    lengths = _lengths(grid)
    limited = [e.arm for e in lengths if e.verdict == d.LIMITED]
    for comparison in study.comparisons:
        if comparison.kind == d.CROSSING:
            found.append(_crossing(grid, comparison, found, limited))
        elif comparison.kind == d.COMPUTE:
            found.append(families.ratio(grid, comparison))
    return found + families.laws(grid) + lengths


# Differences of two arms at each level ----------------------------------------------


def _arms(grid, comparison):
    study, arm, other = grid.study, comparison.arm, comparison.other
    table = pairs.points(grid, arm, other)
    images = [pairs.image_variance(grid, arm, other, level) for level in study.levels]
    variances = np.array([variance for variance, _ in images])
    compared = [c for c in study.comparisons if c.kind == d.ARMS]
    spread = pairs.spread_of_all(grid, {a for c in compared for a in (c.arm, c.other)})
    found = rules.standard_errors(table, variances, spread)
    numbers = (~np.isnan(table)).sum(axis=0)
    for place, level in enumerate(study.levels):
        entry = d.Difference(d.ARMS, arm, other, level, d.POINTS, int(numbers[place]))
        if entry.pairs:
            entry = entry.having(mean=float(found[0][place]))
        obstacles = list(grid.obstacles((arm, other), [level]))
        if not pairs.same_images(grid, arm, other, level):
            obstacles.append("the test images differ")
        if entry.pairs and not math.isfinite(variances[place]):
            obstacles.append(_NO_ANSWERS)
        if obstacles:
            yield entry.having(verdict=d.NOT_CALLED, reason="; ".join(obstacles))
        elif entry.pairs < rules.FEWEST:
            yield entry.having(verdict=d.too_few(entry.pairs))
        else:
            entry = entry.having(reason=images[place][1])
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
    return entry.having(
        low=mean - half,
        high=mean + half,
        p=float(rules.p_values(mean, own.errors, own.df)),
        verdict=d.EQUIVALENT if equal else d.UNDECIDED,
        more=more,
        reach=reach,
        least=t_quantile(1 - rules.ALPHA / family / 2, own.df) * own.errors,
    )


def _family(grid):
    """How many comparisons Holm's steps share, those to come included."""
    levels = len(grid.study.levels)
    kinds = [c.kind for c in grid.study.comparisons]
    return max(kinds.count(d.ARMS) * levels + kinds.count(d.TREND), 1)


# Trends -----------------------------------------------------------------------------


def _trends(grid, comparison):
    """Two lines: the trend in points, and in log-odds."""
    study, arm, other = grid.study, comparison.arm, comparison.other
    entries = [
        d.Difference(d.TREND, arm, other, "", unit, 0) for unit in (d.DECADE, d.ODDS)
    ]
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
        entry = entry.having(pairs=whole, verdict=d.too_few(whole))
        if np.ptp(x) and whole >= rules.FEWEST:
            variance = pairs.slope_variance(grid, arm, other, x, entry.unit == d.ODDS)
            if math.isfinite(variance):
                entry = _sloped(entry, rules.trend(differences, x, variance))
            else:
                obstacles.append(_NO_ANSWERS)
        if obstacles:
            because = "; ".join(dict.fromkeys(obstacles))
            entry = entry.having(p=None, verdict=d.NOT_CALLED, reason=because)
        yield entry


def _sloped(entry, slope):
    # A gap widens where it is larger at the last level, whichever sign it has.
    verdict = d.WIDENS if abs(slope.last) > abs(slope.first) else d.CLOSES
    bounds = {"low": slope.low, "high": slope.high}
    return entry.having(mean=slope.value, p=slope.p, verdict=verdict, **bounds)


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
    entry = entry.having(p_holm=float(p_holm))
    if p_holm < rules.ALPHA:
        if entry.kind == d.TREND:
            return entry
        verdict = d.HIGHER if entry.mean > 0 else d.LOWER
    elif entry.verdict == d.EQUIVALENT:
        return entry.having(more=None, reach=None)
    else:
        return entry.having(
            verdict=d.NO_TREND if entry.kind == d.TREND else d.UNDECIDED
        )
    return entry.having(verdict=verdict, more=None, reach=None)


def _crossing(grid, comparison, found, limited):
    """Whether some level is called lower, and a later one higher, or the reverse."""
    arm, other = comparison.arm, comparison.other
    entry = d.Difference(d.CROSSING, arm, other, "", d.POINTS, 0)
    levels = [e for e in found if (e.kind, e.arm, e.other) == (d.ARMS, arm, other)]
    called = [e for e in levels if e.verdict in (d.HIGHER, d.LOWER)]
    words = [e.verdict for e in called]
    entry = entry.having(pairs=min((e.pairs for e in levels), default=0))
    most = max((e.pairs for e in levels), default=0)
    if most < rules.FEWEST:
        return entry.having(verdict=d.too_few(most))
    if len(set(words)) == 2:
        change = next(k for k in range(1, len(words)) if words[k] != words[k - 1])
        between = f"between {called[change - 1].level} and {called[change].level}"
        return entry.having(
            verdict=d.CROSSES, level=called[change].level, reason=between
        )
    slow = [name for name in (arm, other) if name in limited]
    if slow:
        reason = f"{' and '.join(slow)}: {d.LIMITED}"
        return entry.having(verdict=d.UNDECIDED, reason=reason)
    if levels and len(words) == len(levels):
        return entry.having(verdict=d.NO_CROSSING)
    reason = "not called: " + ", ".join(e.level for e in levels if e not in called)
    return entry.having(verdict=d.UNDECIDED, reason=reason)


def _lengths(grid):
    """What each arm gains from twice the updates at the largest level."""
    found = []
    for cell in grid.cells:
        if not cell.length_check:
            continue
        level = grid.study.levels[-1]
        entry = d.Difference(d.LENGTH, cell.arm, "", level, d.POINTS, 0)
        places = (cell.arm, cell.level, cell.seed), (cell.arm, level, cell.seed)
        gain = grid.outcome(*places[0]) - grid.outcome(*places[1])
        if obstacles := list(grid.obstacles_at(places)):
            entry = entry.having(verdict=d.NOT_CALLED, reason="; ".join(obstacles))
        elif math.isnan(gain):
            entry = entry.having(verdict=d.NOT_RUN, reason=d.NOT_RUN)
        else:
            verdict = d.LIMITED if gain > GAIN else d.NOT_LIMITED
            entry = entry.having(pairs=1, mean=gain, verdict=verdict)
        found.append(entry)
    return found


_MAKERS = {d.ARMS: _arms, d.TREND: _trends}
