"""How well few-shot accuracy of first weights orders models by what training gives."""

import dataclasses
import itertools
import math

import numpy as np

from keras_vit.evaluation.probes.shots import SHOTS
from keras_vit.studies.comparing.statistics import FEWEST
from keras_vit.studies.parts import ACCURACY

# How often seeds are drawn again, and between which quantiles the range of tau lies.
_DRAWS, _ENDS = 1000, (0.025, 0.975)

# Fields in the group of the model that only training, or the size of images, has.
_NOT_START = ("image_size", "num_channels", "freeze", "head_bias")


@dataclasses.dataclass(frozen=True)
class Model:
    """One start of training: the arm that probes it, and the arm that trains it."""

    probe: str
    trained: str


@dataclasses.dataclass(frozen=True)
class Point:
    """A model at a level: means over the seeds that both its cells have, percent."""

    model: Model
    level: str
    seeds: int
    few: float
    trained: float


@dataclasses.dataclass(frozen=True)
class Proxy:
    """What few-shot accuracy of N images a class says of accuracy after training.

    Attributes:
        shots: Integer, N.
        points: Tuple of `Point`.
        pairs: Integer, pairs of models at one level.
        right: Integer, those that few-shot accuracy orders as training does.
        wrong: Tuple of pairs of `Point` that it orders otherwise; equal ones are in
            neither.
        tau: Kendall's tau-b over all pairs at one level; NaN where it is not defined.
        low, high: Its range when seeds are drawn again, of which 2.5 % are cut off at
            each end; `None` with fewer than three seeds. No 95 % confidence interval:
            of so few seeds, the bootstrap covers less.
        seeds: Integer, seeds that all points have.
    """

    shots: int
    points: tuple[Point, ...]
    pairs: int
    right: int
    wrong: tuple[tuple[Point, Point], ...]
    tau: float
    low: float | None
    high: float | None
    seeds: int


def models_of(study):
    """The models of a study that some arm probes and another one trains.

    Args:
        study: A `Study`.

    Returns:
        List of `Model`. Both arms begin with the same weights of the same model; the
        size of the images may differ.
    """
    level, seed = study.levels[0], study.seeds[0]
    cells = [c for c in study.cells() if (c.level, c.seed) == (level, seed)]
    probes = {_start(c): c.arm for c in cells if c.measure != ACCURACY}
    return [
        Model(probes[_start(cell)], cell.arm)
        for cell in cells
        if cell.measure == ACCURACY and _start(cell) in probes
    ]


def cells_read(study):
    """The cells that `proxies` reads, in the order of the study's.

    Raises:
        ValueError: if the study has no two models that are both probed and trained.
    """
    models = models_of(study)
    if len(models) < 2:
        raise ValueError(
            "Few-shot accuracy is compared with accuracy after training for at least "
            "two models, each of which one arm probes (outcome linear_probe or "
            f"fewshot_N) and another one trains. The study {study.name} has "
            f"{len(models)}: its arms are {', '.join(study.arms)}."
        )
    arms = {arm for model in models for arm in (model.probe, model.trained)}
    return [c for c in study.cells() if c.arm in arms and not c.length_check]


def proxies(grid):
    """What each number of shots says, of the cells that are done.

    Args:
        grid: A `Grid`.

    Returns:
        List of `Proxy`, one for each number of shots that two models have at a level.

    Raises:
        ValueError: as `cells_read`.
    """
    cells_read(grid.study)
    models = models_of(grid.study)
    return [found for shots in SHOTS if (found := _proxy(grid, models, shots))]


def kendall(few, trained):
    """Kendall's tau-b of pairs of models at one level, over all levels together.

    Args:
        few, trained: Arrays `(L, M)` of levels and models, NaN where one is missing.

    Returns:
        Float, NaN where all models are equal in one of both. Of one level it is
        `scipy.stats.kendalltau`.
    """
    known = ~np.isnan(few + trained)
    signs = [_signs(np.where(known, values, np.nan)) for values in (few, trained)]
    product = float(np.sqrt(np.abs(signs[0]).sum() * np.abs(signs[1]).sum()))
    return float((signs[0] * signs[1]).sum()) / product if product else math.nan


def _proxy(grid, models, shots):
    study, name = grid.study, f"fewshot_{shots}"
    few = np.full((len(study.seeds), len(study.levels), len(models)), np.nan)
    trained = few.copy()
    places = itertools.product(*map(range, few.shape))
    for place in places:
        seed, level = study.seeds[place[0]], study.levels[place[1]]
        model = models[place[2]]
        pair = [(arm, level, seed) for arm in (model.probe, model.trained)]
        if any(grid.obstacles_at(pair)):
            continue
        outcome = grid.outcome(model.trained, level, seed)
        found = (grid.result(model.probe, level, seed) or {}).get(name)
        if found is not None and not math.isnan(outcome):
            few[place], trained[place] = found, outcome
    counts = (~np.isnan(few)).sum(axis=0)
    means = [_mean(values) for values in (few, trained)]
    points = tuple(
        Point(model, label, int(counts[k, m]), *(float(v[k, m]) for v in means))
        for k, label in enumerate(study.levels)
        for m, model in enumerate(models)
        if counts[k, m]
    )
    pairs = [
        (one, other)
        for one, other in itertools.combinations(points, 2)
        if one.level == other.level
    ]
    if not pairs:
        return None
    signs = [(a.few - b.few) * (a.trained - b.trained) for a, b in pairs]
    right = sum(sign > 0 for sign in signs)
    wrong = tuple(pair for pair, sign in zip(pairs, signs) if sign < 0)
    seeds = int(counts[counts > 0].min())
    low, high = _range(few, trained) if seeds >= FEWEST else (None, None)
    tau = kendall(*means)
    return Proxy(shots, points, len(pairs), right, wrong, tau, low, high, seeds)


def _range(few, trained):
    """Ends of the range of tau when seeds are drawn again, the same for all."""
    random = np.random.default_rng(0)
    draws = random.integers(0, len(few), (_DRAWS, len(few)))
    found = [kendall(_mean(few[d]), _mean(trained[d])) for d in draws]
    found = [tau for tau in found if not math.isnan(tau)]
    return tuple(map(float, np.quantile(found, _ENDS))) if found else (None, None)


def _mean(values):
    """Means over the seeds `(L, M)`, NaN where there is none."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _signs(values):
    """Signs of the differences of all pairs of models at one level, 0 if unknown."""
    one, other = np.triu_indices(values.shape[1], 1)
    return np.sign(np.nan_to_num(values[:, one] - values[:, other]))


def _start(cell):
    """What the first weights of a cell are: equal for equal models and weights."""
    recipe = cell.recipe
    fields = {
        name: getattr(recipe, name)
        for name, field in recipe.__dataclass_fields__.items()
        if field.metadata["group"] in ("model", "weights") and name not in _NOT_START
    }
    pretraining = cell.needs.rpartition("/")[0]
    return tuple(fields.items()), pretraining
