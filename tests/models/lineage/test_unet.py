"""U-Net: the paper's sizes, its arithmetic, and the files that people have."""

import functools
from types import SimpleNamespace

import golden
import keras
import numpy as np
import pytest
from keras import ops

import keras_vit
from keras_vit.models.variants.lineage import LINEAGE

TINY = {"widths": (3, 4, 5), "image_size": (44, 48)}
# case, arguments that the file does not tell, layers of ours by the source's values
FILES = (
    (
        "milesial_same",
        {"image_size": (48, 64)},
        {
            "inc": "down0_relu2",
            "down1": "down1_relu2",
            "down4": "down4_relu2",
            "up1": "up1_relu2",
            "up4": "up4_relu2",
        },
    ),
    (
        "phseg_v5",
        {"image_size": (188, 204)},
        {
            "conv_d4b-c": "down4_conv2",
            "upconv_d4c_u3a": "up1_upconv",
            "conv_u0c-d": "up4_conv2",
        },
    ),
    (
        "valid_depth3",
        {"image_size": (92, 76), "padding": "valid"},
        {
            "down_path.0": "down0_relu2",
            "down_path.2": "down2_relu2",
            "up_path.0.up": "up1_upconv",
            "up_path.0": "up1_relu2",
            "up_path.1": "up2_relu2",
        },
    ),
)


def file_of(case):
    return golden.path(f"lineage/unet/{case}/model.safetensors")


@functools.cache
def golden_model(case):
    given = next(given for name, given, _ in FILES if name == case)
    return keras_vit.from_checkpoint(file_of(case), **given)


# Numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("case, given, taps", FILES, ids=[name for name, *_ in FILES])
def test_a_file_gives_its_own_logits_and_maps(case, given, taps):
    io = golden.arrays(f"lineage/unet/{case}/io.npz")
    model = golden_model(case)
    layers = [model.get_layer(name) for name in (*taps.values(), "head")]
    values = keras.Model(model.input, [layer.output for layer in layers])(io["image"])
    for name, value in zip((*taps, "logits"), values):
        if name not in io:
            continue  # too large to ship
        value = ops.convert_to_numpy(value).transpose(0, 3, 1, 2)[: len(io[name])]
        assert value.shape == io[name].shape
        bar = 2e-5 * max(1, np.abs(io[name]).max())
        assert np.abs(value - io[name]).max() <= bar, name


def test_the_network_of_the_paper_as_another_hand_wrote_it():
    io = golden.arrays("dense/unet_2015.npz")
    sizes = {"widths": (3, 6, 12, 24, 48), "image_size": (204, 188)}
    model = keras_vit.UNet(2, **sizes, skip_first=True)
    theirs = {"bottom": "down4", **{f"up{3 - i}": f"up{i + 1}" for i in range(4)}}
    for key, value in io.items():
        if key.startswith("weight."):
            *parts, kind = key.split(".")[1:]
            parts[0] = theirs.get(parts[0], parts[0])
            layer = model.get_layer("_".join(parts))
            variable = getattr(layer, kind)
            variable.assign(value.reshape(variable.shape))
    logits = ops.convert_to_numpy(model(io["image"][None]))[0]
    assert np.abs(logits - io["logits"]).max() <= 2e-5 * np.abs(io["logits"]).max()


def conv(x, kernel, bias):
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))
    return np.maximum(np.einsum("hwcij,ijco->hwo", windows, kernel) + bias, 0)


def up(x, kernel, bias):
    blocks = np.einsum("hwc,ijoc->hiwjo", x, kernel)
    return blocks.reshape(2 * x.shape[0], 2 * x.shape[1], -1) + bias


