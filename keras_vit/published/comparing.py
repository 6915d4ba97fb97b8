"""Compares a result of ours with a published value: the only place that judges it."""

import dataclasses
import math
import statistics

from keras_vit.common.student import t_quantile
from keras_vit.published.rows import cell, plain, protocol, same_epochs

# Percentage points around all published values of a cell within which a result agrees
# with them: of a run that was trained, and of published weights that are only tested.
TRAINED, TESTED = 0.2, 0.05
# Standard deviation of one run, from pairs of official re-runs of ViT's fine-tuning.
# Source: README.md of google-research/vision_transformer before May 2021.
DEVIATIONS = {"imagenet2012": 0.04, "cifar10": 0.05, "cifar100": 0.13}
FEWEST = 3  # runs, for a verdict on a training


@dataclasses.dataclass(frozen=True)
class Result:
    """A result of ours, described with the columns of a published `Row`."""

    # Mean over the runs; of accuracies a percentage.
    value: float
    # Standard deviation between runs; `None` of a single one.
    sd: float | None
    runs: int
    model: str
    task: str
    metric: str
    setting: str
    image_size: int | None
    pretrain: str = ""
    pretrain_epochs: int | None = None
    # Whether it was trained by us; else published weights were only tested.
    trained: bool = True


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How a result of ours lies to a published value; prints as text."""

    # Ours minus the published value, and its 95 % interval where one can be given.
    difference: float
    interval: tuple[float, float] | None
    # "reproduced", "differs", "undecided" or "not comparable".
    verdict: str
    # Why, one sentence each.
    reasons: tuple[str, ...]

    def __str__(self):
        text = f"{self.difference:+.2f}"
        if self.interval is not None:
            text += " ({:+.2f} to {:+.2f})".format(*self.interval)
        return "\n".join((f"{self.verdict}: {text} points", *self.reasons))


def compare(ours, row, obstacles=()):
    """Compares a result of ours with a published value.

    The result is reproduced if the interval of our mean lies within 0.2 points of what
    the authors published of that cell, the paper's value and their re-runs; with
    weights that are only tested, within 0.05. It differs if it lies wholly outside.
    Values that were read from a figure get no verdict, nor do fewer than three runs.

    Args:
        ours: A `Result`.
        row: A `Row`.
        obstacles: Sentences, further reasons why the two cannot be compared, such as
            failed checks of `keras_vit.studies.reproduce`.

    Returns:
        A `Comparison`.
    """
    difference = ours.value - row.value
    if obstacles := (*_obstacles(ours, row), *obstacles):
        return Comparison(difference, None, "not comparable", obstacles)
    if ours.trained and (ours.runs < FEWEST or ours.sd is None):
        few = f"{ours.runs} of at least {FEWEST} runs: no verdict."
        return Comparison(difference, None, "undecided", (few,))
    half, reason = _half_width(ours, row)
    published = [value for other in cell(row) for value in _extremes(other)]
    margin = TRAINED if ours.trained else TESTED
    low, high = min(published) - margin, max(published) + margin
    reasons = (
        f"The authors published {_range(published)} of this cell; within {margin:g} of "
        f"that, {low:.2f} to {high:.2f}, a result is called reproduced.",
        reason,
    )
    # Rounded, as published values are: 0.05 is 0.05.
    least, most = round(ours.value - half, 6), round(ours.value + half, 6)
    if round(low, 6) <= least and most <= round(high, 6):
        verdict = "reproduced"
    elif most < round(low, 6) or least > round(high, 6):
        verdict = "differs"
    else:
        verdict = "undecided"
    bounds = (difference - half, difference + half)
    return Comparison(difference, bounds, verdict, reasons)


def _obstacles(ours, row):
    """Why two values cannot be compared, one sentence each."""
    reasons = []
    if row.kind == "figure":
        reasons.append("The published value was read from a figure.")
    for name in ("model", "task", "metric", "image_size", "pretrain", "setting"):
        mine, theirs = getattr(ours, name), getattr(row, name)
        what = name.replace("_", " ")
        if name == "setting":
            mine, theirs, what = protocol(mine), protocol(theirs), "protocol"
        if plain(mine) != plain(theirs):
            said = "not said" if theirs in (None, "") else theirs
            reasons.append(f"{what}: ours {mine or 'not known'}, published {said}.")
    if not same_epochs(ours.pretrain_epochs, row.pretrain_epochs):
        reasons.append(
            f"pretraining: ours {ours.pretrain_epochs} epochs, published "
            f"{row.pretrain_epochs}."
        )
    return reasons


def _half_width(ours, row):
    """Half of the 95 % interval of the difference, and what it rests on."""
    if not ours.trained:
        return 0.0, "The same weights on the same images: no spread between runs."
    own = t_quantile(0.975, ours.runs - 1) * ours.sd / math.sqrt(ours.runs)
    theirs, said = row.sd, "as published"
    if theirs is None:
        theirs, said = DEVIATIONS.get(row.task), "of official re-runs"
    if theirs is None:
        reason = "The spread of the published value is not known: ours alone counts."
        return own, reason
    runs = row.runs if isinstance(row.runs, int) else 1
    normal = statistics.NormalDist().inv_cdf(0.975)
    half = math.hypot(own, normal * theirs / math.sqrt(runs))
    reason = f"Spread of the published value: {theirs:g} points a run, {said}."
    return half, reason


def _extremes(row):
    """A published value, and the lowest and highest of its runs where they are said."""
    return [v for v in (row.value, row.low, row.high) if v is not None]


def _range(values):
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
