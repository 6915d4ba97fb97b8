"""A whole search: what comes out, and that it goes on where it was stopped."""

import csv
import dataclasses
import errno
import json
import os
import shutil

import pytest

from keras_vit.common.files import replacing
from keras_vit.training import Interrupted, RunFolder
from keras_vit.training.measuring import DataFacts
from keras_vit.training.recipes.files import find_recipe
from keras_vit.tuner import (
    Between,
    Budget,
    Choices,
    SearchFolder,
    ViTHyperModel,
    search,
    trials,
)
from keras_vit.tuner.chief import SearchError
from keras_vit.tuner.search_folder import run_of_trial
from keras_vit.tuner.searching import run_search
from keras_vit.tuner.table import table_text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")


def hypermodel(tiny, space, **options):
    return ViTHyperModel(tiny, space, fields=list(space), **options)


@pytest.fixture(scope="module")
def found(tiny, space, tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches") / "mine"
    return search(hypermodel(tiny, space), folder, trials=2, epochs=1)


def trial_runs(folder):
    return {
        row.name: RunFolder(run_of_trial(folder.path / f"trial_{row.name}"))
        for row in folder.trials()
    }


@pytest.mark.slow
def test_the_best_recipe_is_one_that_train_takes(found, tiny):
    best = found.best
    assert best.score == max(row.score for row in found.trials())
    recipe = find_recipe(str(found.best_recipe))
    assert recipe == dataclasses.replace(tiny, **best.values)
    # Its own length and all of its training images, unlike the trials.
    assert recipe.epochs == 2 and recipe.validation_fraction is None


def test_trials_are_runs_that_never_see_the_test_images(found, tiny):
    for name, run in trial_runs(found).items():
        record = run.read_record()
        assert record["status"] == "finished"
        assert record["recipe"]["validation_fraction"] == 0.2
        assert record["recipe"]["epochs"] == 1
        split = json.loads(run.split.read_text())
        assert len(split["train"]) + len(split["test"]) == 18
        assert run.model.exists() == (name == found.best.name)
        assert not run.checkpoints.exists()
    # The first one is the recipe itself.
    assert found.trials()[0].values == {"learning_rate": 0.001, "augment": "crop_flip"}


def test_the_table_has_every_trial_the_best_first(found):
    with open(found.table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["trial"] == found.best.name
    assert float(rows[0]["val_accuracy"]) == found.best.score
    assert {row["trial"] for row in rows} == {"0", "1"}
    assert int(rows[0]["parameters"]) == found.best.parameters > 0
    assert table_text(found, shown=1).endswith("and 1 more")
    assert found.plot.stat().st_size > 10_000


def test_a_folder_that_is_taken_is_not_searched_in(found, tiny, space):
    with pytest.raises(ValueError, match="resume it, or choose another folder"):
        search(hypermodel(tiny, space), found.path)
    with pytest.raises(ValueError, match="is not the folder of a search"):
        search(None, found.path.parent, resume=True)


def test_a_finished_search_has_nothing_left_to_do(found, monkeypatch):
    monkeypatch.setattr(trials, "train", lambda *a, **k: 1 / 0)
    before = found.trials()
    assert search(None, found.path, resume=True).trials() == before


def test_a_search_goes_on_with_its_own_settings_only(found, tiny, space):
    own = hypermodel(tiny, space)
    assert search(own, found.path, trials=2, epochs=1, resume=True).best == found.best
    other = hypermodel(
        dataclasses.replace(tiny, weight_decay=0.5),
        {"learning_rate": Between(1e-4, 1e-1)},
    )
    with pytest.raises(ValueError) as error:
        search(other, found.path, trials=4, resume=True)
    text = str(error.value)
    assert str(found) in text and "trials: 2 in the search, 4 now" in text
    assert f"weight_decay: {tiny.weight_decay} in the search, 0.5 now" in text
    assert "learning_rate: 0.0001..0.01 by magnitude in the search, 0.0001..0.1" in text
    assert "epochs" not in text and "fields: learning_rate augment" in text


def _with(values, **changes):
    return json.dumps({**values, **changes})


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("search.json", lambda v: "[" * 100_000, "nested too deeply"),
        ("search.json", lambda v: "null", "no JSON object"),
        ("search.json", lambda v: "{", "line 1 column 2"),
        ("search.json", lambda v: _with(v, recipe=None), "A recipe is an object"),
        ("search.json", lambda v: _with(v, trials="many"), "search.json"),
        ("search.json", lambda v: _with(v, algorithm="guess"), "algorithm"),
        ("search.json", lambda v: _with(v, budget={"euros": 1}), "other values than"),
        ("search.json", lambda v: _with(v, space={}), "its ranges are not those"),
        ("oracle.json", lambda v: "", "no JSON"),
        ("oracle.json", lambda v: '"text"', "no JSON object"),
        ("oracle.json", lambda v: "{}", "it lacks 'start_order'"),
        ("oracle.json", lambda v: _with(v, start_order=5), "other values than"),
        ("oracle.json", lambda v: _with(v, hyperparameters=[]), "oracle.json"),
        ("trial_0/trial.json", lambda v: "[" * 100_000, "nested too deeply"),
        ("trial_0/trial.json", lambda v: "{}", "it lacks 'trial_id'"),
        ("trial_0/trial.json", None, "trial.json"),
        ("trial_0/outcome.json", lambda v: "[]", "no JSON object"),
        ("trial_0/outcome.json", lambda v: _with(v, metrics={}), "it lacks 'val_acc"),
    ],
)
def test_a_damaged_file_is_named(found, tmp_path, monkeypatch, name, damage, said):
    monkeypatch.setattr(trials, "train", lambda *a, **k: 1 / 0)
    folder = shutil.copytree(found.path, tmp_path / "search")
    file = folder / name
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage(json.loads(file.read_text())))
    before = sorted(folder.rglob("*"))
    with pytest.raises(ValueError) as error:
        search(None, folder, resume=True)
    assert said in str(error.value) and name in str(error.value)
    assert "\n" not in str(error.value) and "NoneType" not in str(error.value)
    assert sorted(folder.rglob("*")) == before  # nothing is removed


