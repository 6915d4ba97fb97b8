import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

from keras_vit.checkpoints.positions import resize_position_embeddings
from keras_vit.layers import PositionEmbedding, sincos2d


def added(layer, tokens, width=16):
    """What a layer adds to its input."""
    x = np.zeros((1, tokens, width), "float32")
    layer.build(x.shape)
    randomize(layer)
    return array(layer(x))[0]


def test_learned_is_a_vector_for_each_token():
    layer = PositionEmbedding("learned", (2, 3), prefix_tokens=1)
    table = added(layer, 7)
    np.testing.assert_array_equal(table, array(layer.embeddings)[0])
    assert layer.embeddings.shape == (1, 7, 16)


def test_learned_without_vectors_of_the_prefix():
    layer = PositionEmbedding("learned", (2, 3), prefix_tokens=2, embed_prefix=False)
    table = added(layer, 8)
    np.testing.assert_array_equal(table[:2], 0)
    np.testing.assert_array_equal(table[2:], array(layer.embeddings)[0])
    assert layer.embeddings.shape == (1, 6, 16)


@pytest.mark.parametrize("embed_prefix", [True, False])
def test_learned_2d_joins_a_column_and_a_row(embed_prefix):
    layer = PositionEmbedding(
        "learned_2d", (2, 3), prefix_tokens=1, embed_prefix=embed_prefix
    )
    table = added(layer, 7)
    rows, columns = array(layer.rows)[:, 0], array(layer.columns)[0]
    for i in range(2):
        for j in range(3):
            expected = np.concatenate([columns[j], rows[i]])
            np.testing.assert_array_equal(table[1 + 3 * i + j], expected)
    if embed_prefix:
        np.testing.assert_array_equal(table[0], array(layer.prefix)[0, 0])
    else:
        np.testing.assert_array_equal(table[0], 0)
    count = 2 * 8 + 3 * 8 + 16 * embed_prefix
    assert layer.count_params() == count


@pytest.mark.parametrize("embed_prefix", [True, False])
def test_sincos2d_is_fixed_and_leaves_the_prefix_alone(embed_prefix):
    layer = PositionEmbedding(
        "sincos2d", (2, 3), prefix_tokens=2, embed_prefix=embed_prefix
    )
    table = added(layer, 8)
    np.testing.assert_array_equal(table[:2], 0)
    np.testing.assert_allclose(table[2:], sincos2d((2, 3), 16), atol=1e-7)
    assert not layer.weights


def test_sincos2d_by_hand():
    table = sincos2d((3, 5), 8)
    assert table.shape == (15, 8) and table.dtype == "float64"
    for y in range(3):
        for x in range(5):
            expected = [
                f(v * w) for v in (x, y) for f in (np.sin, np.cos) for w in (1, 1e-4)
            ]
            np.testing.assert_allclose(table[5 * y + x], expected, atol=1e-15)


def test_sincos2d_takes_another_temperature():
    table = sincos2d((1, 2), 8, temperature=100.0)
    np.testing.assert_allclose(table[1, :2], np.sin([1, 0.01]), atol=1e-15)


def test_none_adds_nothing():
    x = inputs((2, 7, 16))
    layer = PositionEmbedding("none")
    np.testing.assert_array_equal(array(layer(x)), x)
    assert not layer.weights


def test_square_grids_are_found():
    layer = PositionEmbedding("learned_2d", prefix_tokens=1)
    added(layer, 10)
    assert layer.rows.shape[0] == 3 and layer.columns.shape[1] == 3


def test_learned_needs_no_grid():
    layer = PositionEmbedding("learned")
    added(layer, 6)
    assert layer.embeddings.shape == (1, 6, 16)


def test_the_standard_deviation_is_the_official_one():
    for kind, weight in (("learned", "embeddings"), ("learned_2d", "rows")):
        layer = PositionEmbedding(kind, (32, 32))
        layer.build((None, 1024, 64))
        values = array(getattr(layer, weight))
        assert values.std() == pytest.approx(0.02, rel=0.1)
        assert abs(values.mean()) < 0.003


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r"'sincos2d'.*kind='sincos'"):
        PositionEmbedding("sincos")
    with pytest.raises(ValueError, match="patch tokens=8"):
        PositionEmbedding("learned", (3, 3))(np.zeros((1, 8, 16), "float32"))
    with pytest.raises(ValueError, match="grid_size=None, patch tokens=8"):
        PositionEmbedding("learned_2d")(np.zeros((1, 8, 16), "float32"))
    with pytest.raises(ValueError, match="grid_size=None, patch tokens=None"):
        PositionEmbedding("learned")(keras.Input((None, 16)))
    with pytest.raises(ValueError, match=r"even.*hidden_dim=15"):
        PositionEmbedding("learned_2d")(np.zeros((1, 9, 15), "float32"))
    with pytest.raises(ValueError, match=r"multiple of 4.*hidden_dim=18"):
        PositionEmbedding("sincos2d")(np.zeros((1, 9, 18), "float32"))
    with pytest.raises(ValueError, match="hidden_dim=4"):
        sincos2d((2, 2), 4)


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic", "bicubic_antialias"])
def test_positions_are_resized_on_the_fly_as_they_are_at_load(kernel):
    layer = PositionEmbedding(grid_size=(2, 3), prefix_tokens=1, kernel=kernel)
    layer.build((1, 7, 4))
    table = inputs((1, 7, 4))
    layer.embeddings.assign(table)
    found = layer(np.zeros((1, 21, 4), "float32"), grid=(5, 4))
    expected = resize_position_embeddings(
        table, (5, 4), old_grid=(2, 3), prefix_tokens=1, kernel=kernel
    )
    np.testing.assert_allclose(array(found), expected, atol=1e-6)
