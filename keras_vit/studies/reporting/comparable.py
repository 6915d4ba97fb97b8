"""Compares what cells reached with a published value, where the two are comparable."""

import dataclasses

from keras_vit import published
from keras_vit.studies.parts import shots_of
from keras_vit.studies.reproducing.checks import (
    UNKNOWN,
    Found,
    check_all,
    hints_of,
    obstacles_of,
)
from keras_vit.studies.reproducing.trials import find_trial

# What published weights have learnt from, by their names.
_LEARNT_FROM = {
    **{"imagenet21k": "imagenet21k", "augreg": "imagenet21k", "bit-m": "imagenet21k"},
    "bit-s": "imagenet2012",
}
# Fields in which two pretrainings may differ: they change nothing of what is learnt, or
# say of another optimizer, or aloud, what goes without saying.
_NO_MATTER = (
    *("seed", "data_dir", "evaluate_every", "jit_compile", "remat", "dtype"),
    *("accumulation_steps", "steps_per_execution", "momentum_dtype"),
    *("momentum", "pooling"),
)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Images as `check_all` looks at them: their number, and the names of classes."""

    num_examples: int
    class_names: list


def compare_cells(grid, cells, summary, row):
    """What `published.compare` says of an arm at a level.

    Where it is known how a published value came about, the cells' recipe goes through
    the ten checks of `reproduce`; their decisive differences make the two values
    incomparable. Otherwise model, task, metric, image size, protocol and pretraining
    must agree, as the recipe tells them. Nothing is compared where a cell of the arm at
    the level diverged, failed or ran on several kinds of machines.

    Args:
        grid: A `Grid`.
        cells: The done cells of the arm at the level, at least one.
        summary: Their `Summary`.
        row: A `Row`.

    Returns:
        A `Comparison`.
    """
    ours = published.Result(
        value=summary.mean,
        sd=summary.sd,
        runs=summary.n,
        metric="top1",
        **{name: getattr(row, name) for name in ("model", "task", "setting")},
        image_size=row.image_size,
        pretrain=row.pretrain,
        pretrain_epochs=row.pretrain_epochs,
    )
    own = cells[0].recipe
    first = next((c.recipe for c in grid.cells if c.name == cells[0].needs), None)
    trial = find_trial(row)
    obstacles = [f"{text}." for text in grid.obstacles([summary.arm], [summary.level])]
    obstacles += _test_images(own)
    if trial.recipe is None or not cells[0].trains:
        ours = _described(grid, cells[0], first, ours)
        return published.compare(ours, row, obstacles)
    if own.model != trial.recipe.model:
        ours = dataclasses.replace(ours, model=own.model)
    checks = _checks(grid, cells[0], first, trial)
    obstacles += [*obstacles_of(checks), *_of_pretraining(first, trial, checks[-1])]
    found = published.compare(ours, row, obstacles)
    return dataclasses.replace(found, reasons=(*found.reasons, *hints_of(checks)))


def _test_images(recipe):
    if recipe.test_split:
        yield f"test images: ours are of {recipe.test_split}."


def _checks(grid, cell, first, trial):
    """The ten checks of the run of a cell."""
    result = grid.results[cell.name]
    classes = (_record(grid, cell).get("data") or {}).get("class_names") or []
    weights = cell.recipe.weights
    if first is not None and _learnt_from(first) == trial.row.pretrain:
        weights = trial.weights  # made here, of what the published file was made of
    found = Found(
        recipe=cell.recipe,
        weights=weights,
        train=_Part(result["n_train"], classes),
        test=_Part(result["test_images"], classes),
        num_devices=result["devices"],
    )
    return check_all(trial, found)


def _of_pretraining(first, trial, check):
    """Why what came first is not what came first in the paper."""
    if trial.pretraining is None:
        if check.status == UNKNOWN:  # a file of the user's
            yield f"{check.name}: {check.text}"
    elif first is None:
        yield f"pre-training: none, the row after {trial.pretraining.data}"
    else:
        for name, (wanted, given) in trial.pretraining.diff(first).items():
            if name not in _NO_MATTER:
                yield f"pre-training: {name} {given} instead of {wanted}"


def _described(grid, cell, first, ours):
    """Our result in the words of the published columns, from its recipe alone."""
    recipe = cell.recipe
    size = recipe.image_size
    if size is None:
        resolved = _record(grid, cell).get("resolved") or {}
        sides = set(resolved.get("image_size") or ())
        size = sides.pop() if len(sides) == 1 else None
    pretrain, epochs = _LEARNT_FROM.get(recipe.weights, recipe.weights or ""), None
    if first is not None:
        pretrain, epochs = _learnt_from(first), first.epochs
    setting, metric = "finetune" if pretrain else "from scratch", ours.metric
    if not cell.trains:  # features as they are
        setting, shots = cell.measure, shots_of(cell.measure)
        metric = f"fewshot{shots}_linear_top1" if shots else cell.measure
    return dataclasses.replace(
        ours,
        model=recipe.model,
        task=_task(recipe.data),
        metric=metric,
        setting=setting,
        image_size=size,
        pretrain=pretrain,
        pretrain_epochs=epochs,
    )


def _record(grid, cell):
    """run.json of a cell; nothing where the run is gone."""
    run = grid.folder.run(cell.name)
    return run.read_record() if run.is_run() else {}


def _learnt_from(first):
    """What a pretraining learns from, as the published column has it."""
    return first.data + ", masked patches" * (first.masked_target is not None)


def _task(data):
    """The task of a data set's name: with the part that is learned from, if any.

    `"cifar10:train,per_class=5,seed=1"` is `"cifar10,per_class=5"`.
    """
    name, _, rest = data.partition(":")
    split, *parts = rest.split(",")
    name += f":{split}" * (split not in ("", "train"))
    return ",".join([name, *(p for p in parts if not p.startswith("seed="))])
