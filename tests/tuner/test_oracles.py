"""Oracles: no trial is lost, none is counted twice, wherever the process dies."""

import json
import types

import keras_tuner
import pytest
from keras_tuner.engine.trial import TrialStatus

from keras_vit.tuner import Between, SearchFolder
from keras_vit.tuner.oracles import (
    FAILURES,
    BayesianOracle,
    HyperbandOracle,
    RandomOracle,
)
from keras_vit.tuner.search_folder import run_of_trial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")

SPACE = {"learning_rate": Between(1e-4, 1e-2), "num_layers": Between(1, 9)}
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")


class Hypermodel:
    """Refuses deep models, and counts how often it is asked."""

    def __init__(self, most=9):
        self.space, self.most, self.asked = SPACE, most, 0

    def refusal(self, values):
        self.asked += 1
        return "too deep" if values["num_layers"] > self.most else None


def make(folder, kind=RandomOracle, most=9, **options):
    if kind is not HyperbandOracle:
        options.setdefault("max_trials", 6)
    search = SearchFolder(folder / "search")
    search.path.mkdir(parents=True, exist_ok=True)
    oracle = kind(Hypermodel(most), search, objective=OBJECTIVE, seed=1, **options)
    hp = oracle.get_space()
    for (name, values), default in zip(SPACE.items(), (1e-3, 3)):
        values.declare(hp, name, default)
    oracle.update_space(hp)
    return oracle


def again(folder, **options):
    """The oracle of a new process."""
    oracle = make(folder, **options)
    oracle.reload()
    return oracle


def score_of(values):
    return 1 - abs(values["num_layers"] - 4) / 10


def finish(oracle, trial, status=TrialStatus.COMPLETED):
    score = score_of(trial.hyperparameters.values)
    if status == TrialStatus.COMPLETED:
        oracle.update_trial(trial.trial_id, {"val_accuracy": score})
    trial.status = status
    oracle.end_trial(trial)


def run_all(oracle, tuner_id="tuner0"):
    trials = []
    while True:
        trial = oracle.create_trial(tuner_id)
        if trial.status != TrialStatus.RUNNING:
            return trials
        trials.append(trial)
        finish(oracle, trial)


def values_of(trials):
    return [t.hyperparameters.values for t in trials]


@pytest.fixture
def undisturbed(tmp_path):
    return run_all(make(tmp_path / "undisturbed"))


def test_the_first_trial_is_the_recipe_itself(undisturbed):
    assert values_of(undisturbed)[0] == {"learning_rate": 1e-3, "num_layers": 3}
    assert len(undisturbed) == 6
    assert len({str(values) for values in values_of(undisturbed)}) == 6


def test_draws_over_the_budget_are_drawn_again_and_counted(tmp_path):
    oracle = make(tmp_path, most=2)
    trials = run_all(oracle)
    assert len(trials) == 6
    assert all(values["num_layers"] <= 2 for values in values_of(trials))
    assert oracle.rejected == oracle.hypermodel.asked - 6 > 0
    assert oracle.last_refusal == "too deep"
    assert again(tmp_path, most=2).rejected == oracle.rejected


def test_a_budget_for_nothing_ends_the_search(tmp_path):
    oracle = make(tmp_path, most=0)
    assert run_all(oracle) == [] and oracle.rejected > 100


def test_bayesian_optimisation_keeps_the_budget_too(tmp_path):
    pytest.importorskip("sklearn")
    oracle = make(tmp_path, BayesianOracle, most=5, num_initial_points=3, max_trials=5)
    trials = run_all(oracle)
    assert len(trials) == 5
    assert all(values["num_layers"] <= 5 for values in values_of(trials))


def test_a_trial_that_was_going_on_is_run_again(tmp_path, undisturbed):
    oracle = make(tmp_path)
    finish(oracle, oracle.create_trial("tuner0"))
    killed = oracle.create_trial("tuner0")
    oracle = again(tmp_path)
    rest = run_all(oracle)
    assert rest[0].trial_id == killed.trial_id
    assert values_of(rest) == values_of(undisturbed)[1:]
    assert sorted(oracle.end_order) == [t.trial_id for t in undisturbed]


def test_a_trial_that_was_drawn_but_not_yet_begun_is_drawn_again(tmp_path, undisturbed):
    oracle = make(tmp_path)
    finish(oracle, oracle.create_trial("tuner0"))
    # Killed between the files of the trial and of the oracle.
    oracle.save = lambda: None
    oracle.create_trial("tuner0")
    oracle = again(tmp_path)
    assert values_of(run_all(oracle)) == values_of(undisturbed)[1:]


def test_a_trial_that_had_ended_is_not_run_again(tmp_path, undisturbed):
    oracle = make(tmp_path)
    trial = oracle.create_trial("tuner0")
    # Killed between the files of the trial and of the oracle, and after the latter,
    # which still calls the trial ongoing: KerasTuner would run it again.
    for save in (lambda: None, oracle.save):
        oracle.save = save
        finish(oracle, trial)
        reborn = again(tmp_path)
        assert reborn.end_order == [trial.trial_id]
        oracle.end_order.clear()
        trial.status = TrialStatus.RUNNING
    assert values_of(run_all(reborn)) == values_of(undisturbed)[1:]
    assert len(reborn.end_order) == len(set(reborn.end_order)) == 6


