"""Masks of images of any size: geometry, windows, tiles, and what cannot be read."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_vit
from keras_vit.data.steps import CentralCrop, Resize, ResizeSmall, ValueRange
from keras_vit.inference.placing import Axis, blocks, prepared
from keras_vit.inference.segmenting import PixelClassifier, segmentations
from keras_vit.inference.windows import window_bands

TINY = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}
TINY |= {"num_heads": 2, "num_classes": 0}


def segmenter(image_size=16, num_channels=3, **options):
    keras.utils.set_random_seed(1)
    if None in np.atleast_1d(image_size):
        options["position_grid"] = (4, 4)
    sizes = {"image_size": image_size, "num_channels": num_channels}
    model = keras_vit.Segmenter(keras_vit.ViT(**TINY, **sizes, **options), 3)
    random = np.random.default_rng(0)
    for weight in model.get_layer("head").weights:
        weight.assign(random.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return segmenter()


def by_colour():
    """A model of every size that sees nothing but a pixel: black, grey, white."""
    images = keras.Input((None, None, 1))
    kernel = np.array([-1.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    layer = keras.layers.Conv2D(3, 1)
    model = keras.Model(images, layer(images))
    layer.set_weights([kernel, np.array([0.0, 0.5, 0.0])])
    return model


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def test_logits_are_resized_to_the_size_of_the_image_as_tensorflow_does(model):
    image = noise(21, 34, 3)
    (found,) = keras_vit.segment(model, image, probabilities=True)
    small = tf.image.resize(image[None], (16, 16)) / 127.5 - 1
    logits = tf.image.resize(model(small), (21, 34))
    np.testing.assert_allclose(found.probabilities, tf.nn.softmax(logits)[0], atol=1e-5)
    np.testing.assert_array_equal(found.mask, tf.argmax(logits[0], -1))
    assert found.mask.dtype == "uint8" and found.mask.shape == (21, 34)
    np.testing.assert_array_equal(found.image, image)


def test_masks_do_not_depend_on_batches_or_other_images(model):
    images = [noise(9, 20, 3, seed=k) for k in range(5)]
    alone = [keras_vit.segment(model, image)[0].mask for image in images]
    for batch_size in (2, 8):
        together = keras_vit.segment(model, images, batch_size=batch_size)
        for one, other in zip(alone, together):
            np.testing.assert_array_equal(one, other.mask)


def test_windows_of_what_sees_only_a_pixel_have_no_seams():
    model, image = by_colour(), noise(45, 62, 1)
    expected = np.digitize(image[..., 0] / 127.5 - 1, [-0.5, 0.5])
    for window, overlap in ((16, 0.25), (20, 0.0), ((64, 8), 0.6)):
        found = keras_vit.segment(model, image, window=window, overlap=overlap)
        np.testing.assert_array_equal(found[0].mask, expected)


def test_windows_fade_into_each_other():
    image = np.zeros((4, 24, 1), "float32")
    numbers = iter(range(10))
    run = lambda x: np.stack([np.full((4, 8, 1), next(numbers)) for _ in x])  # noqa: E731
    weights = np.outer(np.ones(4), [0.125, 0.375, 0.625, 0.875] + [1] * 4)
    weights = np.minimum(weights, weights[:, ::-1])
    (band,) = window_bands(run, image, (4, 8), (4, 4), weights=weights)
    steps = np.diff(band[0, :, 0])
    assert band[0, 0, 0] == 0 and band[0, -1, 0] == 4
    assert 0 <= steps.min() and steps.max() <= 0.26  # without them: 1 at an edge


def test_memory_does_not_grow_with_the_height_of_an_image():
    image = np.zeros((512, 8, 1), "float32")
    run = lambda x: np.repeat(x, 3, axis=-1)  # noqa: E731
    bands = list(window_bands(run, image, (8, 8), (6, 6)))
    assert max(map(len, bands)) <= 8 and sum(map(len, bands)) == 512


def test_images_smaller_than_a_window_and_models_of_every_size_work(model):
    small = noise(5, 40, 3)
    assert keras_vit.segment(model, small, window=16)[0].mask.shape == (5, 40)
    free = segmenter((None, None))
    for options in ({}, {"window": 12}):
        found = keras_vit.segment(free, [small, noise(13, 7, 3)], **options)
        assert [f.mask.shape for f in found] == [(5, 40), (13, 7)]


def test_a_part_that_training_cuts_off_is_answered_too(model):
    steps = (ResizeSmall(20, "bilinear"), CentralCrop(16, 16), ValueRange(-1.0, 1.0))
    cropped = segmenter()
    cropped.metadata["preprocessing"] = keras_vit.data.Preprocessing(steps).to_json()
    image = noise(40, 60, 3)
    (found,) = keras_vit.segment(cropped, image, overlap=0.0, probabilities=True)
    assert found.mask.shape == (40, 60)
    # The top left window saw 16 of the 20 x 30 pixels of the resized image; 4 rows and
    # 14 columns no other saw.
    small = tf.image.resize(image[None], (20, 30)) / 127.5 - 1
    shares = tf.nn.softmax(tf.image.resize(model(small[:, :16, :16]), (32, 32)))[0]
    np.testing.assert_allclose(found.probabilities[:7, :27], shares[:7, :27], atol=1e-5)


def test_borders_that_training_adds_are_taken_away():
    steps = (Resize(16, 16, fit="contain"), CentralCrop(16, 16, border=0))
    array, axes = prepared(noise(20, 40, 3), (*steps, ValueRange(-1.0, 1.0)))
    assert array.shape == (16, 16, 3) and (array[:4] == -1).all()
    assert axes == [Axis(20, 0.4, 4.0), Axis(40, 0.4, 0.0)]
    rows = np.repeat(np.arange(16.0)[:, None, None], 16, axis=1)
    found = np.concatenate(list(blocks(rows, axes)))[:, 0, 0]
    np.testing.assert_allclose(found, 0.4 * (np.arange(20) + 0.5) + 3.5, atol=1e-6)


def test_grey_files_and_turned_files_and_those_that_cannot_be_read(model, tmp_path):
    grey = Image.fromarray(noise(6, 9))
    grey.save(tmp_path / "grey.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(noise(8, 24, 3)).save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    found = {f.file.rsplit("/")[-1]: f for f in segmentations(model, tmp_path)}
    assert list(found) == ["broken.png", "grey.png", "turned.jpg"]
    assert found["grey.png"].mask.shape == (6, 9)
    assert found["turned.jpg"].mask.shape == (24, 8)
    broken = found["broken.png"]
    assert broken.mask is None and "broken.png" in broken.error
    assert broken.to_json() == {"file": broken.file, "error": broken.error}
    gone = keras_vit.segment(model, ["not there.png"])
    assert "not there.png" in gone[0].error


def test_a_model_of_grey_images_takes_coloured_ones():
    grey, image = segmenter(num_channels=1), noise(16, 16, 3)
    found = keras_vit.segment(grey, [image, image[..., 0]])
    assert [f.image.shape for f in found] == [(16, 16, 1)] * 2
    with pytest.raises(ValueError, match="at least one image"):
        keras_vit.segment(grey, [])


def test_json_holds_the_shares_of_classes(model):
    model.metadata["class_names"] = ["other", "cat", "dog"]
    try:
        (found,) = keras_vit.segment(model, noise(8, 8, 3))
    finally:
        model.metadata.clear()
    text = found.to_json()
    assert sum(row["share"] for row in text["classes"]) == pytest.approx(1)
    for row in text["classes"]:
        number = ["other", "cat", "dog"].index(row["class"])
        assert row["share"] == (found.mask == number).mean()


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_unet_reads_images_of_any_size(padding):
    options = {"widths": (2, 4), "num_channels": 1, "padding": padding}
    model = keras_vit.UNet(2, image_size=(None, None), **options)
    keras.utils.set_random_seed(0)
    image = noise(19, 31, 1)
    if padding == "valid":
        with pytest.raises(ValueError, match="`window` must be given"):
            keras_vit.segment(model, image)
    (found,) = keras_vit.segment(model, image, window=32)
    assert found.mask.shape == (19, 31)
    if padding == "valid":
        scaled = image / np.float32(127.5) - 1
        tiles = keras_vit.predict_tiles(model, scaled, tile_size=32)
        np.testing.assert_array_equal(found.mask, tiles.argmax(-1))


def test_a_model_of_coarse_maps_is_resized_once_more():
    images = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(2, 4, 4)(images)
    found = keras_vit.segment(keras.Model(images, maps), noise(10, 6, 3), window=8)
    assert found[0].mask.shape == (10, 6)


def test_what_cannot_segment_is_refused(model):
    with pytest.raises(ValueError, match=r"score for each class at every pixel"):
        PixelClassifier(keras_vit.ViT(**{**TINY, "num_classes": 3}, image_size=8))
    with pytest.raises(ValueError, match="image size of the model"):
        keras_vit.segment(model, noise(8, 8, 3), window=12)
    with pytest.raises(ValueError, match=r"overlap.*in \[0, 1\)"):
        keras_vit.segment(model, noise(8, 8, 3), overlap=1.0)
    broken = segmenter()
    broken.get_layer("head").bias.assign([np.nan, 0, 0])
    with pytest.raises(ValueError, match="not finite"):
        keras_vit.segment(broken, noise(8, 8, 3))
