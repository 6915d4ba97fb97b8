"""Optimizers against the updates that the original implementations made."""

import golden
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vit.training.optimizers.schedules import WarmupSchedule
from keras_vit.training.optimizers.update_rules import (
    DecoupledAdam,
    MomentumSGD,
    TensorFlowRMSProp,
)

RULES = (MomentumSGD, DecoupledAdam, TensorFlowRMSProp)


def follow(optimizer, arrays, steps, names):
    """Parameters after each update on `0.5 * curvature * (p - target) ** 2`."""
    variables = [
        keras.Variable(arrays[f"init.{name}"], name=name, dtype="float32")
        for name in names
    ]
    optimizer.build(variables)
    path = {name: [arrays[f"init.{name}"]] for name in names}
    for _ in range(steps):
        gradients = [
            arrays[f"curvature.{name}"] * (v - arrays[f"target.{name}"])
            for name, v in zip(names, variables)
        ]
        optimizer.apply(gradients, variables)
        for name, variable in zip(names, variables):
            path[name].append(keras.ops.convert_to_numpy(variable).copy())
    return {name: np.stack(values) for name, values in path.items()}


@pytest.fixture(scope="module")
def chain():
    arrays = golden.arrays("train/schedules.npz")
    sgd = {k.removeprefix("sgd."): v for k, v in arrays.items() if k.startswith("sgd")}
    return sgd, golden.config("train/schedules.json")["cases"]["sgd"]


def schedule_of(settings):
    given = settings["schedule"]
    return WarmupSchedule(
        given["base"], given["total_steps"], warmup_steps=given["warmup_steps"]
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_clip_and_sgd_are_those_of_the_official_chain(chain, dtype):
    arrays, settings = chain
    optimizer = MomentumSGD(
        schedule_of(settings),
        settings["momentum"],
        momentum_dtype=dtype,
        global_clipnorm=settings["clip"],
    )
    found = follow(optimizer, arrays, settings["steps"], ["w", "b"])
    for name in ("w", "b"):
        expected = arrays[f"{dtype}.param.{name}"]
        np.testing.assert_allclose(found[name], expected, rtol=2e-6, atol=2e-6)
    # The two differ, or the test would not tell them apart.
    difference = arrays["bfloat16.param.w"] - arrays["float32.param.w"]
    assert np.abs(difference).max() > 1e-4
    assert {keras.backend.standardize_dtype(v.dtype) for v in optimizer._momentums} == {
        dtype
    }


def test_the_sgd_of_keras_is_another_one_under_a_schedule(chain):
    # When this fails, Keras has changed and `MomentumSGD` may go.
    arrays, settings = chain
    optimizer = keras.optimizers.SGD(
        schedule_of(settings), settings["momentum"], global_clipnorm=settings["clip"]
    )
    found = follow(optimizer, arrays, settings["steps"], ["w"])
    difference = found["w"] - arrays["float32.param.w"]
    assert np.abs(difference).max() > 1e-2


@pytest.mark.parametrize("case", range(4))
def test_clipping_is_that_of_the_official_code(case):
    arrays = golden.arrays("train/schedules.npz")
    settings = golden.config("train/schedules.json")["cases"][f"clip.{case}"]
    names = ("a", "b", "c")
    gradients = [arrays[f"clip.{case}.grad.{name}"] for name in names]
    variables = [keras.Variable(np.zeros_like(g)) for g in gradients]
    optimizer = MomentumSGD(1.0, 0.0, global_clipnorm=settings["max_norm"])
    optimizer.apply(gradients, variables)
    for name, variable in zip(names, variables):
        expected = -arrays[f"clip.{case}.clipped.{name}"]
        value = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


NAMES = ("w", "b", "norm_scale")


def adam_of(settings, **options):
    # tensorflow-addons does not multiply the decay by the rate.
    rate = settings["learning_rate"]
    decay = settings["weight_decay"] / rate
    return DecoupledAdam(rate, decoupled_weight_decay=decay, **options)


def test_decoupled_adam_is_the_adamw_of_tensorflow_addons():
    arrays = golden.arrays("tfa/optimizers.npz")
    settings = golden.config("tfa/optimizers.json")["cases"]["adamw"]
    found = follow(adam_of(settings), arrays, settings["steps"], NAMES)
    for name in NAMES:
        expected = arrays[f"adamw.param.{name}"]
        np.testing.assert_allclose(
            found[name][-len(expected) :], expected, rtol=1e-5, atol=1e-5
        )


def test_decoupled_adam_is_the_adamw_of_keras():
    arrays = golden.arrays("tfa/optimizers.npz")
    ours = follow(DecoupledAdam(0.05, decoupled_weight_decay=0.2), arrays, 10, NAMES)
    keras_adamw = keras.optimizers.AdamW(0.05, weight_decay=0.2)
    theirs = follow(keras_adamw, arrays, 10, NAMES)
    for name in NAMES:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6, atol=1e-6)


