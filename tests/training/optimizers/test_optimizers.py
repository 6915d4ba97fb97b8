import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.training import Recipe
from keras_vit.training.optimizers.build import (
    build_optimizer,
    build_schedule,
    not_decayed,
)
from keras_vit.training.optimizers.update_rules import (
    DecoupledAdam,
    MomentumSGD,
    TensorFlowRMSProp,
)


@pytest.fixture(scope="module")
def model():
    return keras_vit.ViT(
        3,
        patch_size=4,
        num_layers=1,
        hidden_dim=8,
        mlp_dim=8,
        num_heads=2,
        image_size=8,
    )


def optimizer_of(model, **fields):
    recipe = Recipe(decay="constant", warmup_steps=0, **fields)
    optimizer = build_optimizer(recipe, model, total_steps=10)
    optimizer.build(model.trainable_variables)
    return optimizer


def test_only_kernels_decay_and_by_rate_times_weight_decay(model):
    optimizer = optimizer_of(model, learning_rate=0.1, weight_decay=0.5)
    variables = model.trainable_variables
    for variable in variables:
        variable.assign(np.ones(variable.shape))
    zeros = [keras.ops.zeros(variable.shape) for variable in variables]
    optimizer.apply(zeros, variables)
    kept = {id(variable) for variable in not_decayed(model)}
    for variable in variables:
        value = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(value, 1.0 if id(variable) in kept else 0.95)
    names = {variable.name for variable in not_decayed(model)}
    assert {"bias", "gamma", "class_token"} <= names
    decayed = [v.path for v in variables if id(v) not in kept]
    assert len(decayed) == 6  # patches, q/k/v, attention's output, MLP twice, head


def test_what_decays_and_how_is_the_choice_of_the_recipe(model):
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )

    def kept(on):
        return [v.name for v in not_decayed(model, on)]

    assert kept("kernels") == ["bias", "gamma", "beta", "bias"]
    assert kept("all_but_norms") == ["gamma", "beta"] and kept("all") == []
    fields = {"weight_decay": 0.5, "weight_decay_on": "all_but_norms"}
    adam = optimizer_of(model, **fields)
    assert type(adam) is keras.optimizers.AdamW
    assert [adam._use_weight_decay(v) for v in model.trainable_variables] == [
        *(True, True, False, False, True, True)
    ]
    penal = optimizer_of(model, optimizer="rmsprop", weight_decay_form="l2", **fields)
    assert type(penal) is TensorFlowRMSProp
    assert (penal.decoupled_weight_decay, penal.l2_weight_decay) == (0.0, 0.5)
    assert len(penal.not_decayed) == 2


def test_gradients_are_scaled_down_to_the_global_norm(model):
    variables = model.trainable_variables
    gradients = [keras.ops.ones(variable.shape) for variable in variables]
    optimizer = optimizer_of(model, global_clipnorm=2.0)
    clipped = optimizer._clip_gradients(gradients)
    norm = sum(float(keras.ops.sum(keras.ops.square(g))) for g in clipped) ** 0.5
    assert norm == pytest.approx(2.0, rel=1e-5)


def test_only_what_keras_lacks_is_our_own(model):
    assert type(optimizer_of(model)) is keras.optimizers.AdamW
    for fields in ({"momentum_dtype": "bfloat16"}, {"layer_decay": 0.5}):
        assert type(optimizer_of(model, **fields)) is DecoupledAdam
    sgd = optimizer_of(model, optimizer="sgd", momentum=0.8, global_clipnorm=None)
    assert type(sgd) is MomentumSGD and sgd.momentum == 0.8
    assert sgd.global_clipnorm is None


def test_the_schedule_of_a_recipe_is_built_from_its_shares_and_steps():
    recipe = Recipe(decay="bit", decay_at=(0.2, 0.5), warmup_steps=10)
    schedule = build_schedule(recipe, 1000)
    assert schedule.decay_at == [200, 500] and schedule.warmup_steps == 10
    recipe = Recipe(decay="rsqrt", decay_timescale=7, cooldown_steps=100)
    schedule = build_schedule(recipe, 1000)
    assert (schedule.timescale, schedule.cooldown_steps) == (7, 100)
    recipe = Recipe(decay="exponential", decay_every=0.01, decay_factor=0.5)
    schedule = build_schedule(recipe, 1050)
    assert (schedule.every, schedule.factor) == (pytest.approx(10.5), 0.5)
    recipe = Recipe(decay="bit", decay_at=(0.2,), decay_to=(0.4,))
    assert build_schedule(recipe, 1000).decay_to == [0.4]
    assert build_schedule(Recipe(decay="linear", decay_end=0.5), 10).end == 0.5
