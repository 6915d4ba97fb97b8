"""LeNet-5 in both forms: counts of the paper, and the values of the golden data."""

import math
from types import SimpleNamespace

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize
from scipy import ndimage

import keras_vit
from keras_vit.models.variants.lenet import C3, LENET

CASE = "lineage/lenet/lenet5_1998.npz"


def close(found, expected):
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


def published():
    """The network of 1998 with the golden weights, and the golden values."""
    io = golden.arrays(CASE)
    model = keras_vit.LeNet5()
    for name in ("c1", "c5", "f6"):
        layer = model.get_layer(name)
        layer.kernel.assign(io[f"{name}.kernel"])
        layer.bias.assign(io[f"{name}.bias"])
    for name in ("s2", "s4"):
        layer = model.get_layer(name)
        layer.coefficient.assign(io[f"{name}.coefficient"])
        layer.bias.assign(io[f"{name}.bias"])
    partial = model.get_layer("c3")
    pairs = [(i, o) for o, maps in enumerate(C3) for i in maps]
    rows, columns = zip(*pairs)
    partial.kernel.assign(io["c3.kernel"][:, :, rows, columns])
    partial.bias.assign(io["c3.bias"])
    model.get_layer("head").codes.assign(io["rbf.codes"])
    return model, io


def test_every_layer_equals_the_paper():
    model, io = published()
    names = ["c1", "s2", "c3", "s4", "c5", "f6"]
    views = [model.get_layer(f"{name}_squash").output for name in names]
    *values, logits = keras.Model(model.input, [*views, model.output])(io["image"])
    close(-array(logits), io["rbf"])
    for name, found in zip(names, values):
        close(array(found).reshape(io[name].shape), io[name])
    whole = array(model.get_layer("c3").whole_kernel())
    np.testing.assert_array_equal(whole, io["c3.kernel"])
    np.testing.assert_array_equal((whole != 0).any((0, 1)), io["c3.mask"] != 0)


def test_losses_of_the_paper():
    model, io = published()
    labels = io["labels"].astype(int)
    logits = array(model(io["image"])).astype("float64")
    right = -logits[np.arange(len(labels)), labels]
    assert right.mean() == pytest.approx(float(io["loss_mse"]), rel=1e-5)
    others = np.log(np.exp(-0.1) + np.exp(logits).sum(1))
    assert (right + others).mean() == pytest.approx(float(io["loss_map"]), rel=1e-5)


def test_parameters_and_connections_of_the_paper():
    model = keras_vit.LeNet5()
    counts, connections = {}, 0
    for layer in model.layers:
        count = sum(math.prod(weight.shape) for weight in layer.trainable_weights)
        if not layer.weights:
            continue
        counts[layer.name] = count
        positions = math.prod(layer.output.shape[1:-1])
        if layer.name in ("c1", "c3"):
            connections += positions * count
        elif layer.name in ("s2", "s4"):  # four inputs and a bias to each output
            connections += positions * layer.output.shape[-1] * 5
        else:
            connections += count or math.prod(layer.codes.shape)
    assert counts == {
        "c1": 156,
        "s2": 12,
        "c3": 1516,
        "s4": 32,
        "c5": 48_120,
        "f6": 10_164,
        "head": 0,
    }
    assert sum(counts.values()) == 60_000
    assert LENET.params(LENET.rows["LeNet5"]) == 60_000
    assert model.count_params() == 60_840
    assert connections == 340_908


def test_the_codes_of_ten_classes_are_pictures_of_the_digits(tmp_path):
    model = keras_vit.LeNet5()
    codes = array(model.get_layer("head").codes)
    assert codes.shape == (10, 84) and set(codes.ravel()) == {-1.0, 1.0}
    differ = (codes[:, None] != codes[None]).sum(-1)
    assert differ[~np.eye(10, dtype=bool)].min() >= 10
    ink = codes.reshape(10, 12, 7) > 0
    # Each is one shape, with as many white areas as its digit: holes and the ground.
    areas = [ndimage.label(~np.pad(each, 1))[1] for each in ink]
    assert areas == [2, 1, 1, 1, 2, 1, 2, 1, 3, 2]
    assert all(ndimage.label(each, np.ones((3, 3)))[1] == 1 for each in ink)
    model.get_layer("head").codes.assign(-codes)
    model.save(tmp_path / "a.keras")
    loaded = keras.models.load_model(tmp_path / "a.keras").get_layer("head").codes
    np.testing.assert_array_equal(array(loaded), -codes)


