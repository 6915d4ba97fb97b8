"""Runs on unequal classes: weights, balanced draws and the focal loss."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight
from tiny_runs import TINY, finished, write_images, write_masks

import keras_vit
from keras_vit.training import train
from keras_vit.training.run.first_look import look_at_data

PLAIN = {"augment": "none", "dropout_rate": 0.0, "attention_dropout_rate": 0.0}
PLAIN |= {"drop_path_rate": 0.0, "test_fraction": 0.4}


@pytest.fixture
def unequal(tmp_path):
    """Thirteen dark images and five light ones."""
    folder = write_images(tmp_path / "photos", count=13)
    for file in sorted((folder / "light").iterdir())[5:]:
        file.unlink()
    return dataclasses.replace(TINY, data=str(folder), **PLAIN)


def test_balanced_weights_are_counted_on_the_training_images(unequal, tmp_path):
    recipe = dataclasses.replace(
        unequal, class_weights="balanced", learning_rate=1e-12, epochs=1
    )
    run = finished(recipe, tmp_path / "run")
    record = run.result.folder.read_record()
    source, _ = keras_vit.data.load_splits(recipe.data, test_fraction=0.4)
    expected = compute_class_weight("balanced", classes=np.arange(2), y=source.labels)
    found = record["resolved"]["class_weights"]
    assert found == pytest.approx(dict(zip(["dark", "light"], expected)))
    # The loss is divided by the number of images, not by their weights.
    # A new head is zero, so that every image costs ln 2: over 8 of 10 images, of whom
    # some are light, that times the mean of their weights.
    share = run.result.history[-1]["loss"] / np.log(2)
    light = (share - expected[0]) / (expected[1] - expected[0]) * 8
    assert light == pytest.approx(round(light), abs=1e-4)
    assert 1 <= round(light) <= 3


@pytest.mark.slow
def test_a_resumed_run_needs_the_file_of_weights_no_more(unequal, tmp_path):
    file = tmp_path / "weights.csv"
    file.write_text("light,2.5\n")
    recipe = dataclasses.replace(unequal, class_weights=str(file), epochs=3)
    whole = finished(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", callbacks=[stopping()])
    file.unlink()
    rest = finished(recipe, tmp_path / "run", resume=True)
    assert rest.history_text == whole.history_text
    weights = rest.result.folder.read_record()["resolved"]["class_weights"]
    assert weights == {"dark": 1.0, "light": 2.5}


def stopping():
    import signal

    import keras

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            signal.raise_signal(signal.SIGINT)

    return Stop()


def test_a_class_of_another_set_is_refused_before_anything_is_built(unequal, tmp_path):
    recipe = dataclasses.replace(unequal, class_weights={"lihgt": 2})
    with pytest.raises(ValueError, match=r"'lihgt'. Did you mean 'light'"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert json.loads(recipe.class_weights) == {"lihgt": 2}


@pytest.mark.parametrize(
    "loss", ["crossentropy", pytest.param("focal", marks=pytest.mark.slow)]
)
def test_pixels_are_weighted_by_what_the_masks_hold(loss, tmp_path):
    folder = write_masks(tmp_path / "masks", count=8)
    recipe = dataclasses.replace(
        TINY, data=str(folder), task="segmentation", class_weights="balanced",
        pixel_loss=loss, **PLAIN,
    )  # fmt: skip
    run = finished(recipe, tmp_path / "run")
    found = run.result.folder.read_record()["resolved"]["class_weights"]
    train_data, _ = keras_vit.data.load_splits(
        str(folder), task="segmentation", test_fraction=0.4
    )
    pixels = np.concatenate([mask.reshape(-1) for _, mask, _ in train_data.pairs()])
    pixels = pixels[pixels != 255]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=pixels)
    assert list(found.values()) == pytest.approx(expected)
    assert np.isfinite(run.result.history[-1]["val_loss"])


def test_unequal_classes_are_told_with_the_command_that_helps(unequal, caplog):
    parts = keras_vit.data.load_splits(unequal.data, test_fraction=0.4)
    caplog.set_level("INFO")
    for options, told in (
        ({}, True),
        ({"class_weights": "balanced"}, False),
        ({"sampling": "balanced"}, False),
        ({"masked_target": "pixels"}, False),
    ):
        caplog.clear()
        recipe = dataclasses.replace(unequal, **options)
        look_at_data(recipe, *parts, progress=False)
        assert ("--class-weights balanced" in caplog.text) is told
