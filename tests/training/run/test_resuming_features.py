"""Each feature of a recipe: a run that was stopped ends like one that was not."""

import dataclasses
import shutil
import signal

import keras
import numpy as np
import pytest
from tiny_runs import assert_same_bits, finished

from keras_vit.evaluation import evaluate
from keras_vit.training import Interrupted, train
from keras_vit.training.run.build import build_model
from keras_vit.training.run.calls import fit_calls

# Together where they do not touch each other: a run takes seconds.
FEATURES = {
    "averages, rates by layer, one-hot labels": {
        **{"ema_momentum": 0.8, "layer_decay": 0.5, "label_smoothing": 0.1},
        "augment": "flip|randaugment(1,5)|mixup(0.5)|cutmix(1.0)",
    },
    "accumulation, relative positions": {
        **{"accumulation_steps": 2, "ema_momentum": 0.8},
        "position_embedding": "relative",
    },
    "classes drawn equally often, their weights, focal loss": {
        **{"sampling": "balanced", "class_weights": '{"light": 3}', "loss": "focal"},
        "augment": "flip|mixup(0.5)",
    },
    "bfloat16 momentum, frozen layers, positions at every layer, number of updates": {
        **{"optimizer": "sgd", "momentum_dtype": "bfloat16", "decay": "rsqrt"},
        **{"freeze": ("patch_encoder",), "loss": "sigmoid", "head_bias": -3.0},
        **{"epochs": None, "total_steps": 7, "evaluate_every": 3},
        "position_scope": "every_layer",
    },
}


class Stop(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_a_stopped_run_ends_with_the_same_bits(name, tiny, tmp_path):
    # Stopped inside an epoch that is not the last: `fit` is then called twice.
    recipe = dataclasses.replace(tiny, **FEATURES[name])
    whole = finished(recipe, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", callbacks=[Stop(2)])
    rest = finished(recipe, tmp_path / "run", resume=True)
    assert_same_bits(rest.variables, whole.variables)
    assert rest.history_text == whole.history_text
    saved = rest.result.load_model()
    assert type(saved).__name__ == "VisionModel"
    assert all(layer.trainable for layer in saved.layers)
    if "ema_momentum" not in FEATURES[name]:
        assert_same_bits(saved.get_weights(), whole.weights)


@pytest.mark.slow
def test_a_run_goes_on_without_the_weights_that_it_began_with(tiny, tmp_path):
    first = finished(tiny, tmp_path / "first")
    weights = tmp_path / "weights.keras"
    shutil.copy(first.result.folder.model, weights)
    recipe = dataclasses.replace(tiny, weights=str(weights), layer_decay=0.8)
    whole = finished(recipe, tmp_path / "whole")
    assert len(whole.result.history) > 1  # a model is saved before the run is stopped
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", callbacks=[Stop(len_of_epoch(whole) + 1)])
    weights.unlink()
    rest = finished(recipe, tmp_path / "run", resume=True)
    assert_same_bits(rest.variables, whole.variables)
    record = rest.result.folder.read_record()
    assert record["resolved"]["model"]["weights"] == str(weights)


def len_of_epoch(run):
    return run.result.folder.read_record()["resolved"]["steps_per_epoch"]


@pytest.mark.slow
def test_the_saved_model_has_the_averages_and_the_accuracy_of_the_log(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, ema_momentum=0.8)
    run = finished(recipe, tmp_path / "run")
    saved = run.result.load_model()
    assert not all(
        np.array_equal(a, b) for a, b in zip(saved.get_weights(), run.weights)
    )
    result = evaluate(tmp_path / "run")
    assert result.accuracy == pytest.approx(run.result.metrics["val_accuracy"])
    assert result.loss == pytest.approx(run.result.metrics["val_loss"], rel=1e-5)


def test_frozen_layers_keep_their_bits(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, freeze=("backbone",), total_steps=3, epochs=None)
    run = finished(recipe, tmp_path / "run")
    record = run.result.folder.read_record()
    fresh = build_model(recipe, 2, record["resolved"]["model"])
    saved = run.result.load_model()
    for variable, before, after in zip(
        fresh.weights, fresh.get_weights(), saved.get_weights()
    ):
        assert np.array_equal(before, after) == ("head" not in variable.path)


@pytest.mark.parametrize(
    "step, per_epoch, total, calls",
    [
        (0, 4, 8, [(0, 2, 4)]),
        (0, 4, 9, [(0, 2, 4), (2, 3, 1)]),
        (0, 5, 3, [(0, 1, 3)]),
        (5, 4, 12, [(1, 2, 3), (2, 3, 4)]),
        (9, 4, 11, [(2, 3, 2)]),
        (11, 4, 11, []),
        (8, 4, 8, []),
        (2, 4, 6, [(0, 1, 2), (1, 2, 2)]),
    ],
)
def test_fit_is_called_for_what_is_left(step, per_epoch, total, calls):
    assert fit_calls(step, per_epoch, total) == calls


def test_a_batch_that_cannot_be_split_is_refused_before_anything_else(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, batch_size=64, accumulation_steps=4)
    with pytest.raises(ValueError, match="batches of 18"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_augmentation_is_refused_before_the_data_is_read(tiny, tmp_path):
    recipe = dataclasses.replace(tiny, augment="flop", data=str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="flip"):
        train(recipe, tmp_path / "run")
