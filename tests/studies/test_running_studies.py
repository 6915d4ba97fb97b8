"""The order of the cells, budgets and failures, with cells that train nothing."""

import dataclasses
import errno
import os

import pytest

from keras_vit.studies import Axis, Study, StudyFolder, run_study
from keras_vit.studies.folder import FAILED
from keras_vit.studies.planning.cost import CellCost, StudyCost, makespan
from keras_vit.studies.running import cells, engines, job
from keras_vit.studies.running.prices import Budget, as_seconds

STUDY = Study(
    name="pretended",
    question="?",
    base={"epochs": 1},
    arms={"A": {}, "B": {"batch_size": 8}},
    axis=Axis("rate", "", {"low": (1, {}), "high": (2, {"learning_rate": 0.1})}),
    seeds=(0, 1),
)


class Pretended:
    """Stands in for `run_cell`: notes the cells, and ends as it was told to."""

    def __init__(self):
        self.begun, self.ends = [], {}

    def __call__(self, cell, folder, **options):
        found = folder.read_result(cell.name)
        assert found is None or found["status"] not in ("done", "diverged")
        self.begun.append(cell.name)
        end = self.ends.get(cell.name, {})
        if isinstance(end, BaseException):
            raise end
        folder.run(cell.name).path.mkdir(parents=True, exist_ok=True)
        folder.run(cell.name).model.write_text("weights")
        accuracy = {"outcome": float(len(self.begun)), "updates": 10}
        result = {**cells.facts_of_cell(cell), "status": "done", **accuracy, **end}
        folder.write_result(cell.name, result)
        return result


@pytest.fixture
def pretended(monkeypatch):
    made = Pretended()
    monkeypatch.setattr(engines, "run_cell", made)
    return made


def names(study):
    return [cell.name for cell in study.cells()]


def test_cells_are_run_in_order_and_never_twice(pretended, tmp_path):
    outcome = run_study(STUDY, tmp_path / "s")
    assert pretended.begun == names(STUDY) and len(outcome.results) == 8
    assert str(outcome) == "8 of 8 cells"
    run_study(STUDY, tmp_path / "s")
    assert len(pretended.begun) == 8


def test_seeds_and_levels_can_be_added_later(pretended, tmp_path):
    run_study(STUDY.changed(levels=["low"], seeds=1), tmp_path / "s")
    assert pretended.begun == ["a/rate_low/seed_0", "b/rate_low/seed_0"]
    run_study(STUDY.changed(levels=["high"], seeds=[1]), tmp_path / "s")
    assert set(pretended.begun) == set(names(STUDY)) and len(pretended.begun) == 8
    assert StudyFolder(tmp_path / "s").read_study().levels == ("low", "high")


def test_another_study_in_the_folder_is_refused_with_what_differs(pretended, tmp_path):
    run_study(STUDY.changed(levels=["low"], seeds=1), tmp_path / "s")
    before = sorted(tmp_path.rglob("*.json"))
    for fields, said in (
        ({"batch_size": 4}, "base.batch_size: None in the folder, 4 now"),
        ({"b.batch_size": 4}, "arms.B.batch_size: 8 in the folder, 4 now"),
    ):
        with pytest.raises(ValueError, match=said):
            run_study(STUDY.changed(fields=fields), tmp_path / "s")
    other = {"low": (1, {"learning_rate": 0.5})}
    other = dataclasses.replace(STUDY, axis=Axis("rate", "", other))
    with pytest.raises(ValueError, match="level 'low'"):
        run_study(other, tmp_path / "s")
    assert sorted(tmp_path.rglob("*.json")) == before and len(pretended.begun) == 2


