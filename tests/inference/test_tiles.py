"""Tiles show no seams: they are what one large tile gives."""

import numpy as np
import pytest

import keras_vit


def unet(seed=0, **arguments):
    model = keras_vit.UNet(2, **{"image_size": (None, None), **arguments})
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0.1, 0.4, weight.shape))
    return model


def image_of(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")


def test_tiles_of_valid_convolutions_are_one_large_tile():
    model = unet(widths=(2, 2, 3))  # 20 pixels are lost at each side
    image = image_of(37, 50, 1)
    found = keras_vit.predict_tiles(model, image, tile_size=(52, 48), batch_size=5)
    assert found.shape == (37, 50, 2)
    mirrored = np.pad(image, ((20, 23), (20, 22), (0, 0)), "reflect")
    whole = np.asarray(model(mirrored[None]))[0]
    np.testing.assert_allclose(found, whole[:37, :50], atol=1e-5 * np.abs(whole).max())


def test_steps_are_multiples_of_what_is_pooled():
    # Of a tile's 12 predicted pixels 8 are a step: poolings halve three times.
    model = unet(widths=(1, 2, 2, 2))  # 44 pixels are lost at each side
    image = image_of(41, 30, 1)
    found = keras_vit.predict_tiles(model, image, tile_size=100)
    mirrored = np.pad(image, ((44, 47), (44, 50), (0, 0)), "reflect")
    whole = np.asarray(model(mirrored[None]))[0]
    np.testing.assert_allclose(found, whole[:41, :30], atol=1e-5 * np.abs(whole).max())


def test_tiles_of_padded_convolutions_agree_inside():
    model = unet(widths=(2, 3, 3), padding="same", batch_norm=True, num_channels=3)
    image = image_of(60, 68, 3)
    found = keras_vit.predict_tiles(model, image, tile_size=52, batch_size=4)
    whole = np.asarray(model(image[None]))[0]
    assert found.shape == whole.shape
    inside = (slice(20, -20), slice(20, -20))  # far from the border
    difference = np.abs(found - whole)[inside].max()
    assert difference <= 1e-5 * np.abs(whole).max()


def test_a_small_grey_image_needs_no_axis_of_channels():
    model = keras_vit.UNet(3, widths=(2, 2), image_size=28)
    assert keras_vit.predict_tiles(model, image_of(1, 5)).shape == (1, 5, 3)


def test_what_does_not_fit_is_told():
    model = unet(widths=(2, 2, 3))
    image = image_of(20, 20, 1)
    with pytest.raises(ValueError, match="`tile_size` must be given"):
        keras_vit.predict_tiles(model, image)
    with pytest.raises(
        ValueError, match="0 more than a multiple of 4, and at least 44"
    ):
        keras_vit.predict_tiles(model, image, tile_size=50)
    with pytest.raises(ValueError, match="must be one image"):
        keras_vit.predict_tiles(model, image_of(20, 20, 3), tile_size=52)
    known = keras_vit.UNet(2, widths=(2, 2), image_size=28)
    with pytest.raises(ValueError, match="must be the model's image size"):
        keras_vit.predict_tiles(known, image, tile_size=30)
    bit = keras_vit.BiT(2, num_blocks=(1,), width_factor=0.5, image_size=32)
    with pytest.raises(ValueError, match="must be made by"):
        keras_vit.predict_tiles(bit, image)
