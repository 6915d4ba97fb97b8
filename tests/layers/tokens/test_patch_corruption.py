"""A mask token, or another patch, in the place of a patch; nothing is random."""

import json

import keras
import numpy as np
import pytest
from cases import array, inputs

from keras_vit.layers import PatchCorruption, PatchEncoder

SHOWN = np.array([[0, -1, 0, 3], [-1, -1, 3, 2]], "int32")


def model(**kwargs):
    x = keras.Input((4, 8), name="x")
    shown = keras.Input((4,), dtype="int32", name="shown")
    layer = PatchCorruption(name="corruption", **kwargs)
    return keras.Model({"x": x, "shown": shown}, layer(x, shown=shown))


def expected(x, shown, token):
    rows = [
        [token if place < 0 else row[place] for place in places]
        for row, places in zip(x, shown)
    ]
    return np.array(rows)


def test_it_is_a_gather_to_the_bit():
    layer, x = PatchCorruption(), inputs((2, 4, 8))
    y = array(layer(x, shown=SHOWN))
    np.testing.assert_array_equal(y, expected(x, SHOWN, array(layer.mask_token)[0, 0]))
    np.testing.assert_array_equal(array(layer(x)), x)


@pytest.mark.parametrize(
    "dtype",
    [
        "mixed_bfloat16",
        pytest.param(
            "float64",
            marks=pytest.mark.skipif(
                keras.backend.backend() == "jax", reason="JAX has no float64 by default"
            ),
        ),
    ],
)
def test_other_precisions(dtype):
    network = model(dtype=dtype)
    x = inputs((1, 4, 8))
    y = network({"x": x, "shown": SHOWN[:1]})
    assert keras.backend.standardize_dtype(y.dtype) == dtype.removeprefix("mixed_")
    token = array(network.weights[0])[0, 0]
    found = np.array(array(keras.ops.cast(y, "float32")))
    np.testing.assert_allclose(found, expected(x, SHOWN[:1], token), rtol=0.01)


def test_compiled_saved_and_of_any_batch_size(tmp_path):
    network = model()
    network.compile("sgd", "mse", jit_compile=True)
    x = inputs((2, 4, 8))
    y = array(network.predict_on_batch({"x": x, "shown": SHOWN}))
    network.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    for count in (1, 2):
        batch = {"x": x[:count], "shown": SHOWN[:count]}
        np.testing.assert_array_equal(array(again(batch)), y[:count])


def test_config_survives_json():
    layer = PatchCorruption(name="a", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert config["registered_name"] == "keras_vit>PatchCorruption"


def test_gradients_reach_the_token_and_the_patches_that_are_shown():
    layer = PatchCorruption()
    layer.build((2, 4, 8))
    before = array(layer.mask_token).copy()
    x, dense = keras.Input((4, 3)), keras.layers.Dense(8)
    shown = keras.Input((4,), dtype="int32")
    network = keras.Model([x, shown], layer(dense(x), shown=shown))
    network.compile(keras.optimizers.SGD(1.0), "mse")
    kernel = array(dense.kernel).copy()
    network.train_on_batch([inputs((2, 4, 3)), SHOWN], inputs((2, 4, 8), 1))
    assert (array(layer.mask_token) != before).all()
    assert (array(dense.kernel) != kernel).any()


def test_positions_are_those_of_the_place():
    encoder = PatchEncoder(8, grid_size=(2, 2), corruption=True)
    x = inputs((2, 4, 12))
    plain, corrupted = array(encoder(x)), array(encoder(x, shown=SHOWN))
    positions = array(encoder.positions.embeddings)[:, 1:]
    token = array(encoder.corrupt.mask_token)[0, 0]
    moved = expected(plain[:, 1:] - positions, SHOWN, token) + positions
    np.testing.assert_allclose(corrupted[:, 1:], moved, atol=1e-6)
    np.testing.assert_array_equal(corrupted[:, 0], plain[:, 0])


def test_without_corruption_there_is_no_mask_token():
    encoder = PatchEncoder(8, grid_size=(2, 2))
    encoder.build((None, 4, 12))
    assert not [w for w in encoder.weights if "mask_token" in w.path]