def test_a_torn_file_is_never_seen(tmp_path, monkeypatch):
    oracle = make(tmp_path)
    trial = oracle.create_trial("tuner0")
    monkeypatch.setattr(json, "dumps", lambda *args, **options: '{"torn')
    monkeypatch.setattr("os.replace", lambda *names: 1 / 0)  # killed before it
    for save in (oracle.save, lambda: oracle._save_trial(trial)):
        with pytest.raises(ZeroDivisionError):
            save()
    monkeypatch.undo()
    assert again(tmp_path).start_order == [trial.trial_id]


def test_the_trial_of_a_lost_worker_goes_to_another(tmp_path, undisturbed):
    oracle = make(tmp_path, max_trials=2)
    mine, lost = oracle.create_trial("tuner0"), oracle.create_trial("tuner1")
    finish(oracle, mine)
    # As long as somebody is at work, nobody is sent home.
    assert oracle.create_trial("tuner0").status == TrialStatus.IDLE
    oracle.release("tuner1")
    assert oracle.waiting() == [lost.trial_id]
    found = oracle.create_trial("tuner0")
    assert found.trial_id == lost.trial_id
    finish(oracle, found)
    # The lost one was only slow: what it reports late changes nothing.
    late = oracle.get_trial(lost.trial_id)
    finish(oracle, late)
    assert oracle.end_order == [mine.trial_id, lost.trial_id]
    assert oracle.create_trial("tuner0").status == TrialStatus.STOPPED
    assert not oracle.tuner_ids and not oracle.ongoing_trials


def test_a_worker_that_comes_back_has_its_trial_again(tmp_path):
    oracle = make(tmp_path)
    before = oracle.create_trial("tuner1")
    assert oracle.create_trial("tuner1").trial_id == before.trial_id
    assert len(oracle.trials) == 1


def test_failures_in_a_row_end_the_search(tmp_path):
    oracle = make(tmp_path, max_trials=50)
    for _ in range(FAILURES):
        trial = oracle.create_trial("tuner0")
        assert trial.status == TrialStatus.RUNNING
        finish(oracle, trial, TrialStatus.FAILED)
    assert f"last {FAILURES} trials" in oracle.failure
    assert oracle.create_trial("tuner0").status == TrialStatus.STOPPED
    assert not oracle.tuner_ids
    # After a remedy, the search can go on, to its end.
    oracle = again(tmp_path, max_trials=9)
    assert len(run_all(oracle)) == 9 - FAILURES and oracle.failure is None


def with_weights(oracle, trial):
    run = run_of_trial(oracle.folder.trial(trial.trial_id))
    (run / "checkpoints").mkdir(parents=True)
    (run / "model.keras").touch()
    (run / "history.csv").touch()
    return run


def test_only_the_best_weights_are_kept(tmp_path):
    oracle, runs = make(tmp_path), {}
    for _ in range(6):
        trial = oracle.create_trial("tuner0")
        runs[trial.trial_id] = with_weights(oracle, trial)
        finish(oracle, trial)
        best = oracle.get_best_trials()[0].trial_id
        kept = [name for name, run in runs.items() if (run / "model.keras").exists()]
        assert kept == [best]
    assert all((run / "history.csv").exists() for run in runs.values())


def test_hyperband_keeps_what_it_may_go_on_with(tmp_path):
    oracle, runs = make(tmp_path, HyperbandOracle, max_epochs=9, factor=3), {}
    while True:
        trial = oracle.create_trial("tuner0")
        if trial.status != TrialStatus.RUNNING:
            break
        values = trial.hyperparameters.values
        previous = values.get("tuner/trial_id")
        assert (previous is None) == (values["tuner/initial_epoch"] == 0)
        if previous is not None:
            assert (runs[previous] / "checkpoints").exists()
        runs[trial.trial_id] = with_weights(oracle, trial)
        finish(oracle, trial)
    kept = [name for name, run in runs.items() if (run / "model.keras").exists()]
    assert kept == [oracle.get_best_trials()[0].trial_id]
    assert len(runs) > 10


def test_the_same_seed_draws_the_same_trials(tmp_path, undisturbed):
    other = make(tmp_path / "other")
    # In whatever order workers ask and answer.
    first, second = other.create_trial("a"), other.create_trial("b")
    finish(other, second)
    third = other.create_trial("b")
    assert values_of([first, second, third]) == values_of(undisturbed)[:3]


def test_seed_zero_is_a_seed(tiny, tmp_path):
    from keras_vit.tuner.trials import make_tuner

    settings = types.SimpleNamespace(
        algorithm="random", objective="val_loss", seed=0, trials=3
    )
    hypermodel = keras_tuner.HyperModel()
    hypermodel.declare_hyperparameters = lambda hp: None
    tuner = make_tuner(hypermodel, SearchFolder(tmp_path / "search"), settings)
    assert tuner.oracle.seed == 1 and tuner.oracle.objective.direction == "min"
