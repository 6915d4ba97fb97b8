"""Losses and accuracy against closed forms, for both kinds of labels."""

import keras
import numpy as np
import pytest

from keras_vit.training import Recipe
from keras_vit.training.optimizers.losses import (
    LabelAccuracy,
    LabelSmoothedCrossentropy,
    SigmoidCrossentropy,
    build_loss,
)


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
    loss = LabelSmoothedCrossentropy()(np.array([1]), logits)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(20.0)


def test_the_loss_can_be_saved():
    loss = LabelSmoothedCrossentropy(0.2)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.label_smoothing == 0.2


LABELS = np.array([0, 3, 1, 1, 2])
MIXED = np.eye(4, dtype="float32")[LABELS] * 0.7
MIXED += np.eye(4, dtype="float32")[LABELS[::-1]] * 0.3


def logits_of(dtype="float32"):
    return (np.random.default_rng(0).normal(size=(5, 4)) * 3).astype(dtype)


@pytest.mark.parametrize("targets", [LABELS, MIXED], ids=["numbers", "shares"])
def test_the_sigmoid_loss_is_summed_over_classes_and_averaged_over_images(targets):
    logits = logits_of("float64")
    shares = np.eye(4)[LABELS] if targets.ndim == 1 else targets.astype("float64")
    p = 1 / (1 + np.exp(-logits))
    expected = -(shares * np.log(p) + (1 - shares) * np.log(1 - p)).sum(1).mean()
    loss = SigmoidCrossentropy()(targets, logits.astype("float32"))
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_large_logits_do_not_overflow():
    loss = SigmoidCrossentropy()(np.array([0]), np.array([[-200.0, 300.0]]))
    assert float(loss) == pytest.approx(500.0)


def test_mixed_labels_give_the_mixture_of_the_losses():
    logits, loss = logits_of(), LabelSmoothedCrossentropy()
    parts = [float(loss(labels, logits)) for labels in (LABELS, LABELS[::-1])]
    expected = 0.7 * parts[0] + 0.3 * parts[1]
    assert float(loss(MIXED, logits)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16"])
def test_losses_keep_float64_and_raise_half_precision(name, policy):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless told so at its start")
    loss = build_loss(Recipe(loss=name, dtype=policy))
    wide = policy == "float64"
    logits = logits_of("float64") if wide else keras.ops.cast(logits_of(), "bfloat16")
    value = loss(LABELS, logits)
    expected = "float64" if wide else "float32"
    assert keras.backend.standardize_dtype(value.dtype) == expected


@pytest.mark.parametrize("targets", [LABELS, MIXED], ids=["numbers", "shares"])
def test_accuracy_takes_both_kinds_of_labels(targets):
    metric = LabelAccuracy()
    logits = np.eye(4, dtype="float32")[[0, 3, 1, 0, 0]]
    metric.update_state(targets, logits)
    assert float(metric.result()) == pytest.approx(0.6)
    # A batch of one image, and a weight of zero for what only fills the batch.
    metric.update_state(targets[:1], logits[:1])
    assert float(metric.result()) == pytest.approx(4 / 6)
    metric.update_state(targets, logits, sample_weight=[0, 0, 0, 0, 0])
    assert float(metric.result()) == pytest.approx(4 / 6)


def test_the_metric_and_the_losses_are_saved():
    for part in (LabelAccuracy(), SigmoidCrossentropy()):
        config = keras.saving.serialize_keras_object(part)
        again = keras.saving.deserialize_keras_object(config)
        assert type(again) is type(part) and again.name == part.name
