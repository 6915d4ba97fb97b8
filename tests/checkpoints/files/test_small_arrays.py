"""Values reach variables of every kind unchanged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vit.checkpoints.files.memory import (
    assign,
    handed_over,
    handed_over_together,
)

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("dtypes", [("f4", "f4", "f4"), ("f4", "f2", "f8"), ("f2",)])
def test_vectors_that_go_together_keep_their_values(dtypes):
    vectors = [
        RANDOM.normal(size=3 + i).astype(dtype) for i, dtype in enumerate(dtypes)
    ]
    given = handed_over_together([vector.copy() for vector in vectors])
    for vector, value in zip(vectors, given, strict=True):
        np.testing.assert_array_equal(np.asarray(value), vector)


def test_no_vectors_are_no_values():
    assert list(handed_over_together([])) == []


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_value_is_cast_to_the_type_of_its_variable(dtype):
    array = RANDOM.normal(size=(3, 4)).astype("f4")
    variable = keras.Variable(np.zeros((3, 4)), dtype=dtype)
    assign(variable, handed_over(array.copy()))
    assert variable.dtype == dtype
    expected = array.astype(tf.as_dtype(dtype).as_numpy_dtype)
    np.testing.assert_array_equal(np.asarray(variable.value), expected)


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (0, 1, 2)])
def test_axes_in_another_order_keep_every_number_in_its_place(axes):
    array = RANDOM.normal(size=(3, 4, 5)).astype("f4").transpose(axes)
    variable = keras.Variable(np.zeros(array.shape, "f4"))
    assign(variable, handed_over(array))
    np.testing.assert_array_equal(np.asarray(variable.value), array)


def test_a_variable_of_a_strategy_gets_its_value():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        variable = keras.Variable(np.zeros(5, "f4"))
    array = RANDOM.normal(size=5).astype("f4")
    assign(variable, handed_over(array.copy()))
    assert isinstance(variable.value, tf.distribute.DistributedValues)
    for value in strategy.experimental_local_results(variable.value):
        np.testing.assert_array_equal(value.numpy(), array)


def test_a_value_of_another_shape_is_refused():
    variable = keras.Variable(np.zeros(5, "f4"))
    with pytest.raises(ValueError, match=r"(?i)shape"):
        assign(variable, handed_over(np.zeros(4, "f4")))
    assert not np.asarray(variable.value).any()
