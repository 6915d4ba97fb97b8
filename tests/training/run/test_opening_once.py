"""A run looks for the files of its data once."""

import dataclasses

import pytest
from tiny_runs import finished

import keras_vit
from keras_vit import cli
from keras_vit.data.readers import folders
from keras_vit.training.datasets import load_data
from keras_vit.training.run import batches, first_look, prepare
from keras_vit.tuner import ViTHyperModel, searching


@pytest.fixture
def scans(monkeypatch):
    """The folders that were scanned, in order."""
    found = []
    original = folders.scan

    def scan(path, *arguments, **options):
        found.append(str(path))
        return original(path, *arguments, **options)

    monkeypatch.setattr(folders, "scan", scan)
    return found


def test_a_run_scans_its_folder_once_and_judges_batch_and_steps_once(
    tiny, tmp_path, scans, monkeypatch
):
    judged = []
    for module, name in ((batches, "check_batch"), (prepare, "check_augmentation")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *a, name=name, original=original: (
                judged.append(name) or original(*a)
            ),
        )
    finished(dataclasses.replace(tiny, epochs=1), tmp_path / "run")
    assert scans == [tiny.data]
    assert sorted(judged) == ["check_augmentation", "check_batch"]


def test_a_run_of_an_opened_place_scans_nothing(tiny, tmp_path, scans):
    place = keras_vit.data.open_place(tiny.data)
    train_data, _ = load_data(tiny, place)
    again, _ = load_data(dataclasses.replace(tiny, validation_fraction=0.5), place)
    assert again.num_examples < train_data.num_examples
    run = finished(dataclasses.replace(tiny, epochs=1), tmp_path / "run", place=place)
    assert len(run.result.history) == 1
    assert scans == [tiny.data]


@pytest.mark.slow
def test_the_command_scans_its_folder_once(tiny, tmp_path, scans):
    finished(dataclasses.replace(tiny, epochs=1), tmp_path / "first")
    del scans[:]
    words = ["train", "--data", tiny.data, "--weights", str(tmp_path / "first")]
    words += ["--total-steps", "2", "--batch-size", "4"]
    assert cli.main([*words, "--run", str(tmp_path / "second")]) == 0
    assert (tmp_path / "second" / "evaluation.json").exists()
    assert scans == [tiny.data]


def test_a_place_of_other_data_is_refused(tiny):
    place = keras_vit.data.open_place("fashion_mnist_mini")
    with pytest.raises(ValueError, match="`place` must be that of the recipe's data"):
        load_data(tiny, place)


def test_the_first_look_says_on_how_many_images_it_rests(tiny, caplog, monkeypatch):
    monkeypatch.setattr(first_look, "LIMIT", 3)
    caplog.set_level("INFO", "keras_vit")
    train_data, test_data = load_data(tiny)
    first_look.look_at_data(tiny, train_data, test_data, progress=False)
    total = train_data.num_examples + test_data.num_examples
    (line,) = [r.getMessage() for r in caplog.records if "Looked at" in r.getMessage()]
    counts = [int(word.replace(",", "")) for word in line.split() if word.isdigit()]
    assert counts[0] <= 6 < counts[1] == total


def test_the_trials_of_a_search_look_for_the_files_once(tiny, scans):
    recipes = ViTHyperModel(tiny)
    assert recipes.facts.num_training and recipes.place is recipes.place
    load_data(recipes.base, recipes.place)
    assert scans == [tiny.data]


def test_a_search_looks_for_the_files_once_before_its_trials(
    tiny, tmp_path, scans, monkeypatch
):
    used = []
    monkeypatch.setattr(searching, "make_tuner", lambda model, *_: used.append(model))
    folder = searching.prepare_search(ViTHyperModel(tiny), tmp_path / "s", trials=1)
    with pytest.raises(AttributeError):  # there is no tuner
        searching.run_search(folder)
    load_data(used[0].base, used[0].place)
    assert scans == [tiny.data]
