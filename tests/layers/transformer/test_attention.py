import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, randomize
from derivatives import check_derivatives, on_tensorflow

from keras_vit.layers import MultiHeadSelfAttention
from keras_vit.layers.transformer.attention import attend, attended

X = inputs((2, 7, 16))


def built(num_heads=4, **kwargs):
    layer = MultiHeadSelfAttention(num_heads, **kwargs)
    layer.build((None, None, 16))
    return randomize(layer)


def oracle(layer, x):
    """Appendix A with the layer's weights, in float64."""
    heads = layer.num_heads
    arrays = {}
    kernel, bias = (array(w).astype("float64") for w in layer.query_key_value.weights)
    for i, part in enumerate(("query", "key", "value")):
        columns = np.s_[..., 16 * i : 16 * (i + 1)]
        inner = f"MultiHeadDotProductAttention_0/{part}"
        arrays[f"{inner}/kernel"] = kernel[columns].reshape(16, heads, -1)
        arrays[f"{inner}/bias"] = bias[columns].reshape(heads, -1)
    kernel, bias = (array(w).astype("float64") for w in layer.projection.weights)
    inner = "MultiHeadDotProductAttention_0/out"
    arrays[f"{inner}/kernel"] = kernel.reshape(heads, -1, 16)
    arrays[f"{inner}/bias"] = bias
    if layer.qk_norm:
        for part in ("query_norm", "key_norm"):
            gamma, beta = (array(w) for w in getattr(layer, part).weights)
            arrays.update({f"{part}/scale": gamma, f"{part}/bias": beta})
    settings = {"num_heads": heads, "qk_norm": layer.qk_norm, "epsilon": layer.epsilon}
    return reference.attention(x, x, arrays, "", settings)


@pytest.mark.parametrize(
    ("num_heads", "qk_norm"),
    [(1, False), (2, False), (16, False), (1, True), (4, True)],
)
def test_output_and_scores_equal_the_oracle(num_heads, qk_norm):
    layer = built(num_heads, qk_norm=qk_norm, epsilon=1e-3)
    output, scores = layer(X, return_attention_scores=True)
    expected, expected_scores = oracle(layer, X)
    np.testing.assert_allclose(array(output), expected, atol=1e-5)
    np.testing.assert_allclose(array(scores), expected_scores, atol=1e-6)


@on_tensorflow
def test_derivatives_without_scores_are_those_of_the_formula():
    shapes = [(2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 4)]  # queries, keys, values
    check_derivatives(attended, lambda *parts: attend(*parts)[0], shapes)


def test_scores_are_returned_on_request_only():
    layer = built()
    output, scores = layer(X, return_attention_scores=True)
    assert scores.shape == (2, 4, 7, 7)
    np.testing.assert_allclose(array(scores).sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(array(layer(X)), array(output), atol=1e-6)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_scores_are_float32_in_half_precision(dtype):
    output, scores = built(dtype=dtype)(X, return_attention_scores=True)
    assert keras.backend.standardize_dtype(output.dtype) == dtype.split("_")[-1]
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    # To float32's precision: a softmax in bfloat16 is off by 1e-3.
    np.testing.assert_allclose(array(scores).sum(-1), 1, atol=1e-6)


def test_large_logits_do_not_overflow():
    layer = built(dtype="mixed_float16")
    scores = layer(100 * X, return_attention_scores=True)[1]
    assert np.isfinite(array(scores)).all()


def test_declared_scores_are_the_real_ones():
    for dtype in ("float32", "mixed_bfloat16"):
        layer = built(dtype=dtype)
        specs = layer.compute_output_spec(
            keras.KerasTensor((None, 7, 16)), return_attention_scores=True
        )
        reals = layer(X, return_attention_scores=True)
        for spec, real in zip(specs, reals):
            assert spec.shape[1:] == tuple(real.shape[1:])
            assert spec.dtype == keras.backend.standardize_dtype(real.dtype)
    x = keras.Input((7, 16))
    model = keras.Model(x, built()(x, return_attention_scores=True))
    assert model.predict_on_batch(X)[1].shape == (2, 4, 7, 7)


def test_scores_are_those_before_dropout():
    layer = built(dropout_rate=0.9, seed=0)
    scores = layer(X, return_attention_scores=True)[1]
    trained = layer(X, training=True, return_attention_scores=True)
    np.testing.assert_array_equal(array(trained[1]), array(scores))
    assert np.abs(array(trained[0]) - array(layer(X))).max() > 0.01


def test_dropout_keeps_the_precision_of_float64():
    layer = built(dropout_rate=1e-9, dtype="float64", seed=0)
    x = inputs((2, 7, 16), dtype="float64")
    if keras.backend.standardize_dtype(layer(x).dtype) != "float64":
        pytest.skip("the backend has no float64")
    expected = oracle(layer, x)[0]
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-14)
    np.testing.assert_allclose(array(layer(x, training=True)), expected, atol=1e-7)


def test_equal_tokens_share_the_attention():
    x = np.repeat(X[:, :1], 7, axis=1)
    scores = built()(x, return_attention_scores=True)[1]
    np.testing.assert_allclose(array(scores), 1 / 7, atol=1e-6)


def test_any_number_of_tokens():
    layer = built()
    x = keras.Input((None, 16))
    model = keras.Model(x, layer(x))
    for tokens in (1, 5):
        np.testing.assert_allclose(
            array(model(X[:, :tokens])), oracle(layer, X[:, :tokens])[0], atol=1e-5
        )


def test_initial_kernels_are_those_of_separate_projections():
    layer = MultiHeadSelfAttention(4)
    layer.build((None, 7, 128))
    limit = (6 / 256) ** 0.5
    for part in (layer.query_key_value, layer.projection):
        kernel = array(part.kernel)
        assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
        assert not array(part.bias).any()
    first, second, third = np.split(array(layer.query_key_value.kernel), 3, axis=1)
    assert (first != second).any() and (second != third).any()


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="hidden_dim=16, num_heads=3"):
        MultiHeadSelfAttention(3)(X)