def test_a_first_moment_in_bfloat16_is_rounded_and_the_second_is_not():
    arrays = golden.arrays("tfa/optimizers.npz")
    optimizer = DecoupledAdam(0.05, momentum_dtype="bfloat16")
    rounded = follow(optimizer, arrays, 10, NAMES)
    exact = follow(DecoupledAdam(0.05), arrays, 10, NAMES)
    difference = np.abs(rounded["w"] - exact["w"]).max()
    assert 1e-6 < difference < 5e-3
    # The first update uses the moment before it is rounded.
    np.testing.assert_array_equal(rounded["w"][1], exact["w"][1])
    dtypes = {
        v.path.rpartition("_")[2]: keras.backend.standardize_dtype(v.dtype)
        for v in optimizer.variables
    }
    assert dtypes["momentum"] == "bfloat16" and dtypes["velocity"] == "float32"


def test_rmsprop_is_that_of_tensorflow_1():
    arrays = golden.arrays("tfa/optimizers.npz")
    ours = follow(TensorFlowRMSProp(0.02), arrays, 10, NAMES)
    theirs = tf.compat.v1.train.RMSPropOptimizer(0.02, 0.9, 0.9, 1e-3)
    variables = [tf.Variable(arrays[f"init.{name}"]) for name in NAMES]
    for _ in range(10):
        gradients = [
            arrays[f"curvature.{name}"] * (v - arrays[f"target.{name}"])
            for name, v in zip(NAMES, variables)
        ]
        theirs.apply_gradients(zip(gradients, variables))
    for name, variable in zip(NAMES, variables):
        np.testing.assert_allclose(ours[name][-1], variable, rtol=1e-5, atol=1e-5)
    # That of Keras, whose mean square begins at zero, goes elsewhere.
    stock = keras.optimizers.RMSprop(0.02, rho=0.9, momentum=0.9, epsilon=1e-3)
    stock = follow(stock, arrays, 10, NAMES)
    assert np.abs(stock["w"] - ours["w"]).max() > 1e-2


@pytest.mark.parametrize("rule", RULES)
def test_decay_in_the_gradient_is_a_penalty_of_the_loss(rule):
    variables = [keras.Variable(np.full(2, 3.0, "float32"), name=n) for n in "ab"]
    kept = [variables[1].path]
    penal = rule(0.1, l2_weight_decay=0.5, not_decayed=kept)
    penal.build(variables)
    twins = [keras.Variable(np.full(2, 3.0, "float32"), name=n) for n in "ab"]
    plain = rule(0.1)
    plain.build(twins)
    for _ in range(3):
        penal.apply([np.ones(2, "float32")] * 2, variables)
        first = keras.ops.convert_to_numpy(twins[0])
        plain.apply([1 + 0.5 * first, np.ones(2, "float32")], twins)
    for one, other in zip(variables, twins):
        one, other = (keras.ops.convert_to_numpy(v) for v in (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_factors_scale_the_rate_and_the_decay_of_a_variable(rule):
    variables = [keras.Variable(np.ones(2, "float32"), name=n) for n in "abc"]
    paths = [v.path for v in variables]
    optimizer = rule(
        0.1,
        decoupled_weight_decay=0.5,
        not_decayed=paths[2:],
        rate_factors={paths[1]: 0.25, paths[2]: 0.25},
    )
    optimizer.build(variables)
    optimizer.apply([np.zeros(2, "float32")] * 3, variables)
    values = [keras.ops.convert_to_numpy(v)[0] for v in variables]
    np.testing.assert_allclose(values, [0.95, 0.9875, 1.0], rtol=1e-6)
    optimizer.apply([np.ones(2, "float32")] * 3, variables)
    moved = [
        before * (1 - decay) - keras.ops.convert_to_numpy(v)[0]
        for before, v, decay in zip(values, variables, (0.05, 0.0125, 0.0))
    ]
    np.testing.assert_allclose(moved, np.array([1, 0.25, 0.25]) * moved[0], rtol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_saved(rule):
    optimizer = rule(
        0.1, momentum_dtype="bfloat16", rate_factors={"a": 0.5}, use_ema=True
    )
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert again.get_config() == optimizer.get_config()


def test_an_unknown_type_of_momentum_is_refused():
    with pytest.raises(ValueError, match="momentum_dtype='float16'"):
        MomentumSGD(0.1, momentum_dtype="float16")
