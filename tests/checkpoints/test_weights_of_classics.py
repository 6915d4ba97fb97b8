"""Weights alone of LeNet-5, AlexNet and VGG, as `save_weights` writes them."""

import cases
import numpy as np
import pytest
from cases import MODELS, array, randomize

import keras_vit

KNOWN = {
    "lenet": {"image_size": (28, 32)},
    "lenet_modern": {
        "image_size": (28, 32),
        "activation": "tanh",
        "subsampling": "average",
    },
    "alexnet": {"image_size": (67, 70), "lrn": "paper"},
    "vgg": {"image_size": (12, 16), "grid_size": (2, 3)},
}


def same_values(model, other):
    for a, b in zip(model.weights, other.weights, strict=True):
        assert a.path == b.path
        np.testing.assert_array_equal(array(a), array(b))


@pytest.mark.parametrize("name", KNOWN)
def test_a_weights_file_builds_and_fills(name, tmp_path):
    model, path = cases.model(name), tmp_path / "model.weights.h5"
    model.save_weights(path)
    again = keras_vit.from_checkpoint(path, **KNOWN[name])
    same_values(again, model)
    x = cases.pixels(MODELS[name])
    np.testing.assert_array_equal(array(again(x)), array(model(x)))
    fresh = MODELS[name].make()
    report = keras_vit.load_weights(fresh, path)
    same_values(fresh, model)
    assert not report.unused and not report.unfilled
    options = {"weights": path, **KNOWN[name]}
    same_values(MODELS[name].make(**options), model)


def test_batch_norms_of_a_weights_file(tmp_path):
    options = {**MODELS["vgg"].arguments, "batch_norm": True}
    model, path = randomize(keras_vit.VGG(**options)), tmp_path / "model.weights.h5"
    model.save_weights(path)
    same_values(keras_vit.from_checkpoint(path, **KNOWN["vgg"]), model)


@pytest.mark.parametrize("name", ["lenet", "lenet_modern", "alexnet", "vgg"])
def test_what_the_file_does_not_tell_is_asked_for(name, tmp_path):
    path = tmp_path / "model.weights.h5"
    cases.model(name).save_weights(path)
    words = {"lenet_modern": "`activation`", "alexnet": "`lrn`", "vgg": "`grid_size`"}
    with pytest.raises(ValueError, match=words.get(name, "does not fit|do not fit")):
        keras_vit.from_checkpoint(path)


def test_a_body_without_its_head_may_be_of_keras_too(tmp_path):
    model = keras_vit.VGG16(
        0, widths=(1,) * 5, hidden_dims=(), pooling="gap", image_size=32
    )
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=r"keras_vit or of keras\.applications"):
        keras_vit.load_weights(model, tmp_path / "model.weights.h5")
    model.save(tmp_path / "model.keras")
    keras_vit.load_weights(model, tmp_path / "model.keras")


def test_images_of_one_network_do_not_fill_another(tmp_path):
    path = tmp_path / "model.weights.h5"
    cases.model("lenet").save_weights(path)
    with pytest.raises(ValueError, match="variant=1998"):
        keras_vit.load_weights(cases.model("lenet_modern"), path)
    with pytest.raises(ValueError, match="hold a LeNet5, the model is a VGG"):
        keras_vit.load_weights(cases.model("vgg"), path)
