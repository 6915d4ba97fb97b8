"""What a study costs before it starts: operations, time, memory, disk."""

import dataclasses
import heapq

from keras_vit.common.tables import aligned
from keras_vit.common.wording import as_duration, as_file_size, as_memory
from keras_vit.data.sets.known import num_training_images
from keras_vit.studies.planning.data import (
    at_whole_data,
    check_places,
    facts_of,
    model_cost,
    model_of,
    num_training,
)
from keras_vit.studies.planning.probe_cost import feature_times, made_first
from keras_vit.studies.planning.probing import probe_models
from keras_vit.training.recipes.cost import estimate_cost

# Bytes on the disk: of a run, times those of its weights (the model, and two states of
# weights and averages, of which one more is being written), and of the files that stay.
_WHILE_RUNNING = 10
_STAYS = 300_000


@dataclasses.dataclass(frozen=True)
class CellCost:
    """What a cell costs. `None`: it is not known here.

    Attributes:
        name, arm: Those of the cell.
        updates, images: Integers.
        flops: Float, operations of its training, evaluation apart.
        parameters: Integer.
        memory: Integer, bytes.
        seconds, cpu_seconds: Floats: an estimate.
        room: Integer, bytes on the disk while it runs.
    """

    name: str
    arm: str
    updates: int | None = None
    images: int | None = None
    flops: float | None = None
    parameters: int | None = None
    memory: int | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    # Bytes of a file of features that it makes and others share.
    features: int = 0

    @property
    def room(self):
        if self.updates == 0:
            return self.features + _STAYS
        return _WHILE_RUNNING * 4 * (self.parameters or 0) + _STAYS


@dataclasses.dataclass(frozen=True)
class StudyCost:
    """What a study costs; prints as text.

    Attributes:
        cells: Tuple of `CellCost`, in the order of the cells.
        workers: Integer, processes that share the work.
        hardware: Text, where the times are of, or `None` for this machine.
        devices: Integer, devices that work on one cell.
        notes: Tuple of texts: what is not known, or must be fetched first.
    """

    cells: tuple[CellCost, ...]
    workers: int = 1
    hardware: str | None = None
    devices: int = 1
    notes: tuple[str, ...] = ()

    @property
    def flops(self):
        """Operations of all cells whose operations are known."""
        return sum(cell.flops or 0 for cell in self.cells)

    @property
    def seconds(self):
        """Seconds from the first cell's begin to the last one's end, or `None`."""
        seconds = [cell.seconds for cell in self.cells]
        return None if None in seconds else makespan(seconds, self.workers)

    @property
    def cpu_seconds(self):
        """Processor seconds of all cells, or `None`."""
        seconds = [cell.cpu_seconds for cell in self.cells]
        return None if None in seconds else sum(seconds)

    @property
    def memory(self):
        """Bytes of the largest cell, beside the program, or `None`."""
        return max((cell.memory for cell in self.cells if cell.memory), default=None)

    @property
    def disk(self):
        """Bytes on the disk while it runs, models that are kept apart."""
        largest = max((cell.room for cell in self.cells), default=0)
        features = sum(cell.features for cell in self.cells)
        return _STAYS * len(self.cells) + features + self.workers * largest

    def of(self, name):
        """The `CellCost` of a cell."""
        return next(cell for cell in self.cells if cell.name == name)

    def to_json(self):
        """The sums and the cells, as a dictionary that JSON can hold."""
        sums = ("flops", "seconds", "cpu_seconds", "memory", "disk")
        cells = [dataclasses.asdict(cell) for cell in self.cells]
        own = {"workers": self.workers, "hardware": self.hardware, "cells": cells}
        return {**{name: getattr(self, name) for name in sums}, **own}

    def table(self):
        """The text of every cell, and of the whole."""
        rows = [("cell", "updates", "operations", "memory", "time")]
        for cell in self.cells:
            rows.append(
                (
                    cell.name,
                    _shown(cell.updates, "{:,}".format),
                    _shown(cell.flops, "{:.3g}".format),
                    _shown(cell.memory, as_memory),
                    _shown(cell.seconds, as_duration),
                )
            )
        return f"{aligned(rows, 1)}\n\n{self}"

    def __str__(self):
        rows = [("arm", "cells", "updates", "operations", "time")]
        for arm in dict.fromkeys(cell.arm for cell in self.cells):
            cells = [cell for cell in self.cells if cell.arm == arm]
            flops = [cell.flops for cell in cells]
            seconds = [cell.seconds for cell in cells]
            updates = sum(cell.updates or 0 for cell in cells)
            rows.append(
                (
                    arm,
                    str(len(cells)),
                    f"{updates:,}",
                    "not known" if None in flops else f"{sum(flops):.3g}",
                    "not known" if None in seconds else as_duration(sum(seconds)),
                )
            )
        return "\n".join([aligned(rows, 1), *self._sums(), *self.notes])

    def _sums(self):
        yield (
            f"{len(self.cells)} cells, {self.flops:.3g} floating-point operations of "
            "training"
        )
        where = self.hardware or "this machine"
        if self.workers > 1:
            where += f", {self.workers} cells at a time"
        if self.seconds is not None:
            yield f"about {as_duration(self.seconds)} on {where}"
            if self.hardware:
                days = self.seconds * self.devices / 86_400
                yield f"{days:.3g} device-days"
        if self.cpu_seconds is not None:
            yield f"about {self.cpu_seconds:,.0f} processor-seconds"
        memory = "" if self.memory is None else f"; memory {as_memory(self.memory)}"
        yield f"disk {as_file_size(self.disk)}{memory} for the largest cell"


