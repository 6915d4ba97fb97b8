"""Families of models over computing: ratios at equal accuracy, and power laws."""

import numpy as np

from keras_vit.studies.comparing import curves
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.parts import family_of


def ratio(grid, comparison):
    """How much more computing a family takes, with an interval over the seeds.

    Args:
        grid: A `Grid`.
        comparison: A `Compare` of the kind `compute`, whose arms are families.

    Returns:
        A `Difference`.
    """
    names = comparison.arm, comparison.other
    entry = d.Difference(d.COMPUTE, *names, "", d.TIMES, 0)
    entry = _hindered(grid, entry, names)
    if entry.verdict:
        return entry
    points = [_points(grid, name) for name in names]
    found = curves.compute_ratio(*((cost, y.mean(axis=0)) for cost, y in points))
    seeds = len(grid.study.seeds)
    entry = entry.having(pairs=seeds)
    if found is None:
        reason = "no accuracies that both reach"
        return entry.having(verdict=d.NOT_CALLED, reason=reason)
    reason = (
        f"{found.low:.2f} to {found.high:.2f} between {found.first:.2f} and "
        f"{found.last:.2f} %"
    )
    few = d.too_few(seeds)
    entry = entry.having(mean=found.median, reason=reason, verdict=few)
    bounds = None if few else curves.bootstrap_ratio(*points)
    if bounds is None:
        return entry if few else entry.having(verdict=d.UNDECIDED)
    low, high = bounds
    verdict = d.MORE if low > 1 else d.LESS if high < 1 else d.UNDECIDED
    return entry.having(low=low, high=high, verdict=verdict)


def laws(grid):
    """Whether the errors of each family that is compared follow a power law.

    Args:
        grid: A `Grid`.

    Returns:
        A list of `Difference`, whose bounds are those with one point left out.
    """
    compared = [c for c in grid.study.comparisons if c.kind == d.COMPUTE]
    names = dict.fromkeys(name for c in compared for name in (c.arm, c.other))
    found = []
    for name in names:
        entry = d.Difference(d.LAW, name, "", "", d.EXPONENT, 0)
        entry = _hindered(grid, entry, [name])
        if not entry.verdict:
            cost, outcomes = _points(grid, name)
            entry = _fitted(entry, curves.power_law(cost, outcomes.mean(axis=0)))
            entry = entry.having(pairs=len(grid.study.seeds))
        found.append(entry)
    return found


def _fitted(entry, law):
    if law is None:
        reason = "fewer than three points of different cost"
        return entry.having(verdict=d.NO_POWER_LAW, reason=reason)
    if law.reason:
        return entry.having(verdict=d.NO_POWER_LAW, reason=law.reason)
    return entry.having(
        mean=law.slope,
        low=law.low,
        high=law.high,
        verdict=d.POWER_LAW,
        reason=f"standard error {law.error:.3f}, bounds with one point left out",
    )


def _arms(grid, family):
    return [arm for arm in grid.study.arms if family in (arm, family_of(arm))]


def _hindered(grid, entry, families):
    """The entry, with a verdict where a cell of a family keeps it from being made."""
    study = grid.study
    arms = [arm for family in families for arm in _arms(grid, family)]
    obstacles = list(grid.obstacles(arms, study.levels))
    if obstacles:
        reason = "; ".join(obstacles)
        return entry.having(verdict=d.NOT_CALLED, reason=reason)
    states = [grid.state(*p) for p in grid.places(arms)]
    if missing := states.count(d.NOT_RUN):
        reason = f"{missing} of {len(states)} cells not run"
        return entry.having(verdict=d.NOT_RUN, reason=reason)
    return entry


def _points(grid, family):
    """Computing `(P,)` and outcomes `(S, P)` of a family whose cells are all done."""
    costs, outcomes = [], []
    for arm in _arms(grid, family):
        for level in grid.study.levels:
            results = [grid.result(arm, level, seed) for seed in grid.study.seeds]
            costs.append(float(np.mean([found["train_flops"] for found in results])))
            outcomes.append(grid.outcomes(arm, level))
    return np.array(costs), np.array(outcomes).T
