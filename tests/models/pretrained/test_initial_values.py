"""Models that are filled from a file are built without values of their own."""

import golden
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints.files.arrays import Arrays

SIZES = dict(patch_size=8, num_layers=2, hidden_dim=48, mlp_dim=96, num_heads=3)
FILE = "vit/token_norep.ckpt.npz"


@pytest.fixture
def no_draws(monkeypatch):
    """Initializers of random numbers that are not to be asked."""

    def refuse(*args, **kwargs):
        raise AssertionError("a random value was drawn")

    for name in ("GlorotUniform", "RandomUniform", "RandomNormal", "LecunNormal"):
        monkeypatch.setattr(getattr(keras.initializers, name), "__call__", refuse)


def keras_is_well():
    """Whether Keras has no variables waiting for a value; it tries after a scope."""
    with keras.StatelessScope():
        pass
    return keras.layers.Dense(2)(keras.Input((3,))).shape == (None, 2)


def test_nothing_is_drawn_for_what_a_file_fills(no_draws):
    keras_vit.ViT(10, **SIZES, image_size=32, weights=golden.path(FILE))
    keras_vit.ViT(7, **SIZES, image_size=48, weights=golden.path(FILE))


def test_what_is_kept_starts_as_in_any_model():
    arrays = golden.arrays(FILE)
    model = keras_vit.from_checkpoint(arrays, keep=("head", "encoder_norm"))
    np.testing.assert_array_equal(model.get_layer("encoder_norm").gamma, np.ones(48))
    model = keras_vit.from_checkpoint(arrays, keep="block_01/mlp/dense_1")
    kernel = np.array(model.get_layer("block_01").mlp.dense_1.kernel)
    limit = np.sqrt(6 / (48 + 96))
    assert 0.9 * limit < np.abs(kernel).max() <= limit  # Xavier-uniform


def test_a_refusal_leaves_no_variables_waiting(no_draws):
    arrays = golden.arrays(FILE)
    del arrays["Transformer/encoder_norm/scale"]
    with pytest.raises(ValueError, match="encoder_norm/gamma"):
        keras_vit.ViT(10, **SIZES, image_size=32, weights=arrays)
    with keras.StatelessScope():
        pass  # would draw what is waiting


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_stop_in_the_middle_leaves_keras_well(error, monkeypatch):
    read, count = Arrays.read, iter(range(20))

    def stop_at_the_end(self, name):
        if next(count, None) is None:
            raise error("stopped")
        return read(self, name)

    monkeypatch.setattr(Arrays, "read", stop_at_the_end)
    with pytest.raises(error, match="stopped"):
        keras_vit.ViT(10, **SIZES, image_size=32, weights=golden.path(FILE))
    assert keras_is_well()


@pytest.mark.parametrize("fresh", [True, False])
def test_the_arrays_of_a_dictionary_stay_the_callers(fresh):
    arrays = golden.arrays(FILE)
    if fresh:
        model = keras_vit.from_checkpoint(arrays)
    else:
        model = keras_vit.ViT(10, **SIZES, image_size=32)
        keras_vit.load_weights(model, arrays)
    before = [np.array(v) for v in model.variables]
    for array in arrays.values():
        array += 1
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


@pytest.mark.slow
def test_a_filled_model_trains_and_its_source_does_not():
    source = keras_vit.from_checkpoint(golden.path(FILE))
    before = [np.array(v) for v in source.variables]
    model = keras_vit.from_checkpoint(source)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = golden.arrays("vit/token_norep.io.npz")["image"]
    model.train_on_batch(x, np.arange(len(x)))
    assert not np.array_equal(model.variables[0], before[0])
    for variable, value in zip(source.variables, before):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_a_model_is_filled_within_a_strategy():
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = keras_vit.from_checkpoint(golden.path(FILE))
    assert model.variables[0].value.distribute_strategy.num_replicas_in_sync == 1
    io = golden.arrays("vit/token_norep.io.npz")
    np.testing.assert_allclose(model(io["image"]), io["logits"], atol=2e-5)
