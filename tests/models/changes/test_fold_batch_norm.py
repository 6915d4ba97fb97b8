"""Models whose batch norms are part of their kernels."""

import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs, randomize

import keras_vit
from keras_vit.layers import BatchNorm

VGG = {"num_convs": (1, 2), "widths": (4, 6), "hidden_dims": (), "image_size": (8, 12)}
UNET = {"widths": (3, 4), "padding": "same", "image_size": (8, 6), "num_channels": 3}
FAMILIES = {
    "resnet": MODELS["resnet"].make,
    "efficientnet": MODELS["efficientnet"].make,
    "vgg": lambda: keras_vit.VGG(3, **VGG, grid_size=(2, 3), batch_norm=True),
    "unet": lambda: keras_vit.UNet(2, **UNET, batch_norm=True),
}


def filled(family):
    model = randomize(FAMILIES[family]())
    return model, inputs((2, *model.input_shape[1:]))


SLOW = pytest.param("efficientnet", marks=pytest.mark.slow)


@pytest.mark.parametrize("family", ["resnet", SLOW, "vgg", "unet"])
def test_outputs_are_the_same(family):
    model, images = filled(family)
    before = [array(weight) for weight in model.weights]
    right = array(model(images))
    folded = keras_vit.fold_batch_norm(model)
    bar = 1e-5 * max(1, np.abs(right).max())
    np.testing.assert_allclose(array(folded(images)), right, rtol=0, atol=bar)
    norms = [each for each in folded._flatten_layers() if isinstance(each, BatchNorm)]
    assert len(norms) >= 3 and all(norm.folded for norm in norms)
    for weight, value in zip(model.weights, before):
        np.testing.assert_array_equal(array(weight), value)
    # Norms that are not folded do the same with its weights.
    same = FAMILIES[family]()
    same.set_weights(folded.get_weights())
    np.testing.assert_allclose(array(same(images)), right, rtol=0, atol=bar)


def test_saved_and_loaded_like_any_other(tmp_path):
    model, images = filled("resnet")
    folded = keras_vit.fold_batch_norm(keras_vit.with_num_classes(model, 5))
    folded.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(again(images)), array(folded(images)))
    assert type(again) is type(model) and again.settings == folded.settings


@pytest.mark.slow
def test_a_model_around_one_is_folded_too():
    model, images = filled("efficientnet")
    x = keras.Input(model.input_shape[1:])
    outer = keras.Model(x, keras.layers.BatchNormalization()(model(x)))
    right = array(outer(images))
    found = array(keras_vit.fold_batch_norm(outer)(images))
    np.testing.assert_allclose(found, right, atol=1e-5 * np.abs(right).max())


def test_what_cannot_be_folded_is_named():
    x = keras.Input((4, 4, 2))
    after_relu = keras.layers.Conv2D(2, 1, activation="relu")(x)
    twice = keras.layers.Conv2D(2, 1)(x)
    norms = [
        BatchNorm(name="first")(x),
        BatchNorm(name="second")(after_relu),
        keras.layers.add([BatchNorm(name="third")(twice), twice]),
    ]
    with pytest.raises(ValueError, match="'first', 'second', 'third'"):
        keras_vit.fold_batch_norm(keras.Model(x, norms))
    model, _ = filled("vgg")
    with pytest.raises(ValueError, match="with 0 of them"):
        keras_vit.fold_batch_norm(keras_vit.fold_batch_norm(model))


def test_an_adapted_kernel():
    image = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(BatchNorm(name="norm")(x))
    model = keras.Model(image, keras.layers.Dense(2, name="dense")(x))
    for name in ("conv", "dense"):
        layer = model.get_layer(name)
        layer.enable_lora(2)
        layer.lora_kernel_b.assign(inputs(layer.lora_kernel_b.shape))
    images = inputs((2, 6, 6, 3))
    folded = keras_vit.fold_batch_norm(model)
    np.testing.assert_allclose(array(folded(images)), array(model(images)), atol=1e-5)
