import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, randomize

from keras_vit.layers import AttentionPooling, TokenPooling

X = inputs((2, 7, 16))


def test_token_is_the_first():
    np.testing.assert_array_equal(array(TokenPooling("token")(X)), X[:, 0])


@pytest.mark.parametrize("skip", [0, 1, 3])
def test_gap_is_the_mean_of_the_others(skip):
    expected = X[:, skip:].mean(1)
    np.testing.assert_allclose(array(TokenPooling("gap", skip)(X)), expected, atol=1e-6)


def test_gap_all_is_the_mean_of_all():
    expected = X.mean(1)
    np.testing.assert_allclose(
        array(TokenPooling("gap_all", 3)(X)), expected, atol=1e-6
    )


@pytest.mark.parametrize("skip", [1, 2])
def test_prefix_is_its_tokens_side_by_side(skip):
    pool = TokenPooling("prefix", skip)
    expected = X[:, :skip].reshape(2, skip * 16)
    np.testing.assert_array_equal(array(pool(X)), expected)
    assert pool.compute_output_shape((None, 7, 16)) == (None, skip * 16)


def test_prefix_needs_tokens_to_read():
    with pytest.raises(ValueError, match=r"before the patches.*Received: skip=0"):
        TokenPooling("prefix")


def test_token_and_gap_stand_side_by_side():
    pool = TokenPooling("token+gap", 3)
    expected = np.concatenate([X[:, 0], X[:, 3:].mean(1)], axis=-1)
    np.testing.assert_allclose(array(pool(X)), expected, atol=1e-6)
    assert pool.compute_output_shape((None, 7, 16)) == (None, 32)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_mean_of_many_tokens_is_exact_in_half_precision(dtype):
    """Numbers that a sum in half precision would lose or overflow."""
    x = keras.ops.cast(np.full((1, 3000, 4), 100.0), dtype)
    pooled = TokenPooling("gap", dtype=dtype)(x)
    assert keras.backend.standardize_dtype(pooled.dtype) == dtype
    np.testing.assert_array_equal(array(keras.ops.cast(pooled, "float32")), 100)


def oracle(layer, x):
    """The map head of the NumPy reference with the layer's weights."""
    heads, values = layer.num_heads, {w.path: array(w) for w in layer.weights}
    values = {path.split("/", 1)[1]: v.astype("float64") for path, v in values.items()}
    inner = "MAPHead_0/MultiHeadDotProductAttention_0"
    kernels, biases = values["key_value/kernel"], values["key_value/bias"]
    arrays = {
        "MAPHead_0/probe": values["probe"],
        f"{inner}/query/kernel": values["query/kernel"].reshape(16, heads, -1),
        f"{inner}/query/bias": values["query/bias"].reshape(heads, -1),
        f"{inner}/out/kernel": values["projection/kernel"].reshape(heads, -1, 16),
        f"{inner}/out/bias": values["projection/bias"],
        "MAPHead_0/LayerNorm_0/scale": values["norm/gamma"],
        "MAPHead_0/LayerNorm_0/bias": values["norm/beta"],
    }
    for i, part in enumerate(("key", "value")):
        columns = np.s_[..., 16 * i : 16 * (i + 1)]
        arrays[f"{inner}/{part}/kernel"] = kernels[columns].reshape(16, heads, -1)
        arrays[f"{inner}/{part}/bias"] = biases[columns].reshape(heads, -1)
    for i in (1, 2):
        for name in ("kernel", "bias"):
            arrays[f"MAPHead_0/MlpBlock_0/Dense_{i - 1}/{name}"] = values[
                f"mlp/dense_{i}/{name}"
            ]
    settings = {
        "num_heads": heads,
        "qk_norm": False,
        "epsilon": layer.epsilon,
        "gelu": layer.gelu,
    }
    probe = np.repeat(arrays["MAPHead_0/probe"], len(x), axis=0)
    scores = reference.attention(probe, x, arrays, "MAPHead_0/", settings)[1]
    return reference.map_head(x, arrays, settings), scores


@pytest.mark.parametrize(
    "kwargs", [{}, {"mlp_dim": 24, "gelu": "erf", "epsilon": 1e-3}]
)
def test_attention_pooling_equals_the_oracle(kwargs):
    layer = AttentionPooling(4, **kwargs)
    layer.build(X.shape)
    randomize(layer)
    output, scores = layer(X, return_attention_scores=True)
    expected, expected_scores = oracle(layer, X)
    np.testing.assert_allclose(array(output), expected, atol=1e-5)
    np.testing.assert_allclose(array(scores), expected_scores, atol=1e-6)
    np.testing.assert_allclose(array(layer(X)), array(output), atol=1e-6)
    assert layer.mlp.mlp_dim == kwargs.get("mlp_dim", 64)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_declared_scores_are_the_real_ones(dtype):
    layer = AttentionPooling(4, dtype=dtype)
    x = keras.Input((7, 16))
    model = keras.Model(x, layer(x, return_attention_scores=True))
    for spec, real in zip(model.outputs, model(X)):
        assert spec.shape[1:] == tuple(real.shape[1:])
        assert spec.dtype == keras.backend.standardize_dtype(real.dtype)
    assert model.outputs[1].dtype == "float32"
    assert model.outputs[1].shape == (None, 4, 1, 7)


def test_the_order_of_the_tokens_does_not_matter():
    layer = AttentionPooling(4)
    layer.build(X.shape)
    randomize(layer)
    reversed_ = array(layer(np.ascontiguousarray(X[:, ::-1])))
    np.testing.assert_allclose(reversed_, array(layer(X)), atol=1e-5)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="pooling='max'"):
        TokenPooling("max")
    with pytest.raises(ValueError, match="hidden_dim=16, num_heads=3"):
        AttentionPooling(3)(X)
    with pytest.raises(ValueError, match="gelu='exact'"):
        AttentionPooling(4, gelu="exact")(X)
