import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.training import Recipe
from keras_vit.training.optimizers import (
    LabelSmoothedCrossentropy,
    build_optimizer,
    not_decayed,
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


def test_gradients_are_scaled_down_to_the_global_norm(model):
    variables = model.trainable_variables
    gradients = [keras.ops.ones(variable.shape) for variable in variables]
    optimizer = optimizer_of(model, global_clipnorm=2.0)
    clipped = optimizer._clip_gradients(gradients)
    norm = sum(float(keras.ops.sum(keras.ops.square(g))) for g in clipped) ** 0.5
    assert norm == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_smoothed_crossentropy_in_closed_form(smoothing):
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype("float32") * 3
    labels = np.array([0, 3, 1, 1, 2])
    targets = np.eye(4)[labels] * (1 - smoothing) + smoothing / 4
    wide = logits.astype("float64")
    log_probabilities = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    expected = -(targets * log_probabilities).sum(axis=1).mean()
    loss = LabelSmoothedCrossentropy(smoothing)(labels, logits)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_half_precision_logits_make_a_float32_loss():
    logits = keras.ops.cast([[10.0, -10.0]], "bfloat16")
    loss = LabelSmoothedCrossentropy()([1], logits)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(20.0)


def test_the_loss_can_be_saved():
    loss = LabelSmoothedCrossentropy(0.2)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.label_smoothing == 0.2
