import golden
import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs, randomize

import keras_vit
from keras_vit.checkpoints import open_source
from keras_vit.checkpoints.sizes.segmenter import arguments as sizes_of
from keras_vit.losses import PixelCrossentropy
from keras_vit.models.segmentation.heads import upsampler

# What the files of the golden cases do not say.
HEADS = {
    "linear": {},
    "mask": {"decoder_heads": 3},
    "mask_padded": {"decoder_heads": 3},
}


def file_of(case):
    return golden.path(f"dense/segmenter/{case}/model.safetensors")


def official(case, **kwargs):
    """The model of a golden case, and the case's values with the channels last."""
    if case == "mask_padded":
        kwargs.setdefault("image_size", (None, None))
    model = keras_vit.from_checkpoint(
        str(file_of(case)), num_heads=3, **HEADS[case], **kwargs
    )
    values = golden.arrays(f"dense/segmenter/{case}/io.npz")
    for name in {"masks", "logits"} & values.keys():
        values[name] = np.moveaxis(values[name], 1, -1)
    return model, values


def close(found, expected, tolerance):
    """Within a share of the largest value."""
    largest = np.abs(expected).max()
    np.testing.assert_allclose(array(found), expected, rtol=0, atol=tolerance * largest)


def small(name="token", **kwargs):
    return randomize(MODELS[name].make(**kwargs))


