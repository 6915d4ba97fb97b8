"""Files of VGG: of torchvision, timm and keras.applications."""

import json

import golden
import keras
import numpy as np
import pytest
from cases import array, randomize

import keras_vit

CASE = "lineage/vgg/torchvision_vgg16"
SIZE = dict(image_size=(64, 96), input_scaling=None)
# The layers of torchvision's VGG-16, by ours.
STAGES = {
    "features.4": "block1_pool",
    "features.9": "block2_pool",
    "features.16": "block3_pool",
    "features.23": "block4_pool",
    "features.30": "block5_pool",
    "avgpool": "grid",
}


def state():
    """The arrays of torchvision's file."""
    return golden.read_safetensors(golden.path(f"{CASE}/model.safetensors"))


def close(found, expected):
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


def test_every_stage_equals_torchvision():
    io = golden.arrays(f"{CASE}/io.npz")
    model = keras_vit.from_checkpoint(golden.path(CASE), **SIZE)
    views = [model.get_layer(name).output for name in STAGES.values()]
    *maps, logits = keras.Model(model.input, [*views, model.output])(io["image"])
    close(array(logits), io["logits"])
    for name, found in zip(STAGES, maps):
        if name in io:  # small ones ship
            close(array(found)[:1].transpose(0, 3, 1, 2), io[name])


def test_a_file_says_sizes_and_images():
    model = keras_vit.from_checkpoint(state())
    arguments = model.settings["arguments"]
    assert arguments["num_convs"] == [2, 2, 3, 3, 3]
    assert arguments["widths"] == [4, 8, 16, 32, 32]
    assert arguments["hidden_dims"] == [20, 20] and arguments["grid_size"] == [7, 7]
    assert arguments["input_scaling"][0] == [0.485, 0.456, 0.406]
    assert model.input_shape == (None, 224, 224, 3)
    first = model.metadata["preprocessing"]["steps"][0]
    assert (first["step"], first["side"]) == ("resize_small", 256)


def test_the_constructor_takes_parts_and_widths_from_the_file():
    io = golden.arrays(f"{CASE}/io.npz")
    model = keras_vit.VGG16(7, weights=state(), **SIZE)
    close(array(model(io["image"])), io["logits"])
    features = keras_vit.VGG16(0, weights=state(), **SIZE)
    assert features.output_shape == (None, 20)


def test_timm_keeps_the_dense_layers_as_convolutions(tmp_path):
    arrays, io = state(), golden.arrays(f"{CASE}/io.npz")
    names = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2"}
    for end in ("weight", "bias"):
        for theirs, timm in names.items():
            arrays[f"{timm}.{end}"] = arrays.pop(f"{theirs}.{end}")
        arrays[f"head.fc.{end}"] = arrays.pop(f"classifier.6.{end}")
    arrays["pre_logits.fc1.weight"] = arrays["pre_logits.fc1.weight"].reshape(
        20, 32, 7, 7
    )
    arrays["pre_logits.fc2.weight"] = arrays["pre_logits.fc2.weight"][..., None, None]
    config = {
        "architecture": "vgg16",
        "num_classes": 7,
        "pretrained_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]},
    }
    golden.write_safetensors(tmp_path / "model.safetensors", arrays)
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = keras_vit.from_checkpoint(tmp_path, **SIZE)
    close(array(model(io["image"])), io["logits"])
    model = keras_vit.from_checkpoint(tmp_path)
    assert model.settings["arguments"]["input_scaling"][0] == [0.5, 0.4, 0.3]


def as_torchvision(model):
    """The arrays of a VGG of ours under torchvision's names."""
    arrays, place = {}, 0
    for layer in model.layers:
        weights = [array(weight) for weight in layer.weights]
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = weights
            arrays[f"features.{place}.weight"] = kernel.transpose(3, 2, 0, 1)
            arrays[f"features.{place}.bias"] = bias
        elif layer.name.endswith("_bn"):
            ends = ("weight", "bias", "running_mean", "running_var")
            for end, value in zip(ends, weights):
                arrays[f"features.{place}.{end}"] = value
            arrays[f"features.{place}.num_batches_tracked"] = np.array(3)
        if layer.name.startswith("block"):
            # With batch norm the ReLU is a layer, else a part of ours.
            fused = getattr(layer, "activation", None) is keras.activations.relu
            place += 2 if fused else 1
    return arrays