def test_a_folder_of_something_else_is_left_alone(pretended, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(ValueError, match="not empty and holds no study"):
        run_study(STUDY, tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        run_study(STUDY, tmp_path)
    assert not pretended.begun and not (tmp_path / ".lock").exists()


def test_a_failed_cell_is_told_and_tried_again_by_the_next_command(pretended, tmp_path):
    bad = names(STUDY)[2]
    pretended.ends[bad] = {"status": FAILED, "message": "line\nlast line"}
    outcome = run_study(STUDY, tmp_path / "s")
    assert [one["name"] for one in outcome.failed] == [bad]
    assert f"7 of 8 cells\n{bad}: failed: last line" in str(outcome)
    pretended.ends.clear()
    assert not run_study(STUDY, tmp_path / "s").failed
    assert pretended.begun == [*names(STUDY), bad]


def test_a_diverged_cell_is_a_result(pretended, tmp_path):
    pretended.ends[names(STUDY)[0]] = {"status": "diverged", "message": "NaN"}
    outcome = run_study(STUDY, tmp_path / "s")
    assert not outcome.failed and len(outcome.results) == 8
    run_study(STUDY, tmp_path / "s")
    assert len(pretended.begun) == 8


def test_three_failures_in_a_row_end_a_study(pretended, tmp_path):
    for name in names(STUDY)[1:4]:
        pretended.ends[name] = {"status": FAILED, "message": "No such file."}
    outcome = run_study(STUDY, tmp_path / "s")
    assert pretended.begun == names(STUDY)[:4] and outcome.reason == "failures"
    assert [name for name, _ in outcome.not_run] == names(STUDY)[4:]


def test_a_full_disk_ends_the_study_and_loses_no_finished_cell(pretended, tmp_path):
    name = names(STUDY)[2]
    pretended.ends[name] = OSError(errno.ENOSPC, "Make room", str(tmp_path))
    with pytest.raises(OSError, match="Make room"):
        run_study(STUDY, tmp_path / "s")
    assert len(StudyFolder(tmp_path / "s").read_results()) == 2
    pretended.ends.clear()
    assert len(run_study(STUDY, tmp_path / "s").results) == 8
    assert pretended.begun == [*names(STUDY)[:3], *names(STUDY)[2:]]


def test_an_interrupted_study_goes_on(pretended, tmp_path):
    pretended.ends[names(STUDY)[5]] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_study(STUDY, tmp_path / "s")
    pretended.ends.clear()
    assert len(run_study(STUDY, tmp_path / "s").results) == 8


def test_no_cell_is_begun_that_would_end_beyond_the_budget(
    pretended, tmp_path, monkeypatch
):
    prices = [1, 5000, 1, 1, 1, 1, 1, 1]
    costs = [CellCost(n, n[0], seconds=s) for n, s in zip(names(STUDY), prices)]
    monkeypatch.setattr(job, "study_cost", lambda *a, **o: StudyCost(tuple(costs)))
    outcome = run_study(STUDY, tmp_path / "s", budget="30m")
    assert pretended.begun == names(STUDY)[:1] and outcome.reason == "budget"
    assert str(outcome).startswith("stopped by the budget: 1 of 8 cells\nnot run:\n")
    record = StudyFolder(tmp_path / "s").read()
    assert [name for name, _ in record["not_run"]] == names(STUDY)[1:]
    assert record["reason"] == "budget"
    assert run_study(STUDY, tmp_path / "s").reason == ""


def test_processor_seconds_and_device_hours_are_budgets_too(
    pretended, tmp_path, monkeypatch
):
    costs = [CellCost(n, n[0], seconds=60, cpu_seconds=100) for n in names(STUDY)]
    monkeypatch.setattr(job, "study_cost", lambda *a, **o: StudyCost(tuple(costs)))
    took = {"cpu_seconds": 100.0, "seconds": 60.0}
    spent = {**took, "devices": 4, "spent": took}
    pretended.ends = dict.fromkeys(names(STUDY), spent)
    outcome = run_study(STUDY, tmp_path / "s", cpu_budget=350)
    assert len(outcome.results) == 3 and outcome.reason == "budget"
    # Four devices a minute each: known when one of the arm is done.
    outcome = run_study(STUDY, tmp_path / "t", device_budget="10m")
    assert len(outcome.results) == 2 and outcome.reason == "budget"
    with pytest.raises(ValueError, match="`cpu_budget` must be seconds"):
        run_study(STUDY, tmp_path / "u", cpu_budget="soon")


@pytest.mark.parametrize("status", ["done", "diverged", "failed", "too large"])
def test_whatever_a_cell_ends_with_this_command_pays_what_it_took_now(
    pretended, tmp_path, monkeypatch, status
):
    monkeypatch.setattr(job, "study_cost", lambda *a, **o: StudyCost(()))
    monkeypatch.setattr(job, "IN_A_ROW", 9)
    # As of cells that went on: earlier commands took the rest of 900 seconds.
    end = {"status": status, "message": "?", "cpu_seconds": 900.0, "seconds": 900.0}
    end["spent"] = {"cpu_seconds": 100.0, "seconds": 50.0}
    pretended.ends = dict.fromkeys(names(STUDY)[:2], end)
    prices = job.Prices()
    cell = STUDY.cells()[0]
    assert prices.spent(cell, end, 51.0) == {"cpu_budget": 100.0, "device_budget": 50.0}
    assert prices.spent(cell, None, 7.0) == {"cpu_budget": 7.0, "device_budget": 7.0}
    kept = []
    monkeypatch.setattr(Budget, "spend", lambda self, spent: kept.append(spent))
    run_study(STUDY.changed(levels=["low"], seeds=1), tmp_path / "s", cpu_budget=950)
    assert kept == [{"cpu_budget": 100.0, "device_budget": 50.0}] * 2


def test_a_cell_that_runs_counts_against_the_budget():
    budget = Budget({"cpu_budget": "250s", "budget": None})
    price = {"budget": 1e9, "cpu_budget": 100, "device_budget": None}
    assert budget.fits(price, [price]) and not budget.fits(price, [price, price])
    budget.spend({"cpu_budget": 100, "device_budget": None})
    assert not budget.fits(price, [price])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (90, 90),
        ("90s", 90),
        ("1.5 h", 5400),
        ("30min", 1800),
        ("2d", 172800),
    ],
)
def test_a_budget_is_a_time(text, seconds):
    assert as_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0", "1.2.3", "m"])