# Parity ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", HEADS)
def test_released_files_give_segmenters_numbers(case):
    model, values = official(case)
    head = "head" if case == "linear" else "mask_transformer"
    names = [f"block_{i:02d}" for i in range(2)] + ["encoder_norm", head]
    outputs = [model.get_layer(name).output for name in names]
    found = keras.Model(model.input, [*outputs, model.output])(values["image"])
    bars = {"block.0": 2e-5, "block.1": 2e-5, "norm": 2e-5, "masks": 2e-4}
    bars["logits"] = 2e-4
    for value, (name, bar) in zip(found, bars.items(), strict=True):
        if name in values:  # what ships lacks some of the large ones
            close(value, values[name], bar)
    assert "masks" in values
    loss = PixelCrossentropy()(values["labels"], found[4])
    np.testing.assert_allclose(float(loss), values["loss"], rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes a gradient")
def test_gradients_are_segmenters():
    import tensorflow as tf

    model, values = official("mask")
    known = open_source(golden.arrays("dense/segmenter/mask/grads.npz"))
    with tf.GradientTape() as tape:
        loss = PixelCrossentropy()(values["labels"], model(values["image"]))
    weights = [w for w in model.trainable_variables if w.path in known]
    assert len(weights) > 20
    slopes = tape.gradient(loss, [w.value for w in weights])
    largest = max(np.abs(known.read(w.path)).max() for w in weights)
    for weight, slope in zip(weights, slopes):
        expected = known.read(weight.path)
        np.testing.assert_allclose(array(slope), expected, rtol=0, atol=1e-4 * largest)


def test_the_decoder_of_transunet_gives_its_numbers():
    values = golden.arrays("dense/transunet/decoder/io.npz")
    weights = golden.arrays("dense/transunet/decoder/model.npz")
    grid = keras.Input((4, 4, 12))
    sides = {8: (8, 16), 4: (16, 8), 2: (32, 4)}  # of each stride: size, channels
    skips = {s: keras.Input((n, n, c)) for s, (n, c) in sides.items()}

    class a:
        num_classes, dtype, classifier_activation = 4, None, None
        decoder_widths = (12, 8, 8, 4)

    model = keras.Model([grid, *skips.values()], upsampler(grid, skips, a))
    theirs = {"decoder_conv": "decoder.conv_more"}
    for i in range(4):
        for j in (1, 2):
            theirs[f"up{i + 1}_conv{j}"] = f"decoder.blocks.{i}.conv{j}"
    norm = {"gamma": "weight", "beta": "bias"}
    norm |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    for ours, name in theirs.items():
        kernel = weights[f"{name}.0.weight"].transpose(2, 3, 1, 0)
        model.get_layer(ours).kernel.assign(kernel)
        for part, their_part in norm.items():
            variable = getattr(model.get_layer(f"{ours}_norm"), part)
            variable.assign(weights[f"{name}.1.{their_part}"])
    head = model.get_layer("head")
    head.kernel.assign(weights["segmentation_head.0.weight"].transpose(2, 3, 1, 0))
    head.bias.assign(weights["segmentation_head.0.bias"])
    maps = [np.moveaxis(values[f"feature.{i}"], 1, -1) for i in range(3)]
    close(
        model([values["tokens"].reshape(1, 4, 4, 12), *maps]),
        np.moveaxis(values["logits"], 1, -1),
        2e-5,
    )


def test_the_decoders_of_published_models_have_their_parameters():
    for width, millions in ((192, 1.03), (384, 4.05), (768, 16.1)):
        decoder = keras_vit.layers.MaskTransformer(150)
        decoder.build((None, 32, 32, width))
        assert decoder.count_params() / 1e6 == pytest.approx(millions, rel=5e-3)


# The one door ------------------------------------------------------------------------


def test_a_missing_and_an_unknown_array_are_named():
    arrays = golden.read_safetensors(file_of("mask"))
    kernel = arrays.pop("decoder.proj_patch")
    heads = {"num_heads": 3, "decoder_heads": 3}
    with pytest.raises(ValueError, match="mask_transformer/patch_projection/kernel"):
        keras_vit.from_checkpoint(arrays, **heads)
    arrays |= {"decoder.proj_patch": kernel, "decoder.more": kernel}
    with pytest.raises(ValueError, match=r"decoder\.more"):
        keras_vit.from_checkpoint(arrays, **heads)


def test_what_a_file_does_not_say_is_asked_for():
    with pytest.raises(ValueError, match="num_heads"):
        keras_vit.from_checkpoint(str(file_of("mask")))
    with pytest.raises(ValueError, match="decoder_heads"):
        keras_vit.from_checkpoint(str(file_of("mask")), num_heads=3)


def test_inspecting_a_file_says_what_is_missing():
    found = keras_vit.inspect_checkpoint(str(file_of("mask")))
    assert found.layout == "Segmenter"
    assert found.missing == ["num_heads", "decoder_heads"]
    assert found.arguments["decoder_layers"] == 2


@pytest.mark.parametrize("width, heads", [(192, 3), (1024, 16), (1280, None)])
def test_heads_are_known_of_released_widths_alone(width, heads):
    encoder = {"hidden_dim": width, "num_heads": None}
    assert sizes_of({}, encoder)["num_heads"] == heads


def test_other_classes_start_anew_and_the_rest_is_kept():
    model, _ = official("mask", num_classes=9)
    first, values = official("mask")
    x = values["image"]
    assert model(x).shape == (len(x), 48, 48, 9)
    for path in ("block_01", "mask_transformer/block_01", "mask_transformer/norm"):
        theirs = {w.path: w for w in first.weights}
        for weight in model.weights:
            if weight.path.startswith(path):
                np.testing.assert_array_equal(array(weight), array(theirs[weight.path]))
    new, _ = official("linear", num_classes=9)
    assert not array(new(x)).any()


def test_a_file_fills_a_model_that_is_there():
    model, values = official("linear")
    expected = array(model(values["image"]))
    randomize(model)
    report = keras_vit.load_weights(model, str(file_of("linear")))
    assert not report.unfilled
    assert "encoder.head.weight" in report.unused
    np.testing.assert_array_equal(array(model(values["image"])), expected)


REFUSED = {
    "DPT": "dpt/project",
    "UPerNet": "upernet/head",
    "ViTDet": "vitdet/window_relpos",
    "EoMT": "eomt/masked",
}


@pytest.mark.parametrize("project", REFUSED)
def test_other_dense_models_are_refused_by_their_names(project):
    path = golden.path(f"dense/{REFUSED[project]}/model.safetensors")
    for source in (str(path), golden.read_safetensors(path)):
        with pytest.raises(ValueError, match=f"holds {project}"):
            keras_vit.from_checkpoint(source)


def test_a_pickle_is_refused_with_the_command_that_helps(tmp_path):
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ValueError, match="keras-vit convert"):
        keras_vit.from_checkpoint(str(path))