def test_digits_are_codes_of_84_numbers():
    with pytest.raises(ValueError, match=r"ten codes of 84.*units=10, 5 features"):
        keras_vit.layers.EuclideanRBF(10, initial_codes="digits").build((None, 5))


def test_a_modern_one_has_its_count():
    assert keras_vit.LeNet5(variant="modern").count_params() == 61_706
    model = keras_vit.LeNet5(variant="modern", num_channels=3, image_size=28)
    assert model.count_params() == 62_006


@pytest.mark.parametrize("variant", ["1998", "modern"])
@pytest.mark.parametrize("size", [28, (36, 32)])
def test_closed_form_of_other_shapes(variant, size):
    model = keras_vit.LeNet5(3, variant=variant, image_size=size, num_channels=2)
    a = SimpleNamespace(**model.settings["arguments"])
    listed = LENET.operations(a, a.image_size)
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert sum(each.weights + each.others for each in listed) == count


def test_small_images_get_a_border_of_zeros():
    small = keras_vit.LeNet5(image_size=28)
    large = keras_vit.LeNet5(image_size=32)
    large.set_weights(randomize(small).get_weights())
    images = inputs((2, 28, 28, 1))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    np.testing.assert_array_equal(array(small(images)), array(large(padded)))


def test_weights_start_within_the_papers_bounds():
    model = keras_vit.LeNet5()
    bounds = {"c1": 25, "s2": 4, "s4": 4, "c5": 400, "f6": 120}
    for name, fan_in in bounds.items():
        values = array(model.get_layer(name).weights[0])
        assert 0.5 * 2.4 / fan_in < np.abs(values).max() <= 2.4 / fan_in, name
    whole = array(model.get_layer("c3").whole_kernel())
    for output, maps in enumerate(C3):
        bound = 2.4 / (25 * len(maps))
        assert 0.7 * bound < np.abs(whole[..., output]).max() <= bound


def test_modern_options_change_what_is_computed():
    images, outputs = inputs((2, 32, 32, 1)), []
    for activation in ("tanh", "relu"):
        for subsampling in ("average", "max"):
            model = keras_vit.LeNet5(
                variant="modern", activation=activation, subsampling=subsampling
            )
            outputs.append(array(randomize(model)(images)))
    for i, first in enumerate(outputs):
        for second in outputs[:i]:
            assert np.abs(first - second).max() > 1e-2


def test_other_classes_keep_their_own_codes():
    model, _ = published()
    other = keras_vit.with_num_classes(model, 4)
    assert other.output_shape == (None, 4)
    fresh = keras_vit.LeNet5(4).get_layer("head").codes
    np.testing.assert_array_equal(array(other.get_layer("head").codes), array(fresh))
    report = keras_vit.load_weights(keras_vit.LeNet5(4), model)
    assert "keeps its own" in report.reinitialized["head/codes"]
    same = keras_vit.LeNet5(weights=model).get_layer("head").codes
    np.testing.assert_array_equal(array(same), array(model.get_layer("head").codes))
    keras_vit.LeNet5(0, weights=model)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"variant": "2012"}, "'1998', 'modern'"),
        ({"activation": "relu"}, "must be 'scaled_tanh' in .*variant='1998'"),
        ({"subsampling": "max"}, "must be 'sum' in .*variant='1998'"),
        ({"variant": "modern", "subsampling": "sum"}, "must be 'average' or 'max'"),
        ({"padding": "full"}, "`padding` must be one of"),
        ({"image_size": 33}, "at least 32.*Nearest: of 33: 32 and 36"),
        ({"image_size": 26}, "at least 28 with a border.*of 26: 28"),
        ({"image_size": (28, 30)}, "of 30: 28 and 32"),
        ({"image_size": 28, "padding": "valid"}, "at least 32 with no border"),
        ({"image_size": (None, None)}, "must be known"),
        ({"remat": True}, "`remat` must be False"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        keras_vit.LeNet5(**arguments)
