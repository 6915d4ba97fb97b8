"""Files that version 0.1 wrote load, predict and go on; see old_files/make.py."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.training import Recipe, RunFolder, train

FOLDER = Path(__file__).parent / "old_files"
# What that version itself said at the end of the interrupted run.
LAST = {
    "accuracy": 0.125,
    "loss": 2.306051015853882,
    "val_accuracy": 0.07900000363588333,
    "val_loss": 2.302628993988037,
}


@pytest.mark.parametrize("name", ["vit", "bit", "hybrid"])
def test_an_old_model_predicts_what_it_predicted(name):
    model = keras.saving.load_model(FOLDER / f"{name}.keras")
    with np.load(FOLDER / "outputs.npz") as arrays:
        images, outputs = arrays[f"{name}/images"], arrays[f"{name}/outputs"]
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-6, atol=1e-6)
    assert np.abs(outputs).max() > 0.1


@pytest.fixture
def old_run(tmp_path, monkeypatch):
    """A copy of a run that was stopped after five of six updates."""
    monkeypatch.chdir(tmp_path)
    return RunFolder(shutil.copytree(FOLDER / "run", "run"))


def test_the_model_of_an_old_run_predicts(old_run):
    Image.new("L", (28, 28)).save("black.png")
    [found] = keras_vit.predict(old_run.model, "black.png", top=10)
    names = {name for name, _ in found.classes}
    assert names == set(old_run.read_record()["data"]["class_names"])


def test_an_old_run_goes_on_and_ends_as_it_would_have(old_run):
    record, rows = old_run.read_record(), old_run.read_history()
    result = train(
        Recipe.from_json(record["recipe"]), old_run.path, resume=True, progress=False
    )
    assert result.history[:1] == rows and len(result.history) == 2
    assert {k: result.metrics[k] for k in LAST} == pytest.approx(LAST, rel=1e-4)
    after = old_run.read_record()
    assert after["status"] == "finished" and len(after["sessions"]) == 2
    recipes = [Recipe.from_json(each["recipe"]) for each in (record, after)]
    assert recipes[0] == recipes[1]  # the new fields have their defaults
    for name in ("data", "check", "estimate"):
        assert after[name] == record[name]
    for name, value in record["resolved"].items():
        assert after["resolved"][name] == value