class PowerCut(BaseException):
    """Nobody catches it."""


@pytest.mark.slow
def test_a_search_that_was_cut_off_ends_as_one_that_was_not(
    found, tiny, space, tmp_path, monkeypatch
):
    train, calls = trials.train, []

    def once_cut(*args, callbacks, **options):
        calls.append(options["resume"])
        if len(calls) == 1:  # when the run had just ended
            train(*args, callbacks=callbacks, **options)
            raise PowerCut
        if len(calls) == 3:  # before anything, in the second trial
            raise PowerCut
        return train(*args, callbacks=callbacks, **options)

    monkeypatch.setattr(trials, "train", once_cut)
    folder = tmp_path / "search"
    with pytest.raises(PowerCut):
        search(hypermodel(tiny, space), folder, trials=2, epochs=1)
    with pytest.raises(PowerCut):
        search(None, folder, resume=True)
    search(None, folder, resume=True)
    assert calls == [False, True, False, False]
    assert SearchFolder(folder).trials() == found.trials()


@pytest.mark.slow
def test_hyperband_goes_on_with_the_very_runs(tiny, space, tmp_path):
    found = search(
        hypermodel(tiny, space), tmp_path / "search", algorithm="hyperband", epochs=3
    )
    rows = {row.name: row for row in found.trials()}
    assert {row.epochs for row in rows.values()} == {1, 3}
    for name, row in rows.items():
        state = json.loads((found.path / f"trial_{name}" / "trial.json").read_text())
        values = state["hyperparameters"]["values"]
        assert row.epochs == values["tuner/epochs"]
        if "tuner/trial_id" in values:
            before = run_of_trial(found.path / f"trial_{values['tuner/trial_id']}")
            start = RunFolder(before).read_history()
            whole = RunFolder(run_of_trial(found.path / f"trial_{name}")).read_history()
            assert whole[: len(start)] == start
            # As one run that never paused: the rate has fallen to nothing at its end.
            assert whole[-1]["learning_rate"] == 0
            break
    else:
        raise AssertionError("no trial went on with another")


def test_hyperband_needs_epochs(tiny, space, tmp_path):
    steps = dataclasses.replace(tiny, epochs=None, total_steps=4)
    with pytest.raises(ValueError, match=r"trials need epochs.*epochs=None"):
        search(hypermodel(steps, space), tmp_path / "s", algorithm="hyperband")


