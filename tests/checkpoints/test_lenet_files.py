"""Files of LeNet-5: what people save of PyTorch's tutorials."""

import golden
import keras
import numpy as np
import pytest
from cases import array

import keras_vit

CASE = "lineage/lenet/modern_tanh_average"
KNOWN = dict(activation="tanh", subsampling="average")
LAYERS = {"conv1": "c1", "conv2": "c3", "fc1": "c5", "fc2": "f6"}


def state():
    return golden.read_safetensors(golden.path(f"{CASE}/model.safetensors"))


def test_every_layer_equals_pytorch():
    io = golden.arrays(f"{CASE}/io.npz")
    model = keras_vit.from_checkpoint(golden.path(CASE), **KNOWN)
    assert model.input_shape == (None, 32, 32, 1)
    views = [model.get_layer(name).output for name in LAYERS.values()]
    *values, logits = keras.Model(model.input, [*views, model.output])(io["image"])
    np.testing.assert_allclose(array(logits), io["logits"], rtol=0, atol=2e-5)
    for name, found in zip(LAYERS, map(array, values)):
        expected = np.tanh(io[name])  # theirs are before the activation
        if expected.ndim == 4:
            found = found[:1].transpose(0, 3, 1, 2)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


def test_what_no_array_shows_is_asked_for():
    arrays = state()
    with pytest.raises(ValueError, match=r"does not tell `activation`.*'tanh' or"):
        keras_vit.from_checkpoint(arrays)
    with pytest.raises(ValueError, match=r"`subsampling`.*'average' or 'max'"):
        keras_vit.from_checkpoint(arrays, activation="relu")
    with pytest.raises(ValueError, match="`activation` must be given"):
        keras_vit.LeNet5(variant="modern", weights=arrays)
    model = keras_vit.LeNet5(variant="modern", weights=arrays, **KNOWN)
    kernel = array(model.get_layer("f6").kernel)
    np.testing.assert_array_equal(kernel, arrays["fc2.weight"].T)
    with pytest.raises(ValueError, match=r"variant=modern.*variant=1998"):
        keras_vit.LeNet5(weights=arrays)


def test_the_same_weights_read_28_pixels_with_a_border():
    arrays = state()
    model = keras_vit.from_checkpoint(arrays, image_size=28, **KNOWN)
    images = np.random.default_rng(0).uniform(-1, 1, (1, 28, 28, 1)).astype("f4")
    whole = keras_vit.from_checkpoint(arrays, **KNOWN)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    np.testing.assert_allclose(array(model(images)), array(whole(padded)), atol=1e-6)


def test_without_a_border_the_dense_layer_reads_less():
    arrays = state()
    weight = arrays["fc1.weight"].reshape(120, 16, 5, 5)[:, :, :4, :4]
    arrays["fc1.weight"] = weight.reshape(120, 256)
    model = keras_vit.from_checkpoint(arrays, **KNOWN)
    assert model.input_shape == (None, 28, 28, 1)
    kernel = array(model.get_layer("c5").kernel).reshape(4, 4, 16, 120)
    np.testing.assert_array_equal(kernel, weight.transpose(2, 3, 1, 0))
