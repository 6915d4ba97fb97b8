"""Features of weights, and when they may be used again."""

import dataclasses
import json
import shutil
import threading

import keras
import numpy as np
import pytest

from keras_vit.common.locks import exclusive
from keras_vit.data import load
from keras_vit.studies import Study, StudyFolder, run_study
from keras_vit.studies.running import features
from keras_vit.studies.running.cells import run_cell
from keras_vit.studies.running.data_prints import DataChanged
from keras_vit.studies.running.weights import weights_print

STUDY = Study(
    name="begun",
    question="?",
    base={
        **{"data": "fashion_mnist_mini:train[:40]", "test_split": "test[:20]"},
        **{"model": "small", "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8},
        **{"num_heads": 2, "patch_size": 14, "total_steps": 2, "evaluate_every": 2},
        **{"batch_size": 8, "jit_compile": "no", "outcome": "fewshot_1"},
    },
    arms={"few": {}},
    seeds=(0, 1),
)


def begun_with(file):
    return dataclasses.replace(STUDY, base={**STUDY.base, "weights": str(file)})


def save(file, seed):
    """Another model of the study's sizes; the same one for the same seed."""
    recipe = dataclasses.replace(STUDY.cells()[0].recipe, seed=seed)
    features.first_model(recipe, load(STUDY.base["data"])).save(file)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder whose first seed has ended, and the file of its weights."""
    path = tmp_path_factory.mktemp("made")
    save(path / "w.keras", 5)
    study = begun_with(path / "w.keras").changed(seeds=[0])
    return run_study(study, path / "s").folder, path / "w.keras"


@pytest.fixture
def ended(made, tmp_path):
    """A copy of that folder, and the file, which is as it was afterwards."""
    folder, file = made
    before = file.read_bytes()
    yield StudyFolder(shutil.copytree(folder.path, tmp_path / "s")), file
    file.write_bytes(before)


def change(folder, **values):
    """Changes or, with `None`, removes what the features' file says."""
    [path] = folder.path.glob("features/*.npz")
    with np.load(path) as file:
        found = {name: file[name] for name in file.files}
    found = {k: v for k, v in {**found, **values}.items() if v is not None}
    np.savez(path, **found)


def test_features_of_other_weights_are_refused(ended):
    folder, file = ended
    before = folder.read_results()
    save(file, 6)
    with pytest.raises(DataChanged, match=r"weights .*w\.keras have changed since"):
        run_study(begun_with(file), folder.path)
    assert folder.read_results() == before
    save(file, 5)  # the same ones, written at another time
    assert len(run_study(begun_with(file), folder.path).results) == 2


def test_features_of_an_older_version_are_used_and_told(ended, caplog):
    folder, file = ended
    change(folder, weights=None, environment=None)
    assert not run_study(begun_with(file), folder.path).failed
    assert any("noted no hash of its weights" in text for text in caplog.messages)
    assert [one["mixed"] for one in folder.read_results()] == [False, False]


def test_features_of_another_machine_are_used_only_if_that_is_wanted(ended):
    folder, file = ended
    [path] = folder.path.glob("features/*.npz")
    environment = json.loads(str(np.load(path)["environment"]))
    change(folder, environment=json.dumps({**environment, "platform": "another one"}))
    (result,) = run_study(begun_with(file), folder.path).failed
    assert "platform: another one" in result["message"]
    assert "--mixed" in result["message"]
    run_study(begun_with(file), folder.path, mixed=True)
    first, second = folder.read_results()
    assert second["mixed"] and second["seconds"] is None and not first["mixed"]


def test_a_probe_of_a_mixed_pretraining_is_mixed(tmp_path):
    first = {"masked_target": "mean_colour", "outcome": "test_accuracy"}
    # No training: its result and its weights are written here.
    arms = {"few": {"after": "masks"}}
    study = dataclasses.replace(STUDY, pretrainings={"masks": first}, arms=arms)
    folder = StudyFolder(tmp_path / "s")
    pretraining, few, *_ = folder.begin(study).cells()
    result = {"name": pretraining.name, "status": "done", "mixed": True}
    folder.write_result(pretraining.name, result)
    folder.run(pretraining.name).path.mkdir()
    save(folder.run(pretraining.name).model, 5)
    assert run_cell(few, folder)["mixed"] is True


def test_the_hash_is_of_the_arrays_and_random_weights_have_none(tmp_path):
    recipe = STUDY.cells()[0].recipe
    assert weights_print(recipe) == ""
    prints = []
    for name, seed in (("one", 5), ("other", 6)):
        run = tmp_path / name
        run.mkdir()
        save(run / "model.keras", seed)
        model = keras.saving.load_model(run / "model.keras", compile=False)
        model.save(tmp_path / f"{name}.keras")
        of = run, run / "model.keras", tmp_path / f"{name}.keras"
        of = [dataclasses.replace(recipe, weights=str(path)) for path in of]
        prints.append({weights_print(recipe) for recipe in of})
    assert [len(found) for found in prints] == [1, 1] and prints[0] != prints[1]


def test_who_waits_for_features_shows_that_it_lives_and_books_no_work(
    ended, monkeypatch
):
    folder, file = ended
    [path] = folder.path.glob("features/*.npz")
    cell = begun_with(file).changed(seeds=2).cells()[1]
    folder.begin(begun_with(file))
    sign = folder.run(cell.name).path / "features-are-made"
    inside, seen, clock = threading.Event(), threading.Event(), [0.0]
    touch = type(sign).touch

    def touched(path, *args, **options):
        touch(path, *args, **options)
        if path == sign:
            clock[0] += 500.0
            seen.set()

    def other():
        with exclusive(path.with_suffix(".lock")):
            inside.set()
            assert seen.wait(60)

    monkeypatch.setattr(type(sign), "touch", touched)
    real = features.time.monotonic
    monkeypatch.setattr(features.time, "monotonic", lambda: real() + clock[0])
    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(60)
    result = run_cell(cell, folder)
    thread.join()
    assert clock[0] >= 500.0 and result["seconds"] < 400.0