def oracle(x, weights):
    """The paper's figure 1 with three levels, in NumPy; `x`: `(H, W, C)`."""

    def two(x, name):
        for i in (1, 2):
            x = conv(x, *weights[f"{name}_conv{i}"])
        return x

    skips = []
    for level in range(3):
        if level:
            h, w, c = x.shape
            x = x.reshape(h // 2, 2, w // 2, 2, c).max((1, 3))
        x = two(x, f"down{level}")
        skips.append(x)
    for step in (1, 2):
        x, skip = up(x, *weights[f"up{step}_upconv"]), skips[2 - step]
        top, left = ((a - b) // 2 for a, b in zip(skip.shape[:2], x.shape[:2]))
        skip = skip[top : top + x.shape[0], left : left + x.shape[1]]
        x = two(np.concatenate([x, skip], -1), f"up{step}")
    return x @ weights["head"][0] + weights["head"][1]


def test_the_arithmetic_is_that_of_the_figure():
    rng = np.random.default_rng(0)
    model = keras_vit.UNet(3, num_channels=2, **TINY)
    weights = {}
    for layer in filter(lambda layer: layer.weights, model.layers):
        values = [rng.normal(size=w.shape) / 3 for w in layer.weights]
        layer.set_weights(values)
        weights[layer.name] = values
    x = rng.normal(size=(1, 44, 48, 2))
    expected = oracle(x[0], weights)
    assert expected.shape == (4, 8, 3)
    value = ops.convert_to_numpy(model(x))[0]
    np.testing.assert_allclose(value, expected, atol=1e-5 * np.abs(expected).max())


# Sizes ------------------------------------------------------------------------------


def test_parameters_are_those_of_the_figure():
    family = LINEAGE["unet"]
    row = family.rows["UNet"]
    assert family.params(row) == row.params == 31_030_658
    assert family.params(row, num_channels=3) == 31_031_810


@pytest.mark.parametrize(
    "arguments",
    [
        TINY,
        {**TINY, "upconv_widths": (4, 6), "num_channels": 3},
        {**TINY, "padding": "same", "batch_norm": True, "image_size": 21},
    ],
)
def test_closed_forms_are_those_of_a_model(arguments):
    model = keras_vit.UNet(**arguments)
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    total = sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(places.shape[1:3]))
        for layer in model.layers
        if hasattr(layer, "kernel")
        for places in [layer.input if "upconv" in layer.name else layer.output]
    )
    operations = LINEAGE["unet"].operations
    a = SimpleNamespace(**model.settings["arguments"])
    listed = operations(a, tuple(a.image_size))
    assert sum(each.weights + each.others for each in listed) == trainable
    assert sum(each.weights * each.positions for each in listed) == total


def test_the_release_has_128_channels_in_its_last_up_convolution():
    row = LINEAGE["unet"].rows["UNet"]
    a = SimpleNamespace(**LINEAGE["unet"].defaults, **vars(row))
    a.num_classes, a.num_channels, a.upconv_widths = 2, 1, [512, 256, 128, 128]
    listed = LINEAGE["unet"].operations(a, (572, 572))
    assert sum(each.weights + each.others for each in listed) == 31_100_354


def test_572_pixels_become_388():
    model = keras_vit.UNet(2, widths=(1, 1, 1, 1, 1))
    assert model.input_shape == (None, 572, 572, 1)
    assert model.output_shape == (None, 388, 388, 2)
    sizes = {
        "down3_relu2": 64,
        "down4_relu2": 28,
        "up1_upconv": 56,
        "up3_relu2": 196,
    }
    for name, side in sizes.items():
        assert model.get_layer(name).output.shape[1] == side


@pytest.mark.parametrize(
    "size, nearest", [(571, "556 and 572"), (600, "588 and 604"), (100, "188 and 204")]
)
def test_a_size_that_it_cannot_take_is_told_the_nearest(size, nearest):
    with pytest.raises(ValueError, match=f"Nearest to {size}: {nearest}.") as error:
        keras_vit.UNet(widths=(1, 1, 1, 1, 1), image_size=(188, size))
    assert f"Received: image_size=(188, {size})" in str(error.value)


@pytest.mark.parametrize(
    "padding, size, nearest",
    [
        ("valid", (45, 44), ["Nearest to 45: 44 and 48."]),
        ("valid", (20, 50), ["Nearest to 20: 44 and 48.", "Nearest to 50: 48 and 52."]),
        ("same", (44, 46), ["Nearest to 46: 44 and 48."]),
        ("same", (2, 8), ["Nearest to 2: 4 and 8."]),
    ],
)
def test_a_model_of_every_size_tells_which_it_takes(padding, size, nearest):
    widths = {"widths": (1, 1, 1), "padding": padding}
    model = keras_vit.UNet(2, **widths, image_size=(None, None))
    images = np.zeros((1, *size, 1))
    for compute in (model, model.predict_on_batch):
        with pytest.raises(ValueError) as error:
            compute(images)
        for words in (f"Received: image_size={size}.", *nearest):
            assert words in str(error.value)
    with pytest.raises(ValueError, match="Nearest to 3: "):
        keras_vit.UNet(2, **widths, image_size=(None, 3))


