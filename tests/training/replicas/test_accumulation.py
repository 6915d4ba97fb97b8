"""One update from parts is the update from the whole batch."""

import dataclasses

import keras
import numpy as np
import pytest
from tiny_runs import TINY

import keras_vit
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run.build import build_model, compile_model

SIZES = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype("float32")
LABELS = np.arange(16) % 3
SHARES = np.eye(3, dtype="float32")[LABELS] * 0.6 + 0.4 / 3


def trained(parts, targets, jit_compile, optimizer="adamw", **options):
    """The model, what was fitted, and its history, after four updates."""
    recipe = dataclasses.replace(
        TINY,
        optimizer=optimizer,
        batch_size=8,
        learning_rate=0.01,
        warmup_steps=0,
        jit_compile=jit_compile,
        accumulation_steps=parts,
    )
    model = build_model(recipe, 3, {**SIZES, **options})
    head = model.get_layer("head").kernel
    head.assign(np.random.default_rng(1).normal(size=head.shape))
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=4)
    history = trainer.fit(
        IMAGES, targets, batch_size=8, epochs=2, shuffle=False, verbose=0
    )
    return model, trainer, history.history


@pytest.mark.parametrize(
    "targets, jit_compile",
    [pytest.param(LABELS, "yes", marks=pytest.mark.slow), (SHARES, "no")],
)
def test_the_update_is_that_of_the_whole_batch(targets, jit_compile):
    whole, _, history = trained(1, targets, jit_compile, "sgd")
    parts, trainer, other = trained(4, targets, jit_compile, "sgd")
    for one, two in zip(whole.get_weights(), parts.get_weights()):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)
    assert int(trainer.optimizer.iterations) == 4  # updates, not parts
    for name in history:
        np.testing.assert_allclose(history[name], other[name], rtol=1e-5)


def test_batch_norms_refuse_parts_unless_they_are_frozen():
    sizes = {"num_blocks": (1,), "stage_widths": (8,), "stem_width": 4}
    model = keras_vit.ResNet(3, **sizes, image_size=8)
    recipe = dataclasses.replace(TINY, batch_size=8, accumulation_steps=2)
    with pytest.raises(ValueError, match=r"accumulation_steps=2.*'conv1_bn'"):
        prepare_model(model, recipe)
    for layer in model.layers[:-1]:
        layer.trainable = False
    assert prepare_model(model, recipe).micro_batches == 2


def test_one_part_is_the_model_itself():
    model = build_model(TINY, 3, SIZES)
    assert prepare_model(model, TINY) is model


@pytest.mark.slow
def test_dropout_draws_anew_for_each_part():
    counts = []
    for parts in (1, 4):
        model, trainer, _ = trained(parts, LABELS, "no", dropout_rate=0.5)
        assert len(model.variables) == len(trainer.variables)
        seeds = [v for v in trainer.variables if "seed_generator" in v.path]
        # Keras keeps a key and a counter of draws.
        counts.append([int(keras.ops.convert_to_numpy(s)[1]) for s in seeds])
    assert counts[0] and counts[1] == [4 * count for count in counts[0]]
