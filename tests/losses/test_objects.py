import functools

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs

from keras_vit.boxes import box_giou
from keras_vit.losses import giou_loss, global_sum, sigmoid_focal


def gradient(function, *arguments, xla=False):
    """The value of a function, and its gradients, under either backend."""
    arguments = [keras.ops.convert_to_tensor(value) for value in arguments]
    if keras.backend.backend() == "jax":
        import jax

        places = tuple(range(len(arguments)))
        value, slopes = jax.jit(jax.value_and_grad(function, places))(*arguments)
    else:
        import tensorflow as tf

        @tf.function(jit_compile=xla)
        def both(*arguments):
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                value = function(*arguments)
            return value, tape.gradient(value, arguments)

        value, slopes = both(*arguments)
    return float(value), [array(slope) for slope in slopes]


def test_focal_loss_and_its_gradient_equal_those_of_torchvision():
    known = golden.arrays("dense/segmentation_losses.npz")
    targets = np.eye(4, dtype="float32")[known["labels"]]
    value, (slope,) = gradient(
        lambda logits: keras.ops.mean(sigmoid_focal(targets, logits)),
        known["logits_nhwc"],
    )
    name = "torchvision_sigmoid_focal_mean"
    assert value == pytest.approx(float(known[name]), rel=1e-5)
    expected = known[f"{name}.grad_nhwc"]
    np.testing.assert_allclose(slope, expected, atol=1e-5 * np.abs(expected).max())


def test_focal_loss_without_focus_is_crossentropy_and_finite_far_out():
    targets, logits = (
        np.array([1.0, 0.0, 1.0, 0.0]),
        np.array([90.0, 90.0, -90.0, -90.0]),
    )
    values = sigmoid_focal(targets, logits, alpha=None, gamma=0.0)
    np.testing.assert_allclose(array(values), [0, 90, 90, 0], atol=1e-6)
    for gamma in (0.0, 0.5, 2.0):
        focal = functools.partial(sigmoid_focal, targets, gamma=gamma)
        value, (slope,) = gradient(lambda x, f=focal: keras.ops.sum(f(x)), logits)
        assert np.isfinite([value, *slope]).all()


def test_giou_loss_is_one_minus_the_golden_giou_with_finite_gradients():
    known = golden.arrays("dense/boxes.npz")
    a, b = known["a_xyxy"][:, None], known["b_xyxy"]
    np.testing.assert_allclose(array(giou_loss(a, b)), 1 - known["giou"], atol=1e-5)
    point = np.full((1, 4), 3.0, "float32")
    for other in (b, point):
        _, slopes = gradient(
            lambda x, other=other: keras.ops.sum(giou_loss(x, other)), point
        )
        assert np.isfinite(slopes).all()


def test_the_gradient_of_giou_loss_is_its_slope():
    # Away from the corners at which it has none.
    given = np.sort(inputs((5, 2, 2), 1, "float64"), axis=1).reshape(5, 4)
    others = np.sort(inputs((5, 2, 2), 2, "float64"), axis=1).reshape(5, 4)
    _, (slope,) = gradient(lambda x: keras.ops.sum(giou_loss(x, others)), given)
    step = 1e-3 * np.eye(4)
    above, below = (
        box_giou((given[:, None] + s), others[:, None]) for s in (step, -step)
    )
    np.testing.assert_allclose(slope, (below - above) / 2e-3, atol=1e-2)


def test_half_precision_is_computed_in_float32():
    logits = keras.ops.cast(inputs((3, 2)), "bfloat16")
    assert keras.backend.standardize_dtype(sigmoid_focal(logits > 0, logits).dtype) == (
        "float32"
    )


def test_a_sum_over_one_device_is_the_value():
    assert float(global_sum(keras.ops.convert_to_tensor(3.0))) == 3
