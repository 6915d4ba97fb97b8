"""Averaged weights against a closed form and against another implementation."""

import golden
import keras
import numpy as np
import pytest

from keras_vit.training.optimizers.averaging import UseAverages, averaged
from keras_vit.training.optimizers.schedules import WarmupSchedule
from keras_vit.training.optimizers.update_rules import MomentumSGD


def one_weight(optimizer):
    """A model whose only weight moves by the rate at every update."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, loss=lambda y_true, y_pred: -y_pred)
    model.optimizer.build(model.trainable_variables)
    model.layers[0].kernel.assign([[0.0]])
    return model


def weight(model):
    return float(keras.ops.convert_to_numpy(model.layers[0].kernel)[0, 0])


@pytest.mark.parametrize("rule", [MomentumSGD, keras.optimizers.SGD])
def test_the_average_in_closed_form_and_counted_in_updates(rule):
    model = one_weight(rule(1.0, 0.0, use_ema=True, ema_momentum=0.75))
    ones = np.ones((6, 1), "float32")
    seen = []

    class Look(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            seen.append(weight(self.model))

    model.fit(
        ones,
        ones,
        batch_size=2,
        epochs=2,
        validation_data=(ones[:1], ones[:1]),
        callbacks=[UseAverages(), Look()],
        verbose=0,
    )
    # The weight is t after update t; the average begins with the first of them.
    averages, average = [], None
    for step in range(1, 7):
        average = step if average is None else 0.75 * average + 0.25 * step
        averages.append(average)
    assert seen == pytest.approx([averages[2], averages[5]])
    assert weight(model) == 6.0  # training went on with its own
    with averaged(model):
        assert weight(model) == pytest.approx(averages[5])
    assert weight(model) == 6.0


def test_an_error_inside_gives_the_weights_back():
    model = one_weight(MomentumSGD(1.0, 0.0, use_ema=True, ema_momentum=0.5))
    ones = np.ones((2, 1), "float32")
    model.fit(ones, ones, batch_size=1, callbacks=[UseAverages()], verbose=0)
    with pytest.raises(KeyError), averaged(model):
        assert weight(model) == 1.5
        raise KeyError
    assert weight(model) == 2.0


def test_keras_leaves_the_averages_in_the_model_when_fit_ends():
    # When this fails, `UseAverages` need not give the trained weights back any more.
    model = one_weight(MomentumSGD(1.0, 0.0, use_ema=True, ema_momentum=0.5))
    ones = np.ones((2, 1), "float32")
    model.fit(ones, ones, batch_size=1, verbose=0)
    assert weight(model) == 1.5


def test_nothing_happens_without_averages_or_before_the_first_update():
    for options in ({}, {"use_ema": True}):
        model = one_weight(MomentumSGD(1.0, **options))
        model.layers[0].kernel.assign([[5.0]])
        with averaged(model):
            assert weight(model) == 5.0


def test_the_average_is_that_of_tensorflow_addons_after_a_first_rate_of_zero():
    # Theirs begins with the initial weights; so does ours where a warm-up keeps the
    # first update from moving them.
    arrays = golden.arrays("tfa/optimizers.npz")
    settings = golden.config("tfa/optimizers.json")["cases"]["ma_sgd"]
    schedule = WarmupSchedule(0.1, 100, warmup_steps=1, decay="constant")
    variable = keras.Variable(arrays["init.w"], dtype="float32")
    optimizer = MomentumSGD(
        schedule, 0.0, use_ema=True, ema_momentum=settings["average_decay"]
    )
    for _ in range(1 + settings["steps"]):
        gradient = arrays["curvature.w"] * (variable - arrays["target.w"])
        optimizer.apply([gradient], [variable])
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(variable),
        arrays["ma_sgd.slot_average.w"][-1],
        rtol=1e-5,
    )
