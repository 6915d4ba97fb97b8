"""A run for a number of minutes: how long it becomes, by a clock of the test."""

import dataclasses
import itertools

import keras
import pytest
from test_guests import StopAt, record_of
from tiny_runs import assert_same_bits, finished

from keras_vit.training import Interrupted, train
from keras_vit.training.run import budget
from keras_vit.training.run.budget import Pace, updates_in


@pytest.mark.parametrize("seconds", [-3.0, 0.0, 0.9, 1.0, 7.9, 8.0, 50.0, 55.5])
@pytest.mark.parametrize("steps_per_test", [1, 4, 30])
def test_no_more_updates_would_fit_and_these_do(seconds, steps_per_test):
    pace = Pace(compiling=100.0, update=0.5, test=3.0)

    def takes(updates):
        tests = -(-updates // steps_per_test)
        return updates * pace.update + tests * pace.test

    found = updates_in(seconds, pace, steps_per_test)
    fitting = [n for n in range(200) if takes(n) <= max(0.0, seconds)]
    assert found == max(fitting)


@pytest.fixture
def slow_clock(monkeypatch):
    """Every look at the clock takes a second, and so does an update of the trial."""
    seconds = itertools.count()
    monkeypatch.setattr(budget, "clock", lambda: float(next(seconds)))


@pytest.fixture(scope="module")
def cooling(tiny):
    """400 updates, of which 200 warm up and 100 cool down."""
    parts = {"warmup_steps": 200, "cooldown_steps": 100}
    return dataclasses.replace(tiny, epochs=100, max_minutes=1.0, **parts)


def test_a_run_becomes_as_long_as_its_time_and_is_that_run(
    cooling, slow_clock, tmp_path
):
    run = finished(cooling, tmp_path / "run")
    record = record_of(run.result)
    facts = record["laid_out"]
    total = facts["total_steps"]
    assert record["resolved"]["total_steps"] == total
    assert facts["seconds_per_update"] == 1.0
    # A trial of a tenth of the minute, then a test of 3 batches, then two writings.
    assert 4 <= total < 60 and facts["seconds_before"] >= 6
    in_all = facts["seconds_before"] + facts["seconds_planned"]
    assert 60 * 0.8 < in_all <= 60
    assert (facts["warmup_steps"], facts["cooldown_steps"]) == (
        *(total // 2, total // 4),
    )
    assert record["recipe"]["epochs"] == 100 and record["recipe"]["max_minutes"] == 1
    assert run.result.history[-1]["learning_rate"] == 0.0  # the cool-down's end
    length = {"epochs": None, "max_minutes": None, "total_steps": total}
    parts = {name: facts[name] for name in ("warmup_steps", "cooldown_steps")}
    same = dataclasses.replace(cooling, **length, **parts)
    other = finished(same, tmp_path / "same")
    assert_same_bits(run.variables, other.variables)
    assert run.history_text == other.history_text


@pytest.mark.slow
def test_a_resumed_run_keeps_its_length_and_counts_the_minutes(
    tiny, slow_clock, tmp_path, caplog
):
    recipe = dataclasses.replace(tiny, epochs=100, max_minutes=0.8)
    run = {"run": tmp_path / "run"}
    with pytest.raises(Interrupted):
        train(recipe, **run, callbacks=[StopAt(2)])
    with caplog.at_level("INFO"):
        result = train(recipe, **run, resume=True)
    record = record_of(result)
    total = record["laid_out"]["total_steps"]
    assert "Of 0.8 minutes" in caplog.text
    assert f"the last {total - 2} updates" in caplog.text
    assert record["resolved"]["total_steps"] == total < 400
    assert "Laid out" not in caplog.text
    metadata = keras.saving.load_model(result.folder.model, compile=False).metadata
    assert metadata["recipe"]["total_steps"] == total


@pytest.mark.slow
def test_a_run_that_fits_stays_as_long_as_it_is(tiny, slow_clock, tmp_path):
    recipe = dataclasses.replace(tiny, max_minutes=60)
    result = train(recipe, tmp_path / "run")
    assert record_of(result)["laid_out"]["total_steps"] == 8


def test_too_few_minutes_are_refused_with_the_least(tiny, slow_clock, tmp_path):
    recipe = dataclasses.replace(tiny, max_minutes=0.1)
    with pytest.raises(ValueError, match=r"needs at least 0\.\d"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