def test_the_sizes_that_it_takes_are_those_that_the_layers_can():
    # The rule against the sizes themselves, one layer after another.
    def works(side):
        sides = []
        for level in range(3):
            if level:
                if side % 2:
                    return False
                side //= 2
            side -= 4
            sides.append(side)
        for _ in range(2):
            side = 2 * side - 4
        return min(*sides, side) > 0

    for side in range(1, 54):
        try:
            keras_vit.UNet(widths=(1, 1, 1), image_size=(side, 44))
            taken = True
        except ValueError as error:
            taken = False
            assert f"Nearest to {side}: " in str(error)
        assert taken == works(side), side


@pytest.mark.slow
def test_padded_ones_take_every_size_and_give_it_back():
    same = {"widths": (2, 3, 4), "padding": "same", "batch_norm": True}
    for size in ((4, 4), (5, 7), (13, 16)):
        model = keras_vit.UNet(2, **same, image_size=size, skip_first=True)
        assert model.output_shape[1:3] == size
    with pytest.raises(ValueError, match="at least 4"):
        keras_vit.UNet(2, **same, image_size=(3, 8))


def test_a_model_of_every_size_computes_what_one_of_the_size_does():
    one = keras_vit.UNet(2, **TINY)
    every = keras_vit.UNet(2, **{**TINY, "image_size": (None, None)})
    one.get_layer("head").kernel.assign(np.ones((3, 2)))
    every.set_weights(one.get_weights())
    x = np.random.default_rng(1).normal(size=(1, 44, 48, 1))
    np.testing.assert_allclose(every(x), one(x), atol=1e-6)


def test_dropout_follows_the_two_deepest_levels():
    model = keras_vit.UNet(2, **TINY, dropout_rate=0.5)
    names = [layer.name for layer in model.layers if "dropout" in layer.name]
    assert names == ["down1_dropout", "down2_dropout"]


def test_wrong_arguments_are_told():
    with pytest.raises(ValueError, match="at least two levels"):
        keras_vit.UNet(widths=(8,))
    with pytest.raises(ValueError, match="one width for each step"):
        keras_vit.UNet(widths=(8, 8), upconv_widths=(1, 2))
    with pytest.raises(ValueError, match="`padding`"):
        keras_vit.UNet(widths=(8, 8), padding="reflect")


# Files ------------------------------------------------------------------------------


def test_a_file_of_jvanvugt_does_not_say_whether_it_pads():
    with pytest.raises(ValueError, match="does not tell `padding`"):
        keras_vit.from_checkpoint(file_of("valid_depth3"))
    with pytest.raises(ValueError, match="`padding` must be given"):
        keras_vit.UNet(widths=(8, 16, 32), weights=file_of("valid_depth3"))


def test_weights_decide_what_the_user_leaves_open():
    model = keras_vit.UNet(
        7, weights=file_of("milesial_same"), widths=(4, 8, 16, 32, 64), num_channels=3,
        image_size=48,
    )  # fmt: skip
    arguments = model.settings["arguments"]
    assert arguments["padding"] == "same" and arguments["batch_norm"]
    assert arguments["skip_first"]
    assert not model.get_layer("head").kernel.numpy().any()  # other classes


def test_a_wrong_order_of_skips_is_refused():
    with pytest.raises(ValueError, match="skip_first"):
        model = keras_vit.UNet(
            2, widths=(4, 8, 16, 32, 64), num_channels=3, padding="same",
            batch_norm=True, image_size=48,
        )  # fmt: skip
        keras_vit.load_weights(model, file_of("milesial_same"))


def test_a_file_that_lacks_a_level_is_refused():
    arrays = golden.read_safetensors(file_of("milesial_same"))
    left = {k: v for k, v in arrays.items() if not k.startswith("down2.")}
    with pytest.raises(ValueError, match="lacks a part"):
        keras_vit.from_checkpoint(left)