@pytest.mark.slow
def test_what_fails_says_why(tiny, tmp_path, capsys):
    space = {"warmup_steps": Choices((100, 200, 300, 400, 500, 600))}
    with pytest.raises(SearchError, match=r"trials have failed.*warmup_steps=\d00"):
        search(hypermodel(tiny, space), tmp_path / "search", trials=6)
    rows = SearchFolder(tmp_path / "search").trials()
    assert {row.status for row in rows} == {"FAILED"}
    assert "Traceback" not in capsys.readouterr().err
    assert "warmup_steps" in rows[0].error


@pytest.mark.slow
def test_a_budget_that_nothing_fits_is_named(tiny, space, tmp_path):
    small = hypermodel(tiny, space, budget=Budget(parameters=10))
    with pytest.raises(ValueError, match=r"can be a trial.*budget of 10 parameters"):
        search(small, tmp_path / "search", trials=2)


@pytest.mark.slow
def test_pretraining_can_be_searched(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, masked_target="mean_colour", epochs=1)
    space = {"learning_rate": Between(1e-4, 1e-2, log=True)}
    found = search(hypermodel(recipe, space), tmp_path / "search", trials=1)
    best = find_recipe(str(found.best_recipe))
    assert best.masked_target == "mean_colour"
    assert best.learning_rate == found.best.values["learning_rate"]
    # Another rate is another test: the most visible patches would win.
    with pytest.raises(ValueError, match=r"corruption_rate.*cannot be searched"):
        hypermodel(recipe, {"corruption_rate": Between(0.3, 0.7)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithm": "randem"}, "Did you mean 'random'"),
        ({"objective": "accuracy"}, "`objective` must be one of"),
        ({"trials": 0}, "`trials` must be a positive integer"),
        ({"epochs": 0}, "`epochs` must be a positive integer"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    tiny, space, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        search(hypermodel(tiny, space), tmp_path / "search", **options)
    assert not (tmp_path / "search").exists()


def test_several_labels_are_compared_by_the_loss_or_refused(tiny, space, tmp_path):
    recipe = dataclasses.replace(tiny, task="multilabel")
    made = hypermodel(recipe, space, facts=DataFacts((8, 8), 3, 2, 18, 4))
    with pytest.raises(ValueError, match=r"not measure .*val_accuracy: give val_loss"):
        search(made, tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_two_processes_cannot_search_in_one_folder(found):
    with found.locked():
        with pytest.raises(ValueError, match="Another process"):
            run_search(found)


def test_a_full_disk_ends_a_search_that_goes_on_later(
    found, tiny, space, tmp_path, monkeypatch
):
    full, begun = True, []

    def train(recipe, path, **options):
        begun.append(path.parent.name)
        with replacing(path.parent / "model.keras") as temporary:
            temporary.write_bytes(b"half")
            if full and len(begun) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        shutil.copytree(run_of_trial(found.path / "trial_0"), path)

    monkeypatch.setattr(trials, "train", train)
    folder = SearchFolder(tmp_path / "search")
    with pytest.raises(OSError, match=r"Make room, or write elsewhere.*model\.keras"):
        search(hypermodel(tiny, space), folder.path, trials=3, epochs=1)
    assert [row.status for row in folder.trials()] == ["COMPLETED", "RUNNING"]
    first = folder.trials()[0]
    assert not (folder.path / "trial_1" / "model.keras").exists()
    full = False
    search(None, folder.path, resume=True)
    assert begun == ["trial_0", "trial_1", "trial_1", "trial_2"]
    rows = folder.trials()
    assert [row.status for row in rows] == ["COMPLETED"] * 3 and rows[0] == first


def test_ctrl_c_is_not_a_failure(tiny, space, tmp_path, monkeypatch):
    def stopped(*args, **options):
        raise Interrupted("Stopped after 1 updates.")

    folder = tmp_path / "search"
    monkeypatch.setattr(trials, "train", stopped)
    with pytest.raises(Interrupted, match="after 1 updates"):
        search(hypermodel(tiny, space), folder, trials=1, epochs=1)
    assert [row.status for row in SearchFolder(folder).trials()] == ["RUNNING"]
