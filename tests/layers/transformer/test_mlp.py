import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, randomize
from derivatives import check_derivatives, on_tensorflow

from keras_vit.layers import MLP
from keras_vit.layers.transformer.mlp import GELUS, gelu_erf, gelu_tanh

X = inputs((2, 7, 16))


def built(**kwargs):
    layer = MLP(24, **kwargs)
    layer.build(X.shape)
    return randomize(layer)


@pytest.mark.parametrize("gelu", ["tanh", "erf", "quick", "swiglu"])
def test_output_equals_the_oracle(gelu):
    layer = built(swiglu=True) if gelu == "swiglu" else built(gelu=gelu)
    first, second = layer.dense_1, layer.dense_2
    arrays = {
        f"Dense_{i}/{name}": array(getattr(dense, name)).astype("float64")
        for i, dense in enumerate((first, second))
        for name in ("kernel", "bias")
    }
    expected = reference.mlp(X.astype("float64"), arrays, "", gelu)
    np.testing.assert_allclose(array(layer(X)), expected, atol=1e-5)


def test_a_swiglu_packs_gates_before_values():
    """With values of one everywhere, a gate of zero closes: silu(0) * 1 = 0."""
    layer = built(swiglu=True)
    assert layer.dense_1.kernel.shape == (16, 48) and layer.dense_1.bias.shape == (48,)
    assert layer.dense_2.kernel.shape == (24, 16)
    layer.dense_1.kernel.assign(np.zeros((16, 48)))
    bias = array(layer.dense_2.bias)
    layer.dense_1.bias.assign(np.r_[np.zeros(24), np.ones(24)])
    np.testing.assert_allclose(array(layer(X)), np.broadcast_to(bias, X.shape))
    layer.dense_1.bias.assign(np.r_[np.ones(24), np.zeros(24)])
    np.testing.assert_allclose(array(layer(X)), np.broadcast_to(bias, X.shape))
    layer.dense_1.bias.assign(np.ones(48))
    open_gates = array(layer.dense_2.kernel).sum(0) / (1 + np.exp(-1)) + bias
    np.testing.assert_allclose(
        array(layer(X)), np.broadcast_to(open_gates, X.shape), atol=1e-5
    )


def test_both_halves_of_a_swiglu_start_like_a_dense_layer():
    layer = MLP(512, swiglu=True)
    layer.build((1, 1, 256))
    kernel = array(layer.dense_1.kernel)
    limit = (6 / (256 + 512)) ** 0.5  # Xavier-uniform of (256, 512)
    for half in np.split(kernel, 2, axis=1):
        assert np.abs(half).max() == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", GELUS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_gelu_by_formula(kind, training, dtype):
    function = GELUS[kind][training]
    x = keras.ops.convert_to_tensor(np.linspace(-8, 8, 401), dtype)
    y = function(x)
    if dtype == "float64" and keras.backend.standardize_dtype(x.dtype) != dtype:
        pytest.skip("the backend has no float64")
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    x = array(keras.ops.cast(x, "float32" if "16" in dtype else dtype))
    y = array(keras.ops.cast(y, "float32" if "16" in dtype else dtype))
    expected = reference.gelu(x.astype("float64"), kind)
    tolerance = {"float32": 2e-6, "float64": 1e-14, "bfloat16": 3e-2, "float16": 4e-3}
    np.testing.assert_allclose(y, expected, atol=tolerance[dtype])


@on_tensorflow
@pytest.mark.parametrize("kind", GELUS)
def test_derivatives_of_gelu_in_training_are_those_of_the_formula(kind):
    plain, training = GELUS[kind]
    check_derivatives(lambda x: training(4 * x), lambda x: plain(4 * x), [(50,)])


@pytest.mark.parametrize("kind", GELUS)
def test_gelu_in_training_is_finite_far_out(kind):
    x = keras.ops.convert_to_tensor([-1e4, -100.0, 100.0, 1e4], "float32")
    y = array(GELUS[kind][True](x))
    np.testing.assert_array_equal(y, [0, 0, 100, 1e4])


@on_tensorflow
def test_gelu_and_bias_are_part_of_the_matrix_product():
    """Of the optimized graph, at inference; depends on the names of the operations."""
    import tensorflow as tf
    from tensorflow.python.eager import context  # has no public name
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        pytest.skip("this TensorFlow does not fuse a GELU on the CPU")
    layer = built()
    context.context().enable_graph_collection()
    try:
        tf.function(lambda x: layer(x, training=False))(X)
        graphs = context.context().export_run_metadata().function_graphs
    finally:
        context.context().disable_graph_collection()
    fused = [
        [name.decode() for name in node.attr["fused_ops"].list.s]
        for graph in graphs
        for node in graph.post_optimization_graph.node
        if node.op == "_FusedMatMul"
    ]
    assert fused == [["BiasAdd", "GeluApproximate"], ["BiasAdd"]]


def test_the_two_kinds_of_gelu_differ():
    x = keras.ops.linspace(-4.0, 4.0, 801)
    difference = np.abs(array(gelu_tanh(x)) - array(gelu_erf(x))).max()
    assert 4e-4 < difference < 5e-4


def test_exact_gelu_has_no_erfc():
    """ONNX Runtime refuses the `Erfc` operation of TensorFlow's own GELU."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("reads the operations of a TensorFlow graph")
    import tensorflow as tf

    layer = built(gelu="erf")
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec(X.shape)).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "Erf" in kinds and "Erfc" not in kinds


def test_dropout_acts_after_both_layers():
    layer = built(dropout_rate=0.5, seed=0)
    x = inputs((50, 7, 16))
    y = array(layer(x, training=True))
    assert abs((y == 0).mean() - 0.5) < 0.05  # the second
    layer.dense_2.kernel.assign(np.zeros((24, 16)))
    layer.dense_2.bias.assign(np.ones(16))
    y = array(layer(x, training=True))
    np.testing.assert_array_equal(np.unique(y), [0, 2])


def test_gelu_must_be_known():
    with pytest.raises(ValueError, match=r"'tanh', 'erf'.*gelu='exact'"):
        MLP(24, gelu="exact")