# Any backbone ------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["linear", "mask", "upsampler"])
def test_a_backbone_gives_its_weights_and_stays_as_it_is(head):
    backbone = small("hybrid")
    model = keras_vit.Segmenter(backbone, 3, head)
    assert model.output_shape == (None, 16, 24, 3)
    assert model.settings["family"] == "segmenter"
    x = inputs((2, 16, 24, 3))
    theirs = keras_vit.feature_maps(backbone)(x)
    name = "encoder_norm"
    tokens = keras.Model(model.input, model.get_layer(name).output)(x)
    np.testing.assert_array_equal(
        array(tokens)[:, 1:].reshape(theirs.shape), array(theirs)
    )
    assert not {id(w) for w in backbone.weights} & {id(w) for w in model.weights}
    if head != "mask":
        assert not array(model(x)).any()  # the first loss is ln(classes)


def test_layers_that_do_not_train_in_the_backbone_do_not_train_here():
    backbone = small()
    backbone.trainable = False
    backbone.metadata.update(class_names=["a", "b"], preprocessing={"steps": []})
    model = keras_vit.Segmenter(backbone, 3, norm="batch")
    paths = {w.path for w in model.trainable_weights}
    assert paths == {f"head_norm/{n}" for n in ("gamma", "beta")} | {
        "head/kernel",
        "head/bias",
    }
    assert model.metadata == {}  # what is of whole images is left out


def test_a_part_that_does_not_train_in_the_backbone_does_not_train_here():
    backbone = small()
    backbone.get_layer("block_00").mlp.trainable = False
    model = keras_vit.Segmenter(backbone, 3)
    there = {w.path for w in backbone.trainable_weights if w.path[:5] != "head/"}
    assert {w.path for w in model.trainable_weights} - {"head/kernel", "head/bias"} == (
        there
    )
    assert any(w.path.startswith("block_00/mlp/") for w in backbone.weights)


def test_an_adapted_backbone_gives_its_merged_kernels():
    backbone = small()
    dense = backbone.get_layer("block_00").mlp.dense_1
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(inputs(dense.lora_kernel_b.shape))
    model = keras_vit.Segmenter(backbone, 3)
    kernel = model.get_layer("block_00").mlp.dense_1.kernel
    np.testing.assert_allclose(array(kernel), array(dense.kernel), rtol=1e-6)


def test_a_model_of_every_size_answers_for_every_pixel():
    model = keras_vit.Segmenter(small("every_size"), 3, "mask", decoder_layers=1)
    for size in ((8, 12), (5, 17), (1, 1)):
        assert model(inputs((1, *size, 3))).shape == (1, *size, 3)


def test_padding_of_an_image_is_zero_after_its_scaling():
    backbone = small("every_size", include_preprocessing=True)
    model = keras_vit.Segmenter(backbone, 3, "mask", decoder_layers=1)
    pixels = np.full((1, 6, 6, 3), 255.0, "float32")
    grey = np.pad(pixels, ((0, 0), (0, 2), (0, 2), (0, 0)), constant_values=127.5)
    found, expected = model(pixels), array(model(grey))[:, :6, :6]
    np.testing.assert_allclose(array(found), expected, atol=1e-5)


@pytest.mark.slow
def test_a_name_is_a_backbone_too():
    model = keras_vit.Segmenter("ViT_Ti16", 2, image_size=32, num_channels=1)
    assert model.output_shape == (None, 32, 32, 2)
    assert model.settings["arguments"]["backbone"] == "vit"


