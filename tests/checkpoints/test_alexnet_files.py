"""Files of AlexNet: of torchvision, and in Caffe's names."""

import golden
import keras
import numpy as np
import pytest
from cases import array

import keras_vit

# The layers of torchvision's AlexNet, by ours.
STAGES = {
    "features.2": "pool1",
    "features.5": "pool2",
    "features.7": "conv3",
    "features.9": "conv4",
    "features.12": "pool5",
}
CAFFE = "lineage/alexnet/two_group_caffe.npz"


def close(found, expected):
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


def outputs(model, names, images):
    views = [model.get_layer(name).output for name in names]
    values = keras.Model(model.input, [*views, model.output])(images)
    return [array(value) for value in values]


@pytest.mark.parametrize("size", [127, 224])
def test_every_stage_equals_torchvision(size):
    case = f"lineage/alexnet/torchvision_{size}"
    io = golden.arrays(f"{case}/io.npz")
    model = keras_vit.from_checkpoint(
        golden.path(case), image_size=size, input_scaling=None
    )
    assert model.settings["arguments"]["variant"] == "one_tower"
    *maps, logits = outputs(model, STAGES.values(), io["image"])
    close(logits, io["logits"])
    for name, found in zip(STAGES, maps):
        relu = np.maximum(io[name], 0)  # theirs are before it, or after pooling
        close(found[:1].transpose(0, 3, 1, 2), relu)


def test_a_file_of_torchvision_says_sizes_and_images():
    case = golden.path("lineage/alexnet/torchvision_127")
    model = keras_vit.from_checkpoint(case)
    assert model.input_shape == (None, 224, 224, 3) and model.name == "alexnet"
    arguments = model.settings["arguments"]
    assert arguments["widths"] == [4, 12, 24, 16, 16]
    assert arguments["hidden_dims"] == [64, 64] and arguments["grid_size"] == [6, 6]
    assert arguments["input_scaling"][1] == [0.229, 0.224, 0.225]
    with pytest.raises(ValueError, match=r"variant=one_tower.*variant=2012"):
        keras_vit.AlexNet(5, weights=case)
    model = keras_vit.AlexNet(5, variant="one_tower", weights=case, image_size=127)
    assert model.get_layer("conv3").kernel.shape == (3, 3, 12, 24)


def caffe():
    """Arrays with Caffe's names, and the values that belong to them."""
    found = golden.arrays(CAFFE)
    weights = {n: v for n, v in found.items() if n.endswith(("weight", "bias"))}
    return weights, found


def test_every_layer_equals_the_network_of_two_groups():
    weights, io = caffe()
    model = keras_vit.from_checkpoint(weights, image_size=131, input_scaling=None)
    arguments = model.settings["arguments"]
    assert (arguments["variant"], arguments["lrn"]) == ("2012", "caffe")
    names = ["conv1", "conv2", "conv3", "conv4", "pool5", "fc6", "fc7"]
    *values, logits = outputs(model, names, io["image"][..., ::-1])  # BGR
    close(logits, io["logits"])
    for name, found in zip(names, values):
        close(found, io[name])
    for number in (1, 2):
        close(
            outputs(model, [f"pool{number}"], io["image"][..., ::-1])[0],
            io[f"stage{number}"],
        )


def test_weights_of_caffe_want_its_normalisation():
    weights, _ = caffe()
    model = keras_vit.from_checkpoint(weights)
    mean, deviation = model.settings["arguments"]["input_scaling"]
    np.testing.assert_allclose(np.array(mean) * 255, [123, 117, 104])
    np.testing.assert_allclose(deviation, 1 / 255)
    sizes = {k: model.settings["arguments"][k] for k in ("widths", "hidden_dims")}
    paper = keras_vit.AlexNet(6, grid_size=3, **sizes)
    with pytest.raises(ValueError, match="models of this layout have lrn='caffe'"):
        keras_vit.load_weights(paper, weights)
    taken = keras_vit.AlexNet(6, weights=weights)
    assert taken.settings["arguments"]["lrn"] == "caffe"
