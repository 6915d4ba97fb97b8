"""What a run draws, in which order, at which rates: as version 0.1 did."""

import types

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.training import Recipe, build_schedule
from keras_vit.training.datasets import Parts
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.batches import test_batches as batches_to_test
from keras_vit.training.run.batches import training_batches
from keras_vit.training.run.build import build_model

RATES = {
    "cosine": [0, 1 / 4, 1 / 2, 0.46650636196, 3 / 8, 1 / 4, 1 / 8, 0.03349365294, 0],
    "linear": [1 / 2, 7 / 16, 3 / 8, 5 / 16, 1 / 4, 9 / 64, 1 / 16, 1 / 64, 0],
    "rsqrt": [0, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 0.44721359, 0.40824828, 0.3779645],
    "bit": [0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.005, 0.005, 0.0005],
}
OPTIONS = {
    "cosine": {"warmup_steps": 2},
    "linear": {"warmup_steps": 0, "decay_end": 0.0, "cooldown_steps": 4},
    "rsqrt": {"warmup_steps": 4, "decay_timescale": 4},
    "bit": {"warmup_steps": 0},
}


@pytest.mark.parametrize("decay", RATES)
def test_the_rate_of_every_update(decay):
    recipe = Recipe(total_steps=8, learning_rate=0.5, decay=decay, **OPTIONS[decay])
    schedule = build_schedule(recipe, 8)
    rates = [float(schedule(step)) for step in range(len(RATES[decay]))]
    assert rates == pytest.approx(RATES[decay], rel=1e-6, abs=1e-9)


def job_of(recipe, start_step):
    train, test = keras_vit.data.load_splits(recipe.data)
    preprocessing = keras_vit.data.preprocessing(28, num_channels=1).to_json()
    return types.SimpleNamespace(
        recipe=recipe,
        data=types.SimpleNamespace(
            train=train, parts=Parts(train, None, test), batch_size=8
        ),
        network=types.SimpleNamespace(preprocessing=preprocessing),
        position=types.SimpleNamespace(step=start_step),
    )


@pytest.mark.parametrize(
    ("start_step", "labels"),
    [
        (3, [[8, 4, 6, 6, 2, 7, 6, 2], [5, 3, 8, 5, 5, 3, 4, 2]]),
        pytest.param(
            *(0, [[2, 6, 9, 3, 1, 1, 1, 6], [4, 3, 3, 7, 8, 7, 1, 3]]),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_order_of_the_images_from_any_update_on(start_step, labels):
    job = job_of(Recipe(seed=3, batch_size=8, augment="none"), start_step)
    batches = training_batches(job).take(2)
    assert [np.array(y).tolist() for _, y in batches] == labels
    test, steps = batches_to_test(job)
    assert steps is None
    assert np.array(next(iter(test))[1]).tolist() == [7, 2, 0, 4, 3, 9, 0, 4]


def test_the_first_weights_of_a_seed():
    recipe = Recipe(num_layers=1, hidden_dim=8, mlp_dim=8, num_heads=2, seed=5)
    model = build_model(
        recipe, 10, model_arguments(recipe, native_size=(28, 28), num_channels=1)
    )
    weights = {w.path: keras.ops.convert_to_numpy(w).ravel() for w in model.weights}
    for path, first, total in (
        ("patch_encoder/projection/kernel", -0.0260194801, 45.4804764),
        ("block_00/attention/query_key_value/kernel", -0.5968515277, 59.0077782),
        ("block_00/mlp/dense_2/kernel", 0.2507538795, 19.3018799),
    ):
        assert weights[path][0] == pytest.approx(first, rel=1e-5)
        assert np.abs(weights[path]).sum() == pytest.approx(total, rel=1e-5)
    assert not weights["head/kernel"].any()
