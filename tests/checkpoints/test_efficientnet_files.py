"""Files of EfficientNets: of timm, torchvision, Hugging Face and keras.applications."""

import json

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.checkpoints import facts_of, open_source

CASES = "lineage/efficientnet/"
IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
TINY = {
    "num_blocks": (1, 2, 1, 1, 1, 1, 1),
    "stage_widths": (4, 6, 8, 10, 12, 14, 16),
    "stem_width": 8,
    "top_width": 24,
    "image_size": (32, 40),
}
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def arguments_of(model):
    return keras_vit.models.arguments_of(model)


def weights_of(case):
    """The arrays of a golden case of timm, in the order of its modules."""
    weights = golden.read_safetensors(golden.path(f"{CASES}{case}/model.safetensors"))
    order = golden.config(f"{CASES}{case}/meta.json")["file_keys"]
    return {name: weights[name] for name in order}


def outputs_of(model, names, images):
    values = [model.get_layer(name).output for name in names]
    return [array(x) for x in keras.Model(model.input, values)(images)]


def close(actual, expected):
    bound = 2e-5 * max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound)


# The outputs of the original implementations --------------------------------------


@pytest.mark.parametrize(
    ("case", "padding", "epsilon"),
    [("timm_tf", "same", 1e-3), ("timm_native", "symmetric", 1e-5)],
)
def test_a_folder_of_timm_computes_what_timm_computes(case, padding, epsilon):
    values = golden.arrays(f"{CASES}{case}/io.npz")
    folder, images = golden.path(CASES + case), values["image"]
    model = keras_vit.from_checkpoint(
        folder, image_size=images.shape[1:3], input_scaling=None
    )
    a = arguments_of(model)
    assert (a["padding"], a["batch_norm_epsilon"]) == (padding, epsilon)
    stages = {f"blocks.{i}": f"block{i + 1}" for i in range(7)}
    last = {
        start: [layer.name for layer in model.layers if layer.name.startswith(start)]
        for start in stages.values()
    }
    layers = {name: last[start][-1] for name, start in stages.items()}
    layers |= {"conv_stem": "stem_conv", "bn1": "stem_activation"}
    layers |= {"bn2": "top_activation", "global_pool": "pooling", "logits": "head"}
    found = outputs_of(model, layers.values(), images)
    for name, output in zip(layers, found):
        if output.ndim == 4:  # the first image alone, channels first
            output = output[:1].transpose(0, 3, 1, 2)
        if name in values:  # small ones ship
            close(output, values[name])
    opened = open_source(folder)
    assert opened.input_scaling == tuple(map(tuple, IMAGENET))
    assert opened.preparation.image_size == (224, 224)


def test_a_file_of_keras_has_the_scaling_that_its_weights_were_trained_with():
    case = f"{CASES}keras_imagenet_notop/"
    values = golden.arrays(case + "io.npz")
    model = keras_vit.from_checkpoint(
        golden.path(case + "efficientnetb0_notop.h5"),
        image_size=values["image"].shape[1:3],
        include_preprocessing=True,
    )
    assert arguments_of(model)["input_scaling"] == IMAGENET
    assert arguments_of(model)["padding"] == "same"
    names = {"block1a_project_bn": "block1a", "stem_activation": "stem_activation"}
    names |= {"block7a_project_bn": "block7a", "top_activation": "top_activation"}
    names |= {"logits": "pooling"}
    found = outputs_of(model, names.values(), values["image"])
    for name, output in zip(names, found):
        if name.startswith("block1a") or name not in values:
            continue  # what the input is added to, and what is too large to ship
        close(output[:1] if output.ndim == 4 else output, values[name])
    wrong = values["logits_when_loaded_by_path"]
    assert np.abs(found[-1] - wrong).max() > 1


# The names of other projects --------------------------------------------------------


