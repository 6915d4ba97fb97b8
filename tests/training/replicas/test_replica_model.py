"""The training step of replicas, on one device: parts, executions, ends of data."""

import dataclasses

import keras
import numpy as np
import pytest
from tiny_runs import TINY

from keras_vit.losses import PixelCrossentropy
from keras_vit.training.replicas import num_replicas, prepare_model
from keras_vit.training.run.batches import check_executions
from keras_vit.training.run.build import build_model, compile_model

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras has its own under JAX"
)
SIZES = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
IMAGES = np.random.default_rng(0).normal(size=(18, 8, 8, 1)).astype("float32")
LABELS = np.arange(18) % 3


def trainer_of(**changes):
    changes = {"steps_per_execution": 4, "warmup_steps": 0, **changes}
    recipe = dataclasses.replace(TINY, optimizer="sgd", **changes)
    model = build_model(recipe, 3, SIZES)
    head = model.get_layer("head").kernel
    head.assign(np.random.default_rng(1).normal(size=head.shape))
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=20)
    return trainer


def batches(known=True):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    if not known:
        data = data.filter(lambda *_: True)
    return data.batch(4)


def weights_of(trainer):
    return [keras.ops.convert_to_numpy(w) for w in trainer.weights]


@pytest.mark.slow
@tensorflow_only
def test_executions_end_with_the_epoch_and_change_nothing():
    one, four = trainer_of(steps_per_execution=1), trainer_of()
    assert type(one) is not type(four) and num_replicas(four) == 1
    for trainer in (one, four):
        trainer.fit(batches().repeat(), steps_per_epoch=6, epochs=2, verbose=0)
        assert int(trainer.optimizer.iterations) == 12
    for a, b in zip(weights_of(one), weights_of(four), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    first, second = [t.evaluate(batches(), verbose=0) for t in (one, four)]
    np.testing.assert_allclose(first, second, rtol=1e-6)
    steps = four.evaluate(batches().repeat(), steps=2, verbose=0)
    np.testing.assert_allclose(
        steps, one.evaluate(batches().take(2), verbose=0), rtol=1e-6
    )


@tensorflow_only
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_nothing_is_done_without_data():
    # Dropout draws, too, would go on; Keras counts 15 updates of 12 here.
    trainer, other = trainer_of(), trainer_of()
    trainer.fit(batches(known=False), epochs=3, verbose=0)
    other.fit(batches(), epochs=3, verbose=0)
    assert int(trainer.optimizer.iterations) == 15  # five batches, the last one of 2
    for a, b in zip(trainer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)))


@tensorflow_only
def test_one_batch_and_eager_steps():
    trainer, other = trainer_of(), trainer_of()
    other.run_eagerly = True
    found = []
    for each in (trainer, other):
        loss = each.train_on_batch(IMAGES[:4], LABELS[:4])
        found.append([*loss, *each.test_on_batch(IMAGES, LABELS)])
    np.testing.assert_allclose(*found, rtol=1e-5)


@tensorflow_only
def test_parts_of_a_batch_that_they_do_not_divide():
    plain = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "drop_path_rate": 0.0}
    whole = trainer_of(steps_per_execution=1, **plain)
    parts = trainer_of(accumulation_steps=4, batch_size=4, **plain)
    for trainer in (whole, parts):
        trainer.fit(batches(), verbose=0)  # the last batch has two images
    for a, b in zip(weights_of(whole), weights_of(parts), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_parts_of_unequal_weight():
    plain = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "drop_path_rate": 0.0}
    weights = np.random.default_rng(2).random(18).astype("float32")
    weights[:4] = 0
    found = []
    for parts in (1, 2):
        trainer = trainer_of(steps_per_execution=1, accumulation_steps=parts, **plain)
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        trainer.compile("sgd", loss, jit_compile=False)
        metrics = trainer.train_on_batch(IMAGES[:16], LABELS[:16], weights[:16])
        found.append([metrics, *weights_of(trainer)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@tensorflow_only
@pytest.mark.slow
def test_xla_compiles_everything_on_one_device():
    losses = []
    for jit_compile in ("no", "yes"):
        trainer = trainer_of(
            jit_compile=jit_compile,
            accumulation_steps=2,
            remat=True,
            ema_momentum=0.9,
            dropout_rate=0.0,
            attention_dropout_rate=0.0,
            drop_path_rate=0.0,
        )
        assert trainer.jit_compile is (jit_compile == "yes")
        data = batches().take(4).repeat()
        losses += [trainer.fit(data, steps_per_epoch=6, verbose=0).history["loss"]]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_executions_that_do_not_divide_an_epoch_are_refused_elsewhere(monkeypatch):
    recipe = dataclasses.replace(TINY, steps_per_execution=4)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    check_executions(recipe, 8, 16)
    with pytest.raises(ValueError, match="steps_per_execution=4, 6 updates"):
        check_executions(recipe, 6, 12)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    check_executions(recipe, 6, 12)


@tensorflow_only
def test_a_loss_of_a_whole_batch_is_refused_where_batches_are_split():
    trainer = trainer_of(accumulation_steps=2, batch_size=4)
    with pytest.raises(ValueError, match=r"PixelCrossentropy.*2 parts"):
        trainer.compile(loss=PixelCrossentropy())
    trainer.compile(loss=PixelCrossentropy(ignore_class=None))
