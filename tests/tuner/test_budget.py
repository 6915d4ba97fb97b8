"""A cost is known without a model, and is the cost of that model."""

import dataclasses

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.commands.training.pretrain import PRETRAINING
from keras_vit.costs.flops import forward_flops
from keras_vit.training import Recipe, estimate_training
from keras_vit.training.measuring import Cost, DataFacts
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.build import build_model
from keras_vit.tuner import Budget, measure_recipe

GREY = DataFacts((28, 28), 1, 10, 100, 20)
COLOUR = DataFacts(None, 3, 1000, 100, 20)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        PRETRAINING,
        Recipe(optimizer="sgd", momentum_dtype="bfloat16", accumulation_steps=2),
        Recipe(freeze=("backbone",), ema_momentum=0.99, head_bias=-5.0),
    ],
    ids=["small", "pretraining", "sgd", "frozen"],
)
def test_the_outline_costs_what_the_model_costs(recipe):
    arguments = model_arguments(recipe, native_size=(28, 28), num_channels=1)
    model = build_model(recipe, 10, arguments)
    memory = estimate_training(
        model,
        recipe.batch_size,
        optimizer=recipe.optimizer,
        momentum_dtype=recipe.momentum_dtype,
        accumulation_steps=recipe.accumulation_steps,
        average=recipe.ema_momentum is not None,
    ).total
    flops = forward_flops(model) / 1e9
    assert measure_recipe(recipe, GREY) == Cost(model.count_params(), flops, memory)


# As published, 1000 classes at 224 pixels.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("ViT_H14", 632_045_800), ("ViT_L16", 304_326_632), ("BiT_R152x4", 936_533_224)],
)
def test_no_weight_of_a_large_model_is_made(name, parameters, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a weight was made")

    monkeypatch.setattr(keras.Variable, "_initialize", refuse)
    cost = measure_recipe(Recipe(model=name, image_size=224), COLOUR)
    assert cost.parameters == parameters
    assert cost.memory > 16 * parameters  # weights, gradients, and AdamW's two


def test_nothing_is_left_behind():
    measure_recipe(Recipe(model="ViT_B16", image_size=224), COLOUR)
    # Keras would fill in what was left without values when a scope like this one ends.
    before = keras.Variable._initialize
    made = []
    try:
        keras.Variable._initialize = lambda *a, **k: made.append(a)
        with keras.StatelessScope():
            pass
    finally:
        keras.Variable._initialize = before
    assert not made
    model = keras_vit.ViT_Ti16(2, image_size=32)
    assert np.isfinite(model(np.zeros((1, 32, 32, 3)))).all()


def test_published_weights_are_not_looked_for():
    recipe = Recipe(model="ViT_B16", weights="no/such/file.npz", image_size=224)
    assert measure_recipe(recipe, COLOUR).parameters == 86_567_656


def test_a_contradiction_is_an_error():
    recipe = dataclasses.replace(Recipe(), hidden_dim=50, num_heads=4)
    with pytest.raises(ValueError, match="hidden_dim"):
        measure_recipe(recipe, GREY)


def test_a_budget_says_what_is_too_much():
    cost = Cost(parameters=2_000, gflops=0.5, memory=3 * 2**30)
    assert Budget().excess(cost) is None
    assert Budget(2_000, 0.5, 3 * 2**30).excess(cost) is None
    assert "2,000 parameters are more" in Budget(parameters=1_999).excess(cost)
    assert "0.5 GFLOPs are more" in Budget(gflops=0.4).excess(cost)
    assert "budget of 2 GiB of memory" in Budget(memory=2 * 2**30).excess(cost)
    with pytest.raises(ValueError, match="`gflops` must be positive"):
        Budget(gflops=0)