def study_cost(
    study,
    *,
    cells=None,
    hardware=None,
    devices=1,
    workers=1,
    probe=True,
    pool=None,
    folder=None,
):
    """What a study costs.

    Operations are counted in closed form. Times on this machine are measured: of each
    model some updates are trained on the real images, which takes about half a minute
    a model. Times elsewhere are operations over what a chip reaches.

    Args:
        study: A `Study`.
        cells: List of its `Cell`s, or `None` for all.
        hardware: As for `Recipe.cost`: a chip by name, or its TFLOP/s.
        devices: Integer, how many of them work on one cell.
        workers: Integer, cells that are run at a time.
        probe: Boolean, whether to measure; without, there are no times for here.
        pool: A `concurrent.futures.Executor` for the probes, or `None`.
        folder: The `StudyFolder`, whose files of features cost nothing more, or `None`.

    Returns:
        A `StudyCost`.

    Raises:
        ValueError: if the hardware is not known, or a folder of images is missing.
    """
    cells = study.cells() if cells is None else cells
    check_places(cells)
    measured, notes, costs, where = {}, [], [], None
    times, first = {}, made_first(cells, folder)
    if probe and hardware is None:
        measured, notes = probe_models([c for c in cells if c.trains], pool)
        times = feature_times(cells, pool)
    for cell in cells:
        cost, note, name = _cell_cost(cell, hardware, devices, measured)
        if not cell.trains and note is None:
            cost = _without_training(cell, cost, cell.name in first, times)
        costs.append(cost)
        notes += [note] if note else []
        where = name or where
    notes = tuple(dict.fromkeys(notes))
    return StudyCost(tuple(costs), workers, where, devices, notes)


def _shown(value, text):
    return "–" if value is None else text(value)


def makespan(seconds, workers):
    """When the last of some jobs ends that workers take in their order."""
    free = [0.0] * workers
    for job in seconds:
        heapq.heapreplace(free, free[0] + job)
    return max(free)


def _cell_cost(cell, hardware, devices, measured):
    """`(CellCost, a note or None, name of the hardware or None)`."""
    own, recipe, model = CellCost(cell.name, cell.arm), cell.recipe, None
    options = {"hardware": hardware, "devices": devices}
    whole = at_whole_data(recipe)
    try:
        facts = facts_of(recipe)
        number = num_training(recipe, facts.num_training, facts.num_classes)
        model = model_cost(model_of(recipe), facts)
        options["gflops"] = model.gflops
    except (ValueError, OSError) as error:
        # Without the data: what the tables of the package know.
        number, reason = num_training_images(whole.data), error
        number = number and num_training(recipe, number)
    try:
        cost = estimate_cost(whole, number, **options)
    except ValueError as error:
        if "`hardware`" in str(error):
            raise
        reason = reason if model is None else error
        return own, f"not known of {cell.arm}: {reason}", None
    seconds = cpu_seconds = None
    if hardware is not None:
        seconds = 3600 * cost.hours
    elif probe := measured.get(model_of(recipe)):
        every = recipe.evaluate_every or max(1, number // recipe.batch_size)
        seconds, cpu_seconds = probe.of(cost.steps, -(-cost.steps // every))
    own = dataclasses.replace(
        own,
        updates=cost.steps,
        images=cost.images,
        flops=cost.flops,
        parameters=model and model.parameters,
        memory=model.memory if model and hardware is None else None,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
    )
    return own, None, cost.hardware


def _without_training(cell, cost, makes_features, times):
    """The cost of a cell that trains nothing, from that of a training of its model."""
    recipe = cell.recipe
    facts, model = facts_of(recipe), model_cost(model_of(recipe), facts_of(recipe))
    number = num_training(recipe, facts.num_training, facts.num_classes)
    images = makes_features * (facts.num_training + facts.num_validation)
    flops, found = 1e9 * model.gflops * images, times.get(model_of(recipe))
    seconds = cpu_seconds = None
    if found:
        seconds, cpu_seconds = found.of(cell, images, number)
    elif cost.seconds is not None:
        seconds = cost.seconds * flops / cost.flops
    return dataclasses.replace(
        cost,
        **{"updates": 0, "images": images, "flops": flops, "memory": None},
        **{"seconds": seconds, "cpu_seconds": cpu_seconds},
        features=found.bytes_of(images) if found else 0,
    )
