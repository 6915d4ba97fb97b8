"""First and second derivatives, for gradients that are written out."""

import keras
import numpy as np
import pytest
from cases import inputs

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="needs the TensorFlow backend"
)


def check_derivatives(function, plain, shapes):
    """Holds the derivatives of `function` against those of `plain`, in float64.

    Args:
        function: Tensors to one tensor.
        plain: The same, differentiated automatically.
        shapes: The shapes of the tensors.
    """
    import tensorflow as tf

    arguments = [
        tf.constant(inputs(shape, i, "float64")) for i, shape in enumerate(shapes)
    ]
    others = [
        tf.constant(inputs(shape, 9 + i, "float64")) for i, shape in enumerate(shapes)
    ]

    def derivatives(function):
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                y = function(*arguments)
                weights = tf.constant(inputs(y.shape, 5, "float64"))
                loss = tf.reduce_sum(weights * y**2)
            first = tape.gradient(loss, arguments)
            probe = sum(tf.reduce_sum(a * b) for a, b in zip(first, others))
        return [y, *first, *outer.gradient(probe, arguments)]

    for ours, right in zip(derivatives(function), derivatives(plain)):
        np.testing.assert_allclose(ours, right, rtol=1e-8, atol=1e-9)