def test_a_budget_that_is_no_time_is_refused(text, tmp_path):
    with pytest.raises(ValueError, match="budget"):
        run_study(STUDY, tmp_path / "s", budget=text)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("keep", "kept"), [("none", 0), ("best", 2), ("all", 8), (None, 8)]
)
def test_the_weights_that_are_asked_for_stay(pretended, tmp_path, keep, kept):
    run_study(STUDY, tmp_path / "s", keep=keep)
    found = list(tmp_path.rglob("model.keras"))
    assert len(found) == kept
    if keep == "best":  # the later, the better
        assert {path.parts[-5] for path in found} == {"a", "b"}
        assert {path.parts[-3] for path in found} == {"seed_1"}


def test_a_damaged_result_is_named(pretended, tmp_path):
    run_study(STUDY, tmp_path / "s")
    folder = StudyFolder(tmp_path / "s")
    (folder.cell(names(STUDY)[0]) / "result.json").write_text("[]")
    with pytest.raises(ValueError, match=r"result\.json is damaged"):
        folder.read_results()


def test_two_commands_never_run_one_study(pretended, tmp_path):
    folder = StudyFolder(tmp_path / "s")
    folder.begin(STUDY)
    before = folder.record.read_bytes()
    with folder.locked(), pytest.raises(ValueError, match="Another process"):
        run_study(STUDY.changed(seeds=5), folder.path)
    assert folder.record.read_bytes() == before and not pretended.begun


def test_a_folder_that_is_being_begun_is_left_to_who_begins_it(pretended, tmp_path):
    folder = StudyFolder(tmp_path / "s")
    with folder.locked(), pytest.raises(ValueError, match="Another process"):
        run_study(STUDY, folder.path)
    assert not folder.record.exists()
    assert len(run_study(STUDY, folder.path).results) == 8


def test_workers_take_the_jobs_in_their_order():
    assert makespan([3, 3, 2, 2], 2) == 5
    assert makespan([1, 1, 4], 2) == 5
    assert makespan([1, 2, 3], 1) == 6
    assert makespan([], 2) == 0


def test_each_of_several_workers_has_one_thread():
    names = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    with engines.engine_of(2) as engine:
        found = [engine.pool.submit(os.getenv, name).result() for name in names]
    assert found == ["1"] * 3
