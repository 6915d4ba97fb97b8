import numpy as np
import pytest
from cases import array, inputs, randomize

from keras_vit.layers import PatchEncoder

PATCHES = inputs((2, 6, 12))


def encoded(**kwargs):
    """An encoder with random weights, and its output."""
    layer = PatchEncoder(16, grid_size=(2, 3), **kwargs)
    layer.build(PATCHES.shape)
    randomize(layer)
    return layer, array(layer(PATCHES))


def projected(layer):
    kernel, bias = (array(w) for w in layer.projection.weights)
    return PATCHES @ kernel + bias


def test_equation_one():
    layer, tokens = encoded()
    positions = array(layer.positions.embeddings)
    token = np.repeat(array(layer.class_token_weight), 2, axis=0)
    expected = np.concatenate([token, projected(layer)], axis=1) + positions
    np.testing.assert_allclose(tokens, expected, atol=1e-5)


def test_position_zero_is_the_class_token():
    layer, tokens = encoded(position_embedding="none")
    np.testing.assert_array_equal(tokens[0, 0], tokens[1, 0])
    np.testing.assert_array_equal(tokens[0, 0], array(layer.class_token_weight)[0, 0])


def test_registers_stand_between_class_token_and_patches():
    layer, tokens = encoded(position_embedding="none", register_tokens=3)
    assert tokens.shape == (2, 10, 16) and layer.prefix_tokens == 4
    np.testing.assert_array_equal(tokens[1, 1:4], array(layer.register_weight)[0])
    np.testing.assert_allclose(tokens[:, 4:], projected(layer), atol=1e-5)


def test_registers_without_a_class_token():
    layer, tokens = encoded(register_tokens=1, class_token=False)
    assert tokens.shape == (2, 7, 16)
    assert layer.positions.embeddings.shape == (1, 7, 16)


def test_without_a_prefix_only_patches_are_left():
    layer, tokens = encoded(class_token=False, position_embedding="none")
    np.testing.assert_allclose(tokens, projected(layer), atol=1e-5)


def test_the_prefix_may_have_no_positions():
    layer, tokens = encoded(embed_prefix=False)
    np.testing.assert_array_equal(tokens[0, 0], array(layer.class_token_weight)[0, 0])


def test_dropout_acts_on_every_token():
    layer = PatchEncoder(16, position_embedding="learned", dropout_rate=0.5, seed=1)
    layer.build((2, 9, 12))
    randomize(layer)
    x = inputs((2, 9, 12))
    ratio = array(layer(x, training=True)) / array(layer(x))
    np.testing.assert_allclose(np.unique(np.round(ratio, 4)), [0, 2])
    assert (ratio[:, 0] == 0).any() and (ratio[:, 0] != 0).any()


def test_a_class_token_starts_at_zero():
    layer = PatchEncoder(16, register_tokens=2)
    layer.build((None, 9, 12))
    assert not array(layer.class_token_weight).any()
    assert 0 < np.abs(array(layer.register_weight)).max() < 1e-5


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r"'learned_2d'.*kind='2d'"):
        PatchEncoder(16, position_embedding="2d")
    with pytest.raises(ValueError, match=r"grid_size=\(2, 2\), patch tokens=6"):
        PatchEncoder(16, grid_size=(2, 2))(PATCHES)
