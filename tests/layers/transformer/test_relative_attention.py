import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.layers import MultiHeadSelfAttention, RelativeSelfAttention

TOKENS = np.random.default_rng(0).normal(size=(2, 7, 8)).astype("float32")


def made(grid=(2, 3), prefix=1, tokens=7, **options):
    layer = RelativeSelfAttention(2, grid_size=grid, prefix_tokens=prefix, **options)
    layer.build((None, tokens, 8))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


def array(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("prefix", [0, 1, 3])
def test_each_pair_of_tokens_has_the_number_of_its_offset(prefix):
    rows, columns = 2, 3
    layer = made((rows, columns), prefix, prefix + 6)
    table = array(layer.relative_positions)
    places = [None] * prefix
    places += [(r, c) for r in range(rows) for c in range(columns)]
    bias = array(layer.bias())
    for i, query in enumerate(places):
        for j, key in enumerate(places):
            if query and key:
                down, right = query[0] - key[0], query[1] - key[1]
                expected = table[:, down + rows - 1, right + columns - 1]
            elif query:
                expected = array(layer.patches_to_prefix)[:, 0, j]
            elif key:
                expected = array(layer.prefix_to_patches)[:, i, 0]
            else:
                expected = array(layer.prefix_to_prefix)[:, i, j]
            np.testing.assert_array_equal(bias[:, i, j], expected)


def test_the_bias_is_added_to_the_logits_before_the_softmax():
    layer = made()
    plain = MultiHeadSelfAttention(2)
    plain.build((None, 7, 8))
    for part in ("query_key_value", "projection"):
        getattr(plain, part).set_weights(getattr(layer, part).get_weights())
    _, without = plain(TOKENS, return_attention_scores=True)
    _, scores = layer(TOKENS, return_attention_scores=True)
    expected = array(without) * np.exp(array(layer.bias()))
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(array(scores), expected, rtol=1e-4, atol=1e-6)
    # All biases equal: what is added to every logit of a row changes nothing.
    for weight in layer.weights:
        if weight.name in ("relative_positions",) or "prefix" in weight.name:
            weight.assign(np.ones(weight.shape))
    np.testing.assert_allclose(array(layer(TOKENS)), array(plain(TOKENS)), atol=1e-5)


def test_a_grid_that_does_not_hold_the_patches_is_refused():
    with pytest.raises(ValueError, match=r"grid_size=\(3, 3\), prefix_tokens=1"):
        made((3, 3))


# In a model ------------------------------------------------------------------------


def model(image_size=(8, 12), **options):
    return keras_vit.ViT(
        **{
            "num_classes": 3,
            "patch_size": 4,
            "num_layers": 2,
            "hidden_dim": 8,
            "mlp_dim": 8,
            "num_heads": 2,
            "image_size": image_size,
            "position_embedding": "relative",
            **options,
        }
    )


def test_every_block_has_a_table_of_its_own_and_the_input_none():
    paths = [v.path for v in model().trainable_variables]
    tables = [path for path in paths if "relative_positions" in path]
    assert len(tables) == 2 and not any("embeddings" in path for path in paths)


def test_another_image_size_resizes_the_offsets():
    small = model()
    name = "block_01/attention/relative_positions"
    for variable in small.variables:
        if variable.path.endswith("relative_positions"):
            ramp = np.arange(5.0)[None, None] + 10 * np.arange(3.0)[None, :, None]
            variable.assign(np.broadcast_to(ramp, variable.shape))
    large = keras_vit.with_image_size(small, (16, 20))
    found = {v.path: array(v) for v in large.variables}[name]
    assert found.shape == (2, 7, 9)
    # A ramp stays one: the extremes are those of the old table.
    expected = np.linspace(0, 4, 9)[None, None] + 10 * np.linspace(0, 2, 7)[:, None]
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-5)
    same = keras_vit.with_image_size(large, (16, 20))
    x = np.ones((1, 16, 20, 3), "float32")
    np.testing.assert_array_equal(array(same(x)), array(large(x)))


@pytest.mark.parametrize(
    "options",
    [
        {"register_tokens": 2},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"pooling": "gap"}, marks=pytest.mark.slow),
    ],
)
def test_the_model_is_saved_and_compiled(options, tmp_path):
    first = model(**options)
    head = first.get_layer("head").kernel
    head.assign(np.random.default_rng(0).normal(size=head.shape))
    x = np.random.default_rng(1).normal(size=(2, 8, 12, 3)).astype("float32")
    first.save(tmp_path / "model.keras")
    expected = array(first(x))
    first.compile(jit_compile=True)
    np.testing.assert_allclose(first.predict(x, verbose=0), expected, atol=1e-5)
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(again(x)), expected)


def test_the_gradient_reaches_every_table():
    made = model(pooling="gap", class_token=True)
    head = made.get_layer("head").kernel
    head.assign(np.random.default_rng(0).normal(size=head.shape))
    tables = [v for v in made.trainable_variables if "attention/" in v.path]
    before = [array(v).copy() for v in tables]
    made.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    x = np.random.default_rng(1).normal(size=(2, 8, 12, 3)).astype("float32")
    made.train_on_batch(x, np.ones((2, 3), "float32"))
    for variable, value in zip(tables, before):
        moved = np.abs(array(variable) - value).max()
        # A class token that nobody reads has no gradient in the last block.
        unread = variable.path.startswith("block_01") and "prefix_to" in variable.path
        assert (moved > 0) != unread, variable.path


@pytest.mark.parametrize(
    "options, message",
    [
        ({"position_scope": "shared"}, "position_scope='shared'"),
        ({"image_size": (None, None)}, "need a known image size"),
        ({"position_embedding": "relativ"}, "Did you mean 'relative'"),
    ],
)
def test_a_contradiction_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options)
