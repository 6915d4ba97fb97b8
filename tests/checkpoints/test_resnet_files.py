"""Files of ResNets: of torchvision, timm, Hugging Face, Keras and this package."""

import json
import shutil

import golden
import h5py
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit

GOLDEN = "lineage/resnet/"
TORCHVISION = GOLDEN + "torchvision_2111/model.safetensors"
KERAS = GOLDEN + "keras_v1/resnet50_weights_tf_dim_ordering_tf_kernels.h5"
HUGGING_FACE = GOLDEN + "hf_v1"
TINY = {"num_blocks": (2, 1), "stage_widths": (8, 16), "stem_width": 4}
PLAIN = {"input_scaling": None}  # as the golden images are


def close(found, expected):
    found = array(found)
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


# The outputs of their models --------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "layers", "stride_in"),
    [
        (
            TORCHVISION,
            {
                "bn1": "conv1_bn",
                "maxpool": "pool1_pool",
                "layer1": "conv2_block2",
                "layer2": "conv3_block1",
                "layer3": "conv4_block1",
                "layer4": "conv5_block1",
            },
            "3x3",
        ),
        (
            HUGGING_FACE,
            {
                "resnet.embedder": "pool1_pool",
                "resnet.encoder.stages.0": "conv2_block1",
                "resnet.encoder.stages.1": "conv3_block1",
                "resnet.encoder.stages.2": "conv4_block2",
                "resnet.encoder.stages.3": "conv5_block1",
            },
            "1x1",
        ),
        (
            KERAS,
            {
                "pool1_pool": "pool1_pool",
                "conv2_block2_out": "conv2_block2",
                "conv3_block1_out": "conv3_block1",
                "conv4_block1_out": "conv4_block1",
                "conv5_block1_out": "conv5_block1",
            },
            "1x1",
        ),
    ],
)
def test_every_stage_equals_the_original(source, layers, stride_in):
    folder = source if source == HUGGING_FACE else source.rpartition("/")[0]
    io = golden.arrays(f"{folder}/io.npz")
    images = io["image"]
    model = keras_vit.from_checkpoint(
        golden.path(source), image_size=images.shape[1:3], **PLAIN
    )
    assert model.settings["arguments"]["stride_in"] == stride_in
    if source == KERAS:  # whose network wants blue first; ours has turned its kernel
        images = images[..., ::-1]
    views = [model.get_layer(name).output for name in layers.values()]
    *maps, logits = keras.Model(model.input, [*views, model.output])(images)
    close(logits, io["logits"])
    for name, found in zip(layers, maps):
        if name in io:  # small ones ship
            expected = io[name] if source == KERAS else io[name].transpose(0, 2, 3, 1)
            close(found[:1], expected)


def test_training_sees_and_leaves_what_torch_does_but_for_the_variance():
    io = golden.arrays(GOLDEN + "torchvision_2111/io.npz")
    images = io["image"]
    model = keras_vit.from_checkpoint(
        golden.path(TORCHVISION), image_size=images.shape[1:3], **PLAIN
    )
    close(model(images, training=True), io["train.logits"])
    state = golden.read_safetensors(golden.path(TORCHVISION))
    places = {
        "bn1": (model.get_layer("conv1_bn"), 48 * 40),
        "layer1.1.bn3": (model.get_layer("conv2_block2").norms[2], 24 * 20),
        "layer4.0.bn1": (model.get_layer("conv5_block1").norms[0], 6 * 5),
    }
    for name, (norm, positions) in places.items():
        close(norm.moving_mean, io[f"train.{name}.running_mean"])
        before = 0.9 * state[f"{name}.running_var"]
        # torch takes n / (n - 1) times the variance of n numbers.
        count = len(images) * positions
        theirs = (io[f"train.{name}.running_var"] - before) * (count - 1) / count
        close(norm.moving_variance, before + theirs)


# What the files say -----------------------------------------------------------------


