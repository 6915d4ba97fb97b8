import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, randomize

from keras_vit.layers import LayerScale, TransformerBlock

X = inputs((2, 7, 16))


def built(**kwargs):
    layer = TransformerBlock(4, 24, **kwargs)
    layer.build((None, 7, 16))
    return randomize(layer)


def branches(block, x):
    """The two residual branches, from the block's own parts."""
    attended = array(block.attention(block.attention_norm(x)))
    x = x + attended
    return attended, array(block.mlp(block.mlp_norm(x)))


def test_equations_two_and_three():
    block = built()
    attended, changed = branches(block, X)
    np.testing.assert_allclose(array(block(X)), X + attended + changed, atol=1e-6)


def test_norms_use_the_official_epsilon():
    # At this scale 1e-6, 1e-5 and Keras's own 1e-3 give quite different numbers.
    x = inputs((2, 7, 16)) * 1e-3
    for epsilon in (1e-6, 1e-5):
        block = built(epsilon=epsilon)
        for norm in (block.attention_norm, block.mlp_norm):
            arrays = {"scale": array(norm.gamma), "bias": array(norm.beta)}
            expected = reference.layer_norm(x.astype("float64"), arrays, "", epsilon)
            np.testing.assert_allclose(array(norm(x)), expected, atol=1e-4)
    assert TransformerBlock(4, 24).epsilon == 1e-6


def test_scores_are_returned_on_request_only():
    block = built()
    output, scores = block(X, return_attention_scores=True)
    np.testing.assert_allclose(array(block(X)), array(output), atol=1e-6)
    inner = block.attention(block.attention_norm(X), return_attention_scores=True)[1]
    np.testing.assert_array_equal(array(scores), array(inner))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_declared_scores_are_the_real_ones(dtype):
    block = built(dtype=dtype)
    x = keras.Input((7, 16))
    model = keras.Model(x, block(x, return_attention_scores=True))
    for spec, real in zip(model.outputs, model(X)):
        assert spec.shape[1:] == tuple(real.shape[1:])
        assert spec.dtype == keras.backend.standardize_dtype(real.dtype)
    assert model.outputs[1].dtype == "float32"


def test_layer_scale_multiplies_both_branches():
    block = built(layer_scale=0.5)
    scales = [w for w in block.weights if w.path.endswith("_scale/gamma")]
    assert len(scales) == 2
    for scale in scales:
        scale.assign(np.zeros(16))
    np.testing.assert_array_equal(array(block(X)), X)


def test_layer_scale_starts_at_its_value():
    layer = LayerScale(1e-5)
    np.testing.assert_allclose(array(layer(X)), X * 1e-5, rtol=1e-6)
    block = TransformerBlock(4, 24, layer_scale=0.25)
    block.build(X.shape)
    for weight in block.weights:
        if weight.path.endswith("_scale/gamma"):
            np.testing.assert_array_equal(array(weight), 0.25)


def test_stochastic_depth_drops_the_branches_apart():
    block = built(drop_path_rate=0.5, seed=0)
    x = np.repeat(X[:1], 200, axis=0)
    y = array(block(x, training=True)) - x
    attended, _ = branches(block, x)
    alone = array(block.mlp(block.mlp_norm(x)))[0]
    doubled = x + 2 * attended
    after = array(block.mlp(block.mlp_norm(doubled)))[0]
    outcomes = {
        "neither": np.zeros_like(alone),
        "attention": 2 * attended[0],
        "mlp": 2 * alone,
        "both": 2 * attended[0] + 2 * after,
    }
    seen = {name: 0 for name in outcomes}
    for row in y:
        errors = {name: np.abs(row - value).max() for name, value in outcomes.items()}
        name = min(errors, key=errors.get)
        assert errors[name] < 1e-4
        seen[name] += 1
    # Independent coins: each of the four in a quarter of the cases.
    assert all(25 <= count <= 75 for count in seen.values()), seen


def test_draws_of_one_seed_differ():
    """Attention dropout and MLP dropout must not share their masks."""
    block = built(dropout_rate=0.5, seed=0)
    ones = np.ones((4, 7, 16), "float32")
    first = array(block.attention_tail[0](ones, training=True))
    second = array(block.mlp.dropout(ones, training=True))
    assert (first != second).any()


def test_training_reaches_every_part_without_being_passed_on():
    x = inputs((64, 7, 16))
    for rate in ("dropout_rate", "attention_dropout_rate", "drop_path_rate"):
        block = built(**{rate: 0.5}, seed=0)
        assert (array(block(x, training=True)) != array(block(x))).any()
        inner = keras.Input((7, 16))
        model = keras.Model(inner, block(inner))
        assert (array(model(x, training=True)) != array(model(x))).any()
        np.testing.assert_array_equal(array(model(x)), array(block(x)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_heads": 3}, "hidden_dim=16, num_heads=3"),
        ({"gelu": "exact"}, "gelu='exact'"),
        ({"drop_path_rate": 1.0}, "rate=1.0"),
        ({"dropout_rate": 1.5}, "rate"),
        ({"attention_dropout_rate": -0.5}, "rate"),
    ],
)
def test_mistakes_are_told(wrong, words):
    with pytest.raises(ValueError, match=words):
        TransformerBlock(**{"num_heads": 4, "mlp_dim": 24, **wrong})(X)


def test_post_norm_follows_each_sum():
    block = built(norm="post", activation="relu")
    x = array(block.attention_norm(X + array(block.attention(X))))
    expected = array(block.mlp_norm(x + array(block.mlp(x))))
    np.testing.assert_allclose(array(block(X)), expected, atol=1e-6)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("grid", [None, (1, 7)])
def test_padding_changes_nothing_for_the_other_tokens(norm, grid):
    block = built(norm=norm, relative_grid=grid)
    keep = np.array([[True] * 5 + [False] * 2, [True] * 7])
    other = X.copy()
    other[0, 5:] = 9.0
    for options in ({}, {"return_attention_scores": True}):
        one, two = (block(x, keep=keep, **options) for x in (X, other))
        if options:
            (one, scores), (two, _) = one, two
            scores = array(scores)
            assert not scores[0, :, :, 5:].any() and scores[1, :, :, 5:].all()
            np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)
        np.testing.assert_allclose(array(one)[0, :5], array(two)[0, :5], atol=1e-6)
        np.testing.assert_allclose(array(one)[1], array(block(X))[1], atol=1e-6)
        assert np.isfinite(array(one)).all()


def test_padding_of_a_recomputed_block_is_padding_too():
    keep = np.array([[True] * 5 + [False] * 2, [True] * 7])
    plain, recomputed = built(), built(remat=True)
    recomputed.set_weights(plain.get_weights())
    values = [array(each(X, training=True, keep=keep)) for each in (plain, recomputed)]
    np.testing.assert_allclose(*values, atol=1e-6)


def test_a_relu_stands_in_the_place_of_the_gelu():
    block = built(activation="relu")
    x = array(block.mlp.dense_1(X.reshape(-1, 16)))
    expected = array(block.mlp.dense_2(np.maximum(x, 0))).reshape(X.shape)
    np.testing.assert_allclose(array(block.mlp(X)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="SwiGLU stands"):
        TransformerBlock(4, 24, swiglu=True, activation="relu")
    with pytest.raises(ValueError, match="`norm` must be one of"):
        TransformerBlock(4, 24, norm="sandwich")
