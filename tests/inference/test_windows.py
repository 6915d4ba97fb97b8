import json

import golden
import numpy as np
import pytest
from cases import MODELS, inputs

import keras_vit
from keras_vit.inference.windows import starts_of


def test_windows_give_segmenters_shares():
    folder = "dense/segmenter/sliding"
    values = golden.arrays(f"{folder}/io.npz")
    model = keras_vit.from_checkpoint(
        str(golden.path(f"{folder}/model.safetensors")), num_heads=3, decoder_heads=3
    )
    expected = np.moveaxis(values["probabilities"], 0, -1)
    image = values["image"][0]
    for batch_size in (1, 3):  # the last batch is a short one
        found = keras_vit.predict_windows(
            model, image, stride=24, batch_size=batch_size
        )
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(-1), values["prediction"])


def test_windows_start_where_segmenters_do():
    for case in json.loads(golden.path("dense/segmenter/windows.json").read_text()):
        found = starts_of(case["length"], case["window"], case["stride"])
        assert found == case["starts"], case


def test_a_grey_image_needs_no_axis_of_channels():
    model = keras_vit.Segmenter(MODELS["token"].make(num_channels=1), 3)
    kernel = model.get_layer("head").kernel
    kernel.assign(inputs(kernel.shape))
    image = inputs((9, 13, 1))
    shares = keras_vit.predict_windows(model, image)
    assert np.ptp(shares) > 0.1
    found = keras_vit.predict_windows(model, image[:, :, 0])
    np.testing.assert_array_equal(found, shares)


def test_what_does_not_fit_is_refused():
    backbone = MODELS["token"].make()
    model, image = keras_vit.Segmenter(backbone, 3), inputs((9, 13, 3))
    for arguments, message in (
        ({"image": image[:7]}, "at least as large as a window"),
        ({"image": image[..., :1]}, r"height, width, 3\)"),
        ({"image": image, "stride": 20}, "at most `window`"),
        ({"image": image, "window": 4}, "with_image_size"),
        ({"image": image, "batch_size": 0}, "batch_size"),
    ):
        with pytest.raises(ValueError, match=message):
            keras_vit.predict_windows(model, **arguments)
    with pytest.raises(ValueError, match=r"must be made by .*Segmenter"):
        keras_vit.predict_windows(backbone, image)
    shares = keras_vit.predict_windows(model, image)
    np.testing.assert_allclose(shares, 1 / 3, atol=1e-6)