def test_an_image_size_and_classes_can_be_changed():
    model = randomize(keras_vit.Segmenter(small(), 3, "mask", decoder_heads=2))
    wider = keras_vit.with_image_size(model, (16, 20))
    assert wider.output_shape == (None, 16, 20, 3)
    other = keras_vit.with_num_classes(model, 6)
    assert other.output_shape == (None, 8, 12, 6)
    again = keras_vit.with_image_size(wider, (8, 12))
    x = inputs((1, 8, 12, 3))
    assert array(again(x)).shape == array(model(x)).shape


def test_it_learns_by_plain_fit():
    keras.utils.set_random_seed(1)
    x = np.where(inputs((16, 2, 3, 1)) > 0, 1.0, -1.0)
    x = np.repeat(np.repeat(x, 4, 1), 4, 2)  # whole patches, light or dark
    y = (x[..., 0] > 0).astype("uint8")
    y[:, 0] = 255  # a border that nobody labelled
    model = keras_vit.Segmenter(MODELS["token"].make(num_channels=1), 2)
    model.compile(keras.optimizers.Adam(0.01), loss=PixelCrossentropy())
    history = model.fit(x, y, epochs=12, batch_size=16, verbose=0).history["loss"]
    assert history[0] == pytest.approx(np.log(2), rel=0.2)
    assert history[-1] < 0.3 * history[0]


# What is refused ---------------------------------------------------------------------


def test_a_backbone_without_a_grid_is_refused():
    with pytest.raises(ValueError, match="of the family 'lenet'"):
        keras_vit.Segmenter(MODELS["lenet"].make(), 3)
    with pytest.raises(ValueError, match=r"get_layer\('mine'\)"):
        keras_vit.Segmenter(keras.Sequential([MODELS["token"].make(name="mine")]), 3)
    with pytest.raises(ValueError, match="name of one"):
        keras_vit.Segmenter(None, 3)


def test_sizes_that_do_not_fit_are_refused_with_those_that_do():
    backbone = MODELS["hybrid"].make(image_size=(20, 24))
    with pytest.raises(ValueError, match="Nearest to 20: 16 and 24"):
        keras_vit.Segmenter(backbone, 3)


def test_an_upsampler_needs_a_map_that_can_be_doubled():
    with pytest.raises(ValueError, match="head='linear' or head='mask'"):
        keras_vit.Segmenter(MODELS["grey_rectangles"].make(), 3, "upsampler")
    with pytest.raises(ValueError, match="sequence of 2 positive integers"):
        keras_vit.Segmenter(small(), 3, "upsampler", decoder_widths=(4,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "at least 2"),
        ({"num_classes": "21"}, "at least 2"),
        ({"head": "maks"}, "Did you mean 'mask'"),
        ({"head": "mask", "norm": "batch"}, "`norm` is for head='linear'"),
        ({"decoder_layers": 3}, "is for head='mask'"),
        ({"head": "mask", "decoder_heads": 5}, "multiple of `num_heads`"),
        ({"head": "mask", "decoder_layers": 0}, "positive integer"),
    ],
)
def test_an_impossible_argument_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_vit.Segmenter(small(), **{"num_classes": 3, **arguments})


def test_arguments_of_a_backbone_that_is_built_are_refused():
    with pytest.raises(TypeError, match="image_size"):
        keras_vit.Segmenter(small(), 3, image_size=64)


@pytest.mark.parametrize("head", ["linear", "mask", "upsampler"])
def test_a_saved_model_is_read_back_by_what_it_says_of_itself(head, tmp_path):
    vit = keras_vit.ViT(
        0,
        image_size=8,
        patch_size=4,
        num_layers=1,
        hidden_dim=8,
        mlp_dim=8,
        num_heads=2,
    )
    widths = {"decoder_widths": (4, 4)} if head == "upsampler" else {}
    model = keras_vit.Segmenter(vit, 3, head=head, **widths)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    model.save(tmp_path / "model.keras")
    again = keras_vit.from_checkpoint(tmp_path / "model.keras")
    images = random.normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(again(images), model(images), atol=1e-6)
    other = keras_vit.from_checkpoint(tmp_path / "model.keras", num_classes=5)
    assert other.output_shape == (None, 8, 8, 5)