def torchvision_names(num_blocks):
    """The names of a state dict of torchvision, in the order of its modules."""
    yield "features.0.0.weight"
    yield from (f"features.0.1.{kind}" for kind in NORM)
    for stage, blocks in enumerate(num_blocks, start=1):
        for block in range(blocks):
            start, parts = f"features.{stage}.{block}.block", 3 + (stage > 1)
            for part in range(parts):
                if part == parts - 2:
                    for layer in ("fc1", "fc2"):
                        yield f"{start}.{part}.{layer}.weight"
                        yield f"{start}.{part}.{layer}.bias"
                else:
                    yield f"{start}.{part}.0.weight"
                    yield from (f"{start}.{part}.1.{kind}" for kind in NORM)
    yield "features.8.0.weight"
    yield from (f"features.8.1.{kind}" for kind in NORM)
    yield from ("classifier.1.weight", "classifier.1.bias")


def hugging_face_names(num_blocks):
    """The names of a state dict of transformers, in the order of its modules."""
    yield "efficientnet.embeddings.convolution.weight"
    yield from (f"efficientnet.embeddings.batchnorm.{kind}" for kind in NORM)
    for block in range(sum(num_blocks)):
        start = f"efficientnet.encoder.blocks.{block}."
        if block >= num_blocks[0]:
            yield start + "expansion.expand_conv.weight"
            yield from (f"{start}expansion.expand_bn.{kind}" for kind in NORM)
        yield start + "depthwise_conv.depthwise_conv.weight"
        yield from (f"{start}depthwise_conv.depthwise_norm.{kind}" for kind in NORM)
        for layer in ("reduce", "expand"):
            yield f"{start}squeeze_excite.{layer}.weight"
            yield f"{start}squeeze_excite.{layer}.bias"
        yield start + "projection.project_conv.weight"
        yield from (f"{start}projection.project_bn.{kind}" for kind in NORM)
    yield "efficientnet.encoder.top_conv.weight"
    yield from (f"efficientnet.encoder.top_bn.{kind}" for kind in NORM)
    yield from ("classifier.weight", "classifier.bias")


def test_torchvision_names_the_same_arrays_otherwise():
    values, weights = (
        golden.arrays(f"{CASES}timm_native/io.npz"),
        weights_of("timm_native"),
    )
    blocks = [1, 1, 1, 2, 2, 2, 1]
    names = list(torchvision_names(blocks))
    model = keras_vit.from_checkpoint(
        dict(zip(names, weights.values(), strict=True)),
        image_size=64,
        input_scaling=None,
    )
    a = arguments_of(model)
    assert a["num_blocks"] == blocks and a["padding"] == "symmetric"
    close(array(model(values["image"])), values["logits"])


def torch_arrays(model, names):
    """The weights of a model of ours as PyTorch lays them out, under these names."""
    arrays, names = {}, iter(names)
    # The layers of a block in the order of its modules.
    for layer in model.layers:
        parts = [layer]
        if layer.name.startswith("block"):
            parts = [layer.expand_conv, layer.expand_bn, layer.dwconv, layer.bn]
            parts += [layer.se_reduce, layer.se_expand]
            parts += [layer.project_conv, layer.project_bn]
        for part in filter(None, parts):
            for value in part.get_weights():
                if value.ndim == 4:
                    depthwise = isinstance(part, keras.layers.DepthwiseConv2D)
                    value = value.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
                arrays[next(names)] = np.ascontiguousarray(
                    value.T if value.ndim == 2 else value
                )
            if isinstance(part, keras.layers.BatchNormalization):
                arrays[next(names)] = np.zeros((), "int64")
    assert not list(names)
    return arrays


def test_hugging_face_counts_all_blocks_in_one_row(tmp_path):
    model = randomize(keras_vit.EfficientNet(5, **TINY))
    arrays = torch_arrays(model, hugging_face_names(TINY["num_blocks"]))
    arrays = {name: value.astype("float32") for name, value in arrays.items()}
    golden.write_safetensors(tmp_path / "model.safetensors", arrays)
    config = {"model_type": "efficientnet", "image_size": 40, "hidden_act": "swish"}
    config |= {"depthwise_padding": [5], "width_coefficient": 0.2, "hidden_dim": 24}
    (tmp_path / "config.json").write_text(json.dumps(config))
    roots = np.sqrt(IMAGENET[1]).tolist()
    processor = {"image_processor_type": "EfficientNetImageProcessor"}
    processor |= {"image_mean": IMAGENET[0], "image_std": roots, "include_top": True}
    processor |= {"size": {"height": 40, "width": 40}, "resample": 0}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    again = keras_vit.from_checkpoint(tmp_path, image_size=(32, 40), input_scaling=None)
    images = inputs((2, 32, 40, 3))
    close(array(again(images)), array(model(images)))
    opened = open_source(tmp_path)
    assert keras_vit.checkpoints.arguments_of(opened)["image_size"] == [40, 40]
    np.testing.assert_allclose(opened.input_scaling, IMAGENET)


