"""`run_study`: runs the cells of a study in their order, within a budget."""

import dataclasses
import logging
import time

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.common.wording import as_duration
from keras_vit.studies.folder import DONE, FAILED, FINAL, StudyFolder
from keras_vit.studies.planning.cost import makespan, study_cost
from keras_vit.studies.planning.data import check_places
from keras_vit.studies.running.cells import ATTEMPTS, facts_of_cell
from keras_vit.studies.running.engines import DEATHS, engine_of
from keras_vit.studies.running.facts import as_reached
from keras_vit.studies.running.prices import CPU, DEVICE, WALL, Budget, Prices
from keras_vit.studies.running.ray_engine import ray_cells
from keras_vit.studies.running.watch import Watch
from keras_vit.studies.running.weights import fetch_weights

logger = logging.getLogger(__name__)

# Where cells run: in processes of this machine, or on a Ray cluster.
ENGINES = ("processes", "ray")

# What becomes of the weights of finished cells; above so many cells, all go.
KEEP = ("none", "best", "all")
_MANY = 10

# Failed cells, one after the other, that end a study: another one would fail too.
IN_A_ROW = 3


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a study ended; prints as text.

    Attributes:
        folder: Its `StudyFolder`.
        results: List of the results of all cells that have ended, dictionaries.
        not_run: List of `(name, seconds or None)` of the cells that were not run.
        reason: Why cells were not run: `"budget"`, `"failures"`, or `""`.
        seconds: Float, how long this took.
    """

    folder: StudyFolder
    results: list
    not_run: list
    reason: str
    seconds: float

    @property
    def failed(self):
        """The results of the cells that failed or were too large."""
        return [one for one in self.results if one["status"] not in FINAL]

    def __str__(self):
        number = len(self.results) + len(self.not_run)
        ended = len(self.results) - len(self.failed)
        why = {"budget": "stopped by the budget: ", "failures": "stopped: "}
        lines = [f"{why.get(self.reason, '')}{ended} of {number} cells"]
        for one in self.failed:
            last = one["message"].strip().splitlines()[-1]
            lines.append(f"{one['name']}: {one['status']}: {last}")
        if self.not_run:
            lines.append("not run:")
        for name, seconds in self.not_run:
            price = "" if seconds is None else f", about {as_duration(seconds)}"
            lines.append(f"  {name}{price}")
        return "\n".join(lines)


def run_study(
    study,
    folder,
    *,
    workers=1,
    engine=ENGINES[0],
    address=None,
    budget=None,
    cpu_budget=None,
    device_budget=None,
    mixed=False,
    devices="auto",
    keep=None,
    announce=None,
    save_minutes=1.0,
):
    """Runs the cells of a study that have no result yet.

    A study that was stopped or killed goes on with the same call, inside the cells it
    was at; on a CPU its results are then equal, bit for bit, to those of a study that
    was never stopped. More levels or seeds may be asked for later.

    Args:
        study: A `Study`.
        folder: Path, new, empty, or of the same study.
        workers: Integer, processes that each run a cell, with one thread each if there
            are several. The results are those of one.
        engine: `"processes"`, or `"ray"` for a Ray cluster, all of whose machines see
            the folder: `workers` then says nothing, and `devices` what a cell asks of
            the cluster.
        address: String, `"HOST:PORT"` of the cluster. Defaults to the one that this
            machine belongs to.
        budget: Seconds, or text such as `"30m"` or `"2h"`: no cell is begun that is not
            expected to end within them.
        cpu_budget: The same of processor seconds, of all cells that this call runs.
        device_budget: The same of device seconds: of all devices that work on a cell.
        mixed: Boolean, whether to go on with a cell that was begun on a machine of
            another kind or with other versions: it is marked, its times are left out,
            and nothing is called of it. Otherwise such a cell fails, and says so.
        devices: As for `keras_vit.training.train`, of each worker.
        keep: `"none"`, `"best"` (of each arm) or `"all"`: whose weights stay when a
            cell has been evaluated. Defaults to `"all"` up to ten cells, above it to
            `"none"`. The answers to the test images always stay, and the weights of
            pretrainings.
        announce: Function that is called with the `StudyCost` of what is left before
            the first cell; without it and a budget nothing is timed first.
        save_minutes: Float, minutes between two saves of a cell.

    Returns:
        An `Outcome`, which prints as text.

    Raises:
        ValueError: if another study is in the folder, the data have changed, or
            weights that cells begin with cannot be had: before any cell is begun.
        OSError: if the disk is full; the finished cells are whole.
        KeyboardInterrupt: after Ctrl-C, with the state of all cells saved.

    Example:

    >>> print(run_study(study, "studies/mine", workers=2, budget="30m"))
    stopped by the budget: 18 of 24 cells
    """
    check_positive(workers=workers)
    budget = Budget({WALL: budget, CPU: cpu_budget, DEVICE: device_budget})
    folder = StudyFolder(folder)
    cells = folder.joined(study).cells()  # raises before anything is written
    keep = usual_keep(cells) if keep is None else keep
    check_choice(keep, KEEP, "keep")
    check_choice(engine, ENGINES, "engine")
    on_ray = engine == "ray"
    where = ray_cells(address, devices) if on_ray else engine_of(workers)
    with folder.locked(), where as running, Watch(folder) as watch:
        study = folder.joined(study)
        cells = study.cells()
        job = _Job(folder, cells, keep, running.slots, watch)
        check_places(job.left(), begun=folder.record.exists())
        fetch_weights(job.left(), folder)
        folder.begin(study)  # from now on its data and weights are these
        if job.left() and (announce is not None or budget.limits):
            job.estimate(study, running.pool)
            if announce is not None:
                announce(job.cost)
        options = {"devices": devices, "save_minutes": save_minutes, "mixed": mixed}
        reason = job.run(running, budget, options)
        outcome = job.outcome(reason)
        # Cells may have been added meanwhile, by `begin_cells`.
        folder.write(folder.read_study(), **job.facts(outcome))
    return outcome


def usual_keep(cells):
    """Whose weights stay where nobody has said so."""
    return "all" if len(cells) <= _MANY else "none"


class _Job:
    """The cells of a study that are left, and what is known of their price."""

    def __init__(self, folder, cells, keep, workers, watch):
        self.folder, self.cells, self.keep = folder, cells, keep
        self.workers, self.watch, self.started = workers, watch, time.monotonic()
        self.cost, self.prices, self.ended = None, Prices(), 0
        self.died = {}  # cell to how often its process has died

    def estimate(self, study, pool):
        """Times the models of the cells that are left."""
        options = {"workers": self.workers, "pool": pool, "folder": self.folder}
        self.cost = study_cost(study, cells=self.left(), **options)
        self.prices = Prices(self.cost.cells)

    def outcome(self, reason):
        """How it ended."""
        found = {cell.name: self.folder.read_result(cell.name) for cell in self.cells}
        results = [result for result in found.values() if result]
        not_run = [cell for cell in self.cells if found[cell.name] is None]
        not_run = [(cell.name, self.price(cell)) for cell in not_run]
        passed = time.monotonic() - self.started
        return Outcome(self.folder, results, not_run, reason, passed)

    def facts(self, outcome):
        """What study.json says of how it ended, and of every session."""
        session = {
            "workers": self.workers,
            "cells": self.ended,
            "seconds": round(outcome.seconds, 1),
            "estimate": self.cost and self.cost.seconds,
            "cpu_estimate": self.cost and self.cost.cpu_seconds,
        }
        sessions = [*self.folder.read().get("sessions", []), session]
        not_run, reason = outcome.not_run, outcome.reason
        return {"not_run": not_run, "reason": reason, "sessions": sessions}

    def left(self):
        """The cells without a result, in their order."""
        return [cell for cell in self.cells if not self.folder.is_final(cell.name)]

    def price(self, cell):
        """Seconds that a cell is expected to take, or `None`."""
        return self.prices.of(cell)[WALL]

    def run(self, engine, budget, options):
        """Runs what is left; returns why cells were left over, or `""`."""
        queue, running, in_a_row, reason = self.left(), {}, 0, ""
        try:
            while queue or running:
                while cell := self._next(engine, queue, running):
                    others = [self.prices.of(other) for other, _ in running.values()]
                    if not budget.fits(self.prices.of(cell), others):
                        reason, queue = "budget", []
                        break
                    queue.remove(cell)
                    more = {"room": self.prices.room(cell)}
                    begun = time.monotonic()
                    self.watch.begin(cell.name)
                    future = engine.submit(cell, self.folder, {**options, **more})
                    running[future] = cell, begun
                for future in engine.wait(running):
                    cell, begun = running.pop(future)
                    self.watch.end(cell.name)
                    result = self._result(future, cell, engine, queue)
                    passed = time.monotonic() - begun
                    budget.spend(self.prices.spent(cell, result, passed))
                    if result is None:  # to be tried again
                        continue
                    self._note(cell, result, passed)
                    if "because_of" not in result:
                        in_a_row = 0 if result["status"] in FINAL else in_a_row + 1
                    if in_a_row >= IN_A_ROW:
                        reason, queue = "failures", []
        except BaseException:
            engine.stop()
            raise
        return reason

    def _next(self, engine, queue, running):
        """The first cell that can begin now, or `None`.

        Those that begin with another one's weights wait for it. One whose process has
        died runs alone.
        """
        begun = [cell for cell, _ in running.values()]
        waited_for = {cell.name for cell in (*queue, *begun)}
        ready = (cell for cell in queue if cell.needs not in waited_for)
        cell = next(ready, None)
        suspects = [one.name for one in (cell, *begun) if one and one.name in self.died]
        slots = 1 if suspects else engine.slots
        return cell if len(running) < slots else None

    def _result(self, future, cell, engine, queue):
        """The result of a cell; `None` where its process has died for the first time.

        Which process of a pool has died is not known: all cells that were running are
        tried again, each alone.
        """
        try:
            return future.result()
        except DEATHS:
            engine.renew(future)
        count = self.died[cell.name] = self.died.get(cell.name, 0) + 1
        if count < ATTEMPTS:
            logger.warning("The process of %s has died: it is tried again.", cell.name)
            queue.insert(0, cell)
            return None
        message = "Its process has died twice, perhaps of too little memory."
        result = {**facts_of_cell(cell), "status": FAILED, "message": message}
        self.folder.write_result(cell.name, result)
        return result

    def _note(self, cell, result, seconds):
        """Learns from a result, says so, and deletes weights that are not kept."""
        said = result["status"]
        self.ended += 1
        if result["status"] == DONE:
            said = as_reached(result)
            self.prices.learn(cell, result, seconds)
        left = [self.price(other) for other in self.left()]
        rest = ""
        if left and None not in left:
            rest = f"; about {as_duration(makespan(left, self.workers))} left"
        logger.info(
            "%d of %d cells: %s: %s after %s%s.",
            *(len(self.cells) - len(left), len(self.cells), cell.name, said),
            *(as_duration(seconds), rest),
        )
        if result["status"] in FINAL:
            self._drop(cell)

    def _drop(self, cell):
        if self.keep == "all" or cell.is_pretraining:  # others begin with its weights
            return
        names = [other.name for other in self.cells if other.arm == cell.arm]
        found = [one for name in names if (one := self.folder.read_result(name))]
        done = [one for one in found if one["status"] == DONE]
        best = max(done, key=lambda one: one["outcome"])["name"] if done else None
        for one in found:
            if one["status"] in FINAL and (self.keep, one["name"]) != ("best", best):
                self.folder.drop_model(one["name"])
