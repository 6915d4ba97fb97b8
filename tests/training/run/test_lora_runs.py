"""Runs that train adapters of low rank on weights that stay."""

import dataclasses
import signal

import keras
import numpy as np
import pytest
from tiny_runs import TINY, assert_same_bits, finished, write_images

import keras_vit
from keras_vit.training import Interrupted, train


class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 2:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run without adapters, and the recipe of one with them that starts from it."""
    folder = tmp_path_factory.mktemp("lora")
    data = write_images(folder / "photos", count=8)
    first = dataclasses.replace(TINY, data=str(data), epochs=1, test_fraction=0.3)
    train(first, folder / "first")
    return folder, dataclasses.replace(
        first,
        epochs=2,
        weights=str(folder / "first"),
        lora_rank=2,
        learning_rate=0.01,
        warmup_steps=0,
        ema_momentum=0.5,
        layer_decay=0.9,
        weight_decay=0.01,
    )


@pytest.mark.parametrize(
    "options", [{}, pytest.param({"remat": True}, marks=pytest.mark.slow)]
)
def test_a_stopped_run_with_adapters_ends_with_the_same_bits(options, runs, caplog):
    folder, recipe = runs
    recipe = dataclasses.replace(recipe, **options)
    caplog.set_level("INFO")
    name = "-".join(["run", *options])
    whole = finished(recipe, folder / f"{name}-whole")
    assert "LoRA of rank 2 on 4 layers: " in caplog.text
    assert "Adapters alone: adapters.safetensors" in caplog.text
    with pytest.raises(Interrupted):
        train(recipe, folder / name, callbacks=[Stop()])
    rest = finished(recipe, folder / name, resume=True)
    assert_same_bits(rest.variables, whole.variables)
    assert rest.history_text == whole.history_text
    first, second = (run.result.folder.adapters for run in (rest, whole))
    assert first.read_bytes() == second.read_bytes()
    # The saved model is whole: it needs neither its base nor LoRA.
    model = rest.result.load_model()
    assert not any("lora" in v.name for v in model.variables)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    base = keras.saving.load_model(folder / "first" / "model.keras", compile=False)
    again = keras_vit.load_adapters(base, first)
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5, atol=1e-6)
    assert not np.allclose(again(images), 0)
    assert rest.result.folder.adapters.stat().st_size < 0.6 * (
        rest.result.folder.model.stat().st_size
    )
    prediction = keras_vit.predict(str(folder / name), sorted_images(folder))[0]
    assert prediction.error is None and prediction.classes[0][0] in ("dark", "light")


def sorted_images(folder):
    return [str(next((folder / "photos" / "dark").iterdir()))]


@pytest.mark.slow
def test_adapters_train_in_half_precision(runs):
    folder, recipe = runs
    recipe = dataclasses.replace(recipe, dtype="mixed_bfloat16")
    run = finished(recipe, folder / "half")
    base = keras.saving.load_model(folder / "first" / "model.keras", compile=False)
    again = keras_vit.load_adapters(base, run.result.folder.adapters)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    saved = keras_vit.from_checkpoint(run.result.folder.model, dtype="float32")
    np.testing.assert_allclose(again(images), saved(images), rtol=1e-5, atol=1e-6)
