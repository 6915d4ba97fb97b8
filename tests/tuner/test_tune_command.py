"""`keras-vit tune`, in this process."""

import json
import logging
import shlex
import sys
from pathlib import Path

import pytest
from rich.console import Console

from keras_vit.cli import main
from keras_vit.commands.training.tune import Tune
from keras_vit.training import Interrupted, Recipe
from keras_vit.tuner import SearchFolder
from keras_vit.tuner.chief import SearchError
from keras_vit.tuner.search_folder import OUTCOME, write_json
from keras_vit.tuner.table import live_table

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")


@pytest.fixture
def recipe_file(tiny, tmp_path):
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps(tiny.to_json()))
    return file


@pytest.fixture
def untrained(monkeypatch):
    """Trials that end at once: the higher the rate, the better."""

    def run(recipe, folder, **options):
        metrics = {"val_accuracy": recipe.learning_rate, "val_loss": 1.0}
        write_json(Path(folder) / OUTCOME, {"metrics": metrics, "parameters": 7})
        return metrics

    monkeypatch.setattr("keras_vit.tuner.trials.run_trial", run)


def tune(recipe_file, folder, *words):
    return main(["tune", "--recipe", str(recipe_file), "--folder", str(folder), *words])


@pytest.mark.slow
def test_the_command_ends_with_the_command_to_train_the_best(
    recipe_file, tmp_path, untrained, capsys
):
    folder = tmp_path / "my search"
    words = "--trials 5 --seed 3 --fields learning-rate --space augment=flip,crop_flip"
    assert tune(recipe_file, folder, *words.split(), "--epochs", "1") == 0
    out, err = capsys.readouterr()
    assert logging.getLogger("keras_vit.training").level == logging.NOTSET  # as before
    found = SearchFolder(folder)
    assert list(found.settings().space) == ["learning_rate", "augment"]
    assert len(found.trials()) == 5
    rates = [row.values["learning_rate"] for row in found.trials()]
    assert found.best.values["learning_rate"] == max(rates)
    assert "trial 4: val_accuracy" in err  # a line for each, as stderr is no terminal
    line = next(line for line in out.splitlines() if line.startswith("next: "))
    *_, command, option, file = shlex.split(line)
    assert (command, option) == ("train", "--recipe")
    assert json.loads(Path(file).read_text())["recipe"]["learning_rate"] == max(rates)
    # With its own settings, and nothing left to do.
    assert main(["tune", "--folder", str(folder), "--resume"]) == 0
    assert capsys.readouterr().out == out


def test_options_that_differ_from_a_search_are_refused(
    recipe_file, tmp_path, monkeypatch, capsys
):
    folder, went_on = tmp_path / "search", []
    monkeypatch.setattr(Tune, "_run", lambda self, folder: went_on.append(folder))
    monkeypatch.setattr(Tune, "_print", lambda self, folder: None)
    words = ["--trials", "2", "--fields", "learning_rate", "--max-memory", "1"]
    assert tune(recipe_file, folder, *words) == 0
    again = ["tune", "--folder", str(folder), "--resume"]
    assert main(again) == 0 and tune(recipe_file, folder, "--resume", *words) == 0
    assert len(went_on) == 3
    capsys.readouterr()
    # The value that is the default elsewhere differs, too.
    others = "--trials 20 --fields dropout_rate --batch-size 7 --max-memory 2"
    assert main([*again, *others.split(), "--space", "augment=none"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(went_on) == 3 and f"The search in {folder}" in err
    for line in (
        "trials: 2 in the search, 20 now",
        "fields: learning_rate in the search, dropout_rate augment now",
        "batch_size: 4 in the search, 7 now",
        "augment: not searched in the search, none now",
        f"memory: {2**30} in the search, {2**31} now",
    ):
        assert line in err


def test_a_search_that_was_killed_before_it_began_begins_anew(
    recipe_file, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(Tune, "_run", lambda self, folder: None)
    monkeypatch.setattr(Tune, "_print", lambda self, folder: None)
    folder = tmp_path / "search"
    (folder / ".keras_vit-a1b2c3d4").mkdir(parents=True)
    (folder / ".keras_vit-a1b2c3d4" / "search.json").write_text("{")
    for name in (".lock", ".search.406.json"):
        (folder / name).touch()
    assert main(["tune", "--folder", str(folder), "--resume"]) == 1
    assert "Start one there, without resuming" in capsys.readouterr().err
    assert tune(recipe_file, folder) == 0
    assert SearchFolder(folder).settings().trials == 20


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(recipe_file, tmp_path, monkeypatch, capsys):
    def stop(*args, **options):
        raise Interrupted("Stopped after 3 updates.")

    monkeypatch.setattr("keras_vit.tuner.trials.run_trial", stop)
    folder = tmp_path / "search"
    assert tune(recipe_file, folder, "--devices", "cpu") == 130
    err = capsys.readouterr().err
    assert "Stopped after 3 updates." in err
    assert f"tune --folder {folder} --resume --devices cpu" in err


def test_a_search_that_cannot_go_on_says_so(recipe_file, tmp_path, monkeypatch, capsys):
    def fail(folder, workers, devices):
        raise SearchError(f"no {workers} workers")

    monkeypatch.setattr("keras_vit.tuner.launch.launch_search", fail)
    folder = tmp_path / "search"
    assert tune(recipe_file, folder, "--workers", "2") == 1
    err = capsys.readouterr().err
    assert "no 2 workers" in err and f"--folder {folder} --resume --workers 2" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--space learning_rate", "FIELD=RANGE"),
        ("--space learning_rat=1..2", "Did you mean 'learning_rate'"),
        ("--space data=a,b", "cannot be searched"),
        ("--fields pooling", "no range for 'pooling'"),
        ("--recipe no-such-recipe", "Unknown recipe"),
        ("--max-parameters 0", "`parameters` must be positive"),
        ("--validation-fraction 1", "`validation_fraction` must be in"),
        ("--folder . --resume", "is not the folder of a search"),
        ("--resume", "--resume needs the --folder"),
        ("--workers -1", "must not be negative"),
    ],
)
def test_wrong_usage_is_explained(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tune", *words.split()]) in (1, 2)
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_options_change_the_recipe_that_is_searched_around():
    own = Tune({"model": "ViT_Ti16", "image_size": 32, "batch_size": 16})._recipe()
    assert own == Recipe(
        model="ViT_Ti16", image_size=32, batch_size=16, validation_fraction=0.2
    )
    masked = Tune({"masked_target": "pixels"})._recipe()
    assert masked.masked_target == "pixels" and masked.epochs == 50
    assert Tune({}, max_memory=0.5)._budget().memory == 2**29


@pytest.mark.slow
def test_the_live_table_shows_the_best_and_those_at_work(
    recipe_file, tmp_path, untrained, capsys
):
    folder = tmp_path / "search"
    assert tune(recipe_file, folder, "--trials", "3", "--fields", "augment") == 0
    state = folder / "trial_2" / "trial.json"
    values = json.loads(state.read_text())
    state.write_text(json.dumps({**values, "status": "RUNNING"}))
    capsys.readouterr()
    Console(file=sys.stderr, width=120).print(live_table(SearchFolder(folder)))
    err = capsys.readouterr().err
    assert "2 trials done" in err and "1 at work, 0 failed" in err
    assert "augment" in err and "running" in err