def mateuszbuda(rng, widths):
    """Arrays with the names that its `unet.py` gives, and none of this package."""
    arrays, channels = {}, 3

    def two(start, before, after):
        block, name = start
        for i, inputs in ((1, before), (2, after)):
            arrays[f"{block}.{name}conv{i}.weight"] = (after, inputs, 3, 3)
            for kind in ("weight", "bias", "running_mean", "running_var"):
                arrays[f"{block}.{name}norm{i}.{kind}"] = (after,)

    for i, width in enumerate(widths[:-1], start=1):
        two((f"encoder{i}", f"enc{i}"), channels, width)
        channels = width
    two(("bottleneck", "bottleneck"), channels, widths[-1])
    for i in range(4, 0, -1):
        arrays[f"upconv{i}.weight"] = (widths[i], widths[i - 1], 2, 2)
        arrays[f"upconv{i}.bias"] = (widths[i - 1],)
        two((f"decoder{i}", f"dec{i}"), 2 * widths[i - 1], widths[i - 1])
    arrays |= {"conv.weight": (1, widths[0], 1, 1), "conv.bias": (1,)}
    return {k: rng.uniform(0.1, 1, s).astype("float32") for k, s in arrays.items()}


def test_a_file_of_mateuszbuda_fills_every_variable():
    arrays = mateuszbuda(np.random.default_rng(0), (2, 4, 6, 8, 10))
    model = keras_vit.from_checkpoint(arrays, image_size=16)
    arguments = model.settings["arguments"]
    assert arguments["widths"] == [2, 4, 6, 8, 10] and not arguments["skip_first"]
    for name, key in (
        ("up1_upconv", "upconv4"),
        ("up4_conv1", "decoder1.dec1conv1"),
        ("down4_conv2", "bottleneck.bottleneckconv2"),
    ):
        kernel = model.get_layer(name).kernel.numpy()
        np.testing.assert_array_equal(
            kernel, arrays[f"{key}.weight"].transpose(2, 3, 1, 0)
        )


@pytest.mark.parametrize("given", [{}, {"padding": "same", "batch_norm": True}])
def test_files_of_this_package_fill_what_they_were_saved_from(given, tmp_path):
    given = {**TINY, **given}
    model = keras_vit.UNet(2, **given)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 1, weight.shape))
    model.save(tmp_path / "a.keras")
    model.save_weights(tmp_path / "a.weights.h5")
    built = [
        keras_vit.from_checkpoint(tmp_path / "a.keras"),
        keras_vit.UNet(2, **given),
    ]
    keras_vit.load_weights(built[1], tmp_path / "a.weights.h5")
    for other in built:
        for weight, same in zip(other.weights, model.weights):
            np.testing.assert_array_equal(weight.numpy(), same.numpy(), weight.path)
    with pytest.raises(ValueError, match="`padding`"):
        keras_vit.from_checkpoint(tmp_path / "a.weights.h5")


def test_a_unet_that_interpolates_is_refused():
    arrays = golden.read_safetensors(file_of("milesial_same"))
    left = {k: v for k, v in arrays.items() if ".up." not in k}
    with pytest.raises(ValueError, match="without up-convolutions"):
        keras_vit.from_checkpoint(left)


# Training ---------------------------------------------------------------------------


def test_the_loss_is_equation_1_by_sample_weights():
    io = golden.arrays("lineage/unet/weight_map.npz")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    cells = (io["labels"] > 0)[None].astype("int32")
    value = loss(cells, io["logits"][None], sample_weight=io["weights"][None])
    np.testing.assert_allclose(value, io["loss_mean"], rtol=1e-5)


def test_it_learns_from_arrays_with_a_weight_for_each_pixel():
    model = keras_vit.UNet(2, widths=(4, 8), image_size=28)
    rng = np.random.default_rng(0)
    cells = (rng.random((4, 28, 28)) < 0.05).astype(int)
    images = cells[..., None] + 0.1 * rng.normal(size=(4, 28, 28, 1))
    middle = (slice(None), slice(8, -8), slice(8, -8))
    weights = keras_vit.unet_weight_map(cells * np.arange(1, 29))[middle]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.03, momentum=0.9), loss)
    given = {"sample_weight": weights, "batch_size": 1, "verbose": 0}
    losses = model.fit(images, cells[middle], epochs=8, **given).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