@pytest.mark.parametrize(
    ("first", "epsilon"),
    [(2, 1e-5), (3, 1e-3)],  # B4 and B5
)
def test_torchvision_changed_its_epsilon_at_b5(first, epsilon):
    names = torchvision_names((first, 4, 4, 6, 6, 8, 2))
    opened = open_source({name: np.ones((8, 8, 1, 1), "float32") for name in names})
    assert facts_of(opened) == {"padding": "symmetric", "batch_norm_epsilon": epsilon}


# What a file does not say, and what no EfficientNet of ours is ---------------------


def test_a_bare_file_of_timm_asks_how_it_pads():
    weights = weights_of("timm_tf")
    with pytest.raises(ValueError, match=r"`padding`.*tf_efficientnet"):
        keras_vit.from_checkpoint(weights)
    opened = open_source(weights)
    a = keras_vit.checkpoints.arguments_of(opened)
    sizes = {name: a[name] for name in ("num_blocks", "stage_widths", "stem_width")}
    with pytest.raises(ValueError, match="`padding` must be given"):
        keras_vit.EfficientNet(7, **sizes, top_width=192, weights=weights)


@pytest.mark.parametrize(
    "config",
    [
        {"architecture": "tf_efficientnet_lite0"},
        {"architecture": "efficientnet_b3_gn"},
        {"architecture": "efficientnet_b0", "model_args": {"pad_type": "circular"}},
        {"architecture": "efficientnet_b0", "model_args": {"act_layer": "relu"}},
    ],
)
def test_other_networks_with_the_same_names_are_refused(config, tmp_path):
    weights = weights_of("timm_native")
    weights = {name: value.astype("float32") for name, value in weights.items()}
    golden.write_safetensors(tmp_path / "model.safetensors", weights)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="keras_vit does not have"):
        keras_vit.from_checkpoint(tmp_path)


@pytest.mark.slow
def test_weights_alone_of_our_own_model_come_back(tmp_path):
    model = randomize(keras_vit.EfficientNet(5, **TINY))
    model.save_weights(tmp_path / "a.weights.h5")
    again = keras_vit.EfficientNet(
        5, **TINY, padding="same", weights=tmp_path / "a.weights.h5"
    )
    for one, two in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(array(one), array(two), one.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.weights.h5", "model.keras"])
def test_a_model_of_keras_applications_is_read_from_its_own_files(name, tmp_path):
    theirs = keras.applications.EfficientNetB0(
        weights=None, input_shape=(64, 64, 3), classes=3, classifier_activation=None
    )
    randomize(theirs)
    scaling = next(x for x in theirs.layers if x.name.startswith("normalization"))
    scaling.adapt_mean.assign(np.zeros(3))  # as without the weights of ImageNet
    scaling.adapt_variance.assign(np.ones(3))
    if name.endswith("keras"):
        theirs.save(tmp_path / name)
    else:
        theirs.save_weights(tmp_path / name)
    ours = keras_vit.from_checkpoint(
        tmp_path / name, image_size=64, input_scaling=None, include_preprocessing=False
    )
    assert ours.name == "efficientnetb0"
    pixels = 255 * inputs((2, 64, 64, 3)).clip(0, 1)
    scaled = keras.Model(theirs.input, theirs.get_layer("stem_conv_pad").input)(pixels)
    close(array(ours(scaled)), array(theirs(pixels)))
    assert open_source(tmp_path / name).input_scaling == ((0.0,) * 3, (1.0,) * 3)
