"""What paired cells give: differences, and how these vary with the test images."""

import math

import numpy as np

from keras_vit.studies.comparing import statistics as rules


def points(grid, arm, other):
    """Arm minus other arm, points, `(S, L)`."""
    columns = [
        grid.outcomes(arm, level) - grid.outcomes(other, level)
        for level in grid.study.levels
    ]
    return np.stack(columns, axis=1)


def _paired(grid, arm, other, level):
    """The pairs of cells at a level that are both done."""
    for seed in grid.study.seeds:
        one, two = (arm, level, seed), (other, level, seed)
        if not np.isnan(grid.outcome(*one) - grid.outcome(*two)):
            yield one, two


def same_images(grid, arm, other, level):
    """Whether the pairs of a level were tested on the same images."""
    return all(grid.sees_same_images(*p) for p in _paired(grid, arm, other, level))


def image_variance(grid, arm, other, level):
    """The variance of a mean difference from the choice of test images, and a note.

    Returns:
        Squared points, NaN where it is unknown, and "" or what was assumed.
    """
    found, note = [], ""
    for one, two in _paired(grid, arm, other, level):
        right = grid.right(*one), grid.right(*two)
        if all(answers is not None for answers in right):
            if right[0].shape != right[1].shape:
                return math.nan, ""
            steps = right[0].astype(np.int8) - right[1].astype(np.int8)
            found.append(_of_mean(steps))
            continue
        note = "without answers to single images: as if the arms erred independently"
        found.append(sum(_of_share(grid, place) for place in (one, two)))
    return (1e4 * float(np.mean(found)) if found else math.nan), note


def _of_mean(values):
    number = len(values)
    return float(np.var(values, ddof=1)) / number if number > 1 else math.nan


def _of_share(grid, place):
    share, number = grid.outcome(*place) / 100, grid.result(*place).get("test_images")
    return share * (1 - share) / number if number else math.nan


def spread_of_all(grid, arms):
    """The spread over seeds from all arms, in a study of one level; else `None`."""
    level, *more = grid.study.levels
    if more:
        return None
    outcomes = {arm: grid.outcomes(arm, level) for arm in arms}
    whole = {arm: y for arm, y in outcomes.items() if not np.isnan(y).any()}
    if len(whole) < 3:
        return None
    variance, df = rules.arms_variance(np.stack(list(whole.values()), axis=-1))
    return (variance, df) if df else None


def odds(grid, arm, other):
    """Arm minus other arm in log-odds, `(S, L)`."""

    def of(place):
        number = (grid.result(*place) or {}).get("test_images") or math.nan
        return rules.log_odds(grid.outcome(*place) / 100 * number, number)

    return np.array(
        [
            [of((arm, level, s)) - of((other, level, s)) for level in grid.study.levels]
            for s in grid.study.seeds
        ]
    )


def slope_variance(grid, arm, other, x, in_odds):
    """A slope's variance from the choice of test images, as a mean over seeds."""
    weights, levels, found = rules.slope_weights(x), grid.study.levels, []
    for seed in grid.study.seeds:
        scores = [
            _scores(grid, (arm, level, seed), (other, level, seed), in_odds)
            for level in levels
        ]
        if any(score is None for score in scores):
            continue
        labels = [grid.predictions(arm, level, seed)[0] for level in levels]
        if all(np.array_equal(labels[0], others) for others in labels):
            found.append(_of_mean(weights @ np.stack(scores)))
        else:  # each level has test images of its own
            found.append(sum(w * w * _of_mean(z) for w, z in zip(weights, scores)))
    return float(np.mean(found)) if found else math.nan


def _scores(grid, one, two, in_odds):
    """What each test image adds to the difference of two cells, `(N,)`."""
    right = grid.right(*one), grid.right(*two)
    if right[0] is None or right[1] is None or right[0].shape != right[1].shape:
        return None
    if not in_odds:
        return 100 * (right[0].astype(float) - right[1])
    # The derivative of log-odds, at shares that are never 0 or 1.
    shares = [(r.sum() + 0.5) / (len(r) + 1) for r in right]
    first, second = (r / (s * (1 - s)) for r, s in zip(right, shares))
    return first - second