@pytest.mark.parametrize("name", ["VGG11", "VGG13", "VGG16", "VGG19"])
def test_every_depth_with_batch_norm(name):
    options = dict(widths=(1, 1, 2, 1, 1), hidden_dims=(), pooling="gap", image_size=32)
    model = getattr(keras_vit, name)(0, batch_norm=True, **options)
    randomize(model)
    again = keras_vit.from_checkpoint(as_torchvision(model), image_size=32)
    ours, theirs = model.settings["arguments"], again.settings["arguments"]
    assert ours["num_convs"] == theirs["num_convs"] and theirs["batch_norm"]
    assert again.name == name.lower()
    for a, b in zip(model.weights, again.weights):
        assert a.path == b.path
        np.testing.assert_array_equal(array(a), array(b))


def test_what_does_not_fit_is_refused():
    arrays = state()
    with pytest.raises(ValueError, match=r"VGG16 with num_convs=\[2, 2, 3, 3, 3\]"):
        keras_vit.VGG19(7, weights=arrays, **SIZE)
    with pytest.raises(ValueError, match="hold a VGG16, the model is a ViT"):
        keras_vit.ViT_Ti16(7, weights=arrays)
    bias = arrays.pop("features.7.bias")
    with pytest.raises(ValueError, match=r"block2_conv2/bias \(8,\) has no array"):
        keras_vit.from_checkpoint(arrays, **SIZE)
    with pytest.raises(ValueError, match=r"features\.7\.biases \(8,\) is not known"):
        keras_vit.from_checkpoint(
            {**arrays, "features.7.bias": bias, "features.7.biases": bias}, **SIZE
        )
    with pytest.raises(ValueError, match=r"NaN.*features\.7\.bias"):
        keras_vit.from_checkpoint({**arrays, "features.7.bias": bias * np.nan}, **SIZE)


def test_grey_images_get_the_sum_of_the_first_kernel():
    model = keras_vit.VGG16(7, weights=state(), image_size=(64, 96), num_channels=1)
    kernel = state()["features.0.weight"].transpose(2, 3, 1, 0)
    deviation = np.mean([0.229, 0.224, 0.225]) / np.array([0.229, 0.224, 0.225])
    expected = (kernel * deviation[:, None]).sum(2, keepdims=True)
    found = array(model.get_layer("block1_conv1").kernel)
    np.testing.assert_allclose(found, expected, atol=1e-6)


KERAS_CASE = "lineage/vgg/keras_vgg16"
KERAS_FILE = f"{KERAS_CASE}/vgg16_weights_tf_dim_ordering_tf_kernels.h5"
KERAS_SIZE = {**SIZE, "grid_size": (2, 3)}


def test_every_stage_equals_keras_applications():
    io = golden.arrays(f"{KERAS_CASE}/io.npz")
    names = [name for name in io if name not in ("image", "logits")]
    model = keras_vit.from_checkpoint(golden.path(KERAS_FILE), **KERAS_SIZE)
    views = [model.get_layer(name).output for name in names]
    images = io["image"][..., ::-1]  # which are BGR
    *maps, logits = keras.Model(model.input, [*views, model.output])(images)
    close(array(logits), io["logits"])
    for name, found in zip(names, maps):
        close(array(found)[: len(io[name])], io[name])


def test_a_file_of_keras_says_its_images_but_not_a_grid_that_is_no_square():
    with pytest.raises(ValueError, match=r"`grid_size`.*first dense layer reads"):
        keras_vit.from_checkpoint(golden.path(KERAS_FILE))
    model = keras_vit.from_checkpoint(golden.path(KERAS_FILE), grid_size=(2, 3))
    mean, deviation = model.settings["arguments"]["input_scaling"]
    np.testing.assert_allclose(np.array(mean) * 255, [123.68, 116.779, 103.939])
    np.testing.assert_allclose(deviation, 1 / 255)


@pytest.mark.slow
@pytest.mark.parametrize("top", [True, False])
def test_a_model_of_keras_is_taken_as_it_is(top):
    theirs = keras.applications.VGG16(
        top, None, input_shape=(32, 32, 3), classes=3, classifier_activation=None
    )
    randomize(theirs)
    model = keras_vit.from_checkpoint(
        theirs, image_size=32, input_scaling=None, **({} if top else {"pooling": None})
    )
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    expected = array(theirs(images[..., ::-1]))
    close(array(model(images)), expected)