def test_bare_files_are_read_as_their_project_wrote_them():
    torch = keras_vit.from_checkpoint(golden.path(TORCHVISION))
    arguments = torch.settings["arguments"]
    assert arguments["num_blocks"] == [2, 1, 1, 1]
    assert arguments["stage_widths"] == [32, 64, 128, 256]
    assert (arguments["stem_width"], arguments["num_classes"]) == (8, 7)
    assert arguments["input_scaling"][0] == [0.485, 0.456, 0.406]
    steps = torch.metadata["preprocessing"]["steps"]
    assert (steps[0]["step"], steps[0]["side"]) == ("resize_small", 256)
    theirs = keras_vit.from_checkpoint(golden.path(KERAS))
    mean, deviation = theirs.settings["arguments"]["input_scaling"]
    np.testing.assert_allclose(np.array(mean) * 255, [123.68, 116.779, 103.939])
    np.testing.assert_allclose(np.array(deviation) * 255, 1)
    assert theirs.settings["arguments"]["batch_norm_epsilon"] == 1.001e-5
    steps = theirs.metadata["preprocessing"]["steps"]
    assert (steps[0]["step"], steps[0]["height"]) == ("resize", 224)


def test_pixels_reach_a_network_of_keras_as_its_own_preparation_brings_them():
    io = golden.arrays(GOLDEN + "keras_v1/io.npz")
    size = io["image"].shape[1:3]
    pixels = np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype("float32")
    prepared = keras.applications.resnet.preprocess_input(pixels.copy())
    file = golden.path(KERAS)
    plain = keras_vit.from_checkpoint(file, image_size=size, **PLAIN)
    model = keras_vit.from_checkpoint(file, image_size=size, include_preprocessing=True)
    close(model(pixels), array(plain(prepared[..., ::-1])))


def test_a_configuration_of_hugging_face_says_where_the_stride_is(tmp_path):
    folder = shutil.copytree(golden.path(HUGGING_FACE), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())

    def stride(**changes):
        (folder / "config.json").write_text(json.dumps({**config, **changes}))
        model = keras_vit.from_checkpoint(folder)
        return model.settings["arguments"]["stride_in"]

    assert stride(downsample_in_bottleneck=False) == "3x3"
    assert stride() == "1x1"
    with pytest.raises(ValueError, match="downsample_in_first_stage"):
        stride(downsample_in_first_stage=True)
    with pytest.raises(ValueError, match="hidden_act"):
        stride(hidden_act="gelu")


def test_a_configuration_of_timm_names_the_network(tmp_path):
    shutil.copy(golden.path(TORCHVISION), tmp_path / "model.safetensors")
    config = {
        "architecture": "resnet50",
        "num_classes": 7,
        "pretrained_cfg": {
            **{"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]},
            **{"input_size": [3, 96, 80], "crop_pct": 0.95},
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = keras_vit.from_checkpoint(tmp_path)
    assert model.settings["arguments"]["input_scaling"][0] == [0.5, 0.4, 0.3]
    assert model.input_shape == (None, 96, 80, 3)
    config["architecture"] = "resnetblur50"  # the same arrays, another network
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="resnetblur50"):
        keras_vit.from_checkpoint(tmp_path)


# Files of Keras and of this package -------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["weights.h5", "keras", "h5"])
def test_what_keras_saves_of_its_own_model_loads(ending, tmp_path):
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None
    )
    randomize(theirs)
    path = tmp_path / f"model.{ending}"
    if ending == "weights.h5":
        theirs.save_weights(path)
    else:
        theirs.save(path)
    images = inputs((1, 64, 64, 3))
    ours = keras_vit.ResNet50(5, weights=path, image_size=64, **PLAIN)
    close(ours(images[..., ::-1]), array(theirs(images)))


@pytest.mark.parametrize("bottleneck", [True, False])
def test_weights_alone_of_ours_ask_where_the_stride_is(bottleneck, tmp_path):
    path = tmp_path / "model.weights.h5"
    model = randomize(keras_vit.ResNet(3, **TINY, bottleneck=bottleneck, image_size=32))
    model.save_weights(path)
    options = {"image_size": 32}
    if bottleneck:
        with pytest.raises(ValueError, match=r"`stride_in`.*'1x1' \(v1.*'3x3' \(v1.5"):
            keras_vit.from_checkpoint(path, **options)
        options["stride_in"] = "3x3"
    again = keras_vit.from_checkpoint(path, **options)
    assert again.settings["arguments"] == model.settings["arguments"]
    for one, other in zip(model.weights, again.weights, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(array(one), array(other))
    report = keras_vit.load_weights(randomize(again, 2), path)
    assert sorted(report.used) == sorted(weight.path for weight in model.weights)
    x = inputs((2, 32, 32, 3))
    np.testing.assert_array_equal(array(again(x)), array(model(x)))


def as_torchvision(model):
    """The arrays of a ResNet of ours under torchvision's names."""
    arrays = {}
    ends = {"gamma": "weight", "beta": "bias"}
    ends |= {"kernel": "weight", "bias": "bias"}
    ends |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    for weight in model.weights:
        *unit, layer, kind = weight.path.split("/")
        value = array(weight)
        if unit:
            stage, block = unit[0].removeprefix("conv").split("_block")
            start = f"layer{int(stage) - 1}.{int(block) - 1}."
            number, what = layer.split("_")
            name = f"{start}{what}{number}"
            if number == "0":
                name = f"{start}downsample.{int(what == 'bn')}"
        else:
            name = {"conv1_conv": "conv1", "conv1_bn": "bn1", "head": "fc"}[layer]
        if kind == "kernel":
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        arrays[f"{name}.{ends.get(kind, 'bias' if kind == 'bias' else 'weight')}"] = (
            value
        )
        if kind == "gamma":
            arrays[f"{name}.num_batches_tracked"] = np.array(3)
    return arrays


def test_plain_units_have_the_names_of_torchvision():
    model = randomize(keras_vit.ResNet(3, **TINY, bottleneck=False, image_size=32))
    again = keras_vit.from_checkpoint(as_torchvision(model), image_size=32, **PLAIN)
    assert again.settings["arguments"] == model.settings["arguments"]
    x = inputs((2, 32, 32, 3))
    np.testing.assert_array_equal(array(again(x)), array(model(x)))


def test_a_head_of_other_classes_starts_from_zero_and_statistics_stay():
    state = golden.read_safetensors(golden.path(TORCHVISION))
    model = keras_vit.from_checkpoint(state, num_classes=4)
    assert not array(model.get_layer("head").kernel).any()
    found = array(model.get_layer("conv1_bn").moving_variance)
    np.testing.assert_array_equal(found, state["bn1.running_var"])


# Refusals ---------------------------------------------------------------------------


@pytest.fixture
def state():
    model = keras_vit.ResNet(3, **TINY, image_size=32)
    return as_torchvision(randomize(model))


def refused(arrays, words):
    model = keras_vit.ResNet(3, **TINY, image_size=32, input_scaling="imagenet")
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"(?s){words}"):
        keras_vit.load_weights(model, arrays)
    for one, other in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("bn1.running_var", lambda x: x * np.nan, "NaN.*bn1.running_var"),
        ("layer2.0.bn2.running_mean", lambda x: x + np.inf, "layer2.0.bn2.running_m"),
        ("layer1.0.bn1.running_var", lambda x: x - 2, "negative.*layer1.0.bn1.runn"),
        ("layer1.1.bn3.running_var", lambda x: x[1:], r"\(7,\).*does not fit"),
        ("layer1.1.bn3.running_var", None, "block2/3_bn/moving_variance.*no array"),
    ],
)
def test_statistics_that_no_training_leaves_change_nothing(name, change, words, state):
    value = state.pop(name)
    refused({**state, name: change(value)} if change else state, words)


def test_a_gap_in_the_units_is_refused(state):
    moved = {name.replace("layer1.1.", "layer1.2."): v for name, v in state.items()}
    with pytest.raises(ValueError, match=r"not numbered in turn.*layer1\.2"):
        keras_vit.from_checkpoint(moved)


def test_other_networks_with_such_names_are_refused(state):
    deep = {**state, "conv1.0.weight": state["conv1.weight"]}
    with pytest.raises(ValueError, match=r"conv1\.0\.weight"):
        keras_vit.from_checkpoint(deep)
    squeezed = {**state, "layer1.0.se.fc1.weight": state["layer1.0.conv3.weight"]}
    with pytest.raises(ValueError, match=r"se\.fc1"):
        keras_vit.from_checkpoint(squeezed)
    with pytest.raises(ValueError, match="hold a ResNet model, the model is a ViT"):
        keras_vit.ViT_Ti16(3, weights=state)


def test_a_file_of_keras_without_a_bias_is_incomplete(tmp_path):
    shutil.copy(golden.path(KERAS), tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "a") as file:
        group = file["conv3_block1_2_conv"]
        group.attrs["weight_names"] = group.attrs["weight_names"][:1]
        del group["conv3_block1_2_conv/bias:0"]
    with pytest.raises(ValueError, match=r"incomplete.*conv3_block1/2_bn/moving_mean"):
        keras_vit.from_checkpoint(tmp_path / "w.h5")
