"""HDF5 files that list arrays layer by layer, as Keras 1 and 2 wrote them."""

import h5py
import keras
import numpy as np
import pytest

from keras_vit.checkpoints.opening import open_arrays


def written(path, layers, part=None, limit=100):
    """A file of `{layer: {name: array}}`; `limit`: names in one attribute."""
    with h5py.File(path, "w") as file:
        root = file.create_group(part) if part else file
        names = [name.encode() for name in layers]
        if len(names) <= limit:
            root.attrs["layer_names"] = names
        for i in range(0, len(names), limit) if len(names) > limit else ():
            root.attrs[f"layer_names{i // limit}"] = names[i : i + limit]
        for layer, arrays in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, value in arrays.items():
                group[name] = value
    return path


ONE, TWO = np.ones((3, 3, 1, 2), "float32"), np.full(2, 2, "float32")


def test_names_of_keras_1_and_2_are_those_of_today(tmp_path):
    layers = {
        "input_1": {},
        "block1_conv1": {"block1_conv1_W_1:0": ONE, "block1_conv1_b_1:0": TWO},
        "bn_conv1": {
            "bn_conv1_gamma:0": TWO,
            "bn_conv1_beta:0": TWO,
            "bn_conv1_running_mean:0": TWO,
            "bn_conv1_running_std:0": TWO,
        },
        "stem_conv": {"stem_conv/kernel:0": ONE, "stem_conv/bias_2:0": TWO},
        "dw": {"scope/dw/depthwise_kernel:0": ONE},
    }
    arrays = open_arrays(written(tmp_path / "w.h5", layers))
    assert list(arrays) == [
        *("block1_conv1/kernel", "block1_conv1/bias", "bn_conv1/gamma"),
        *("bn_conv1/beta", "bn_conv1/moving_mean", "bn_conv1/moving_variance"),
        *("stem_conv/kernel", "stem_conv/bias", "dw/kernel"),
    ]
    assert arrays.shapes["block1_conv1/kernel"] == (3, 3, 1, 2)
    np.testing.assert_array_equal(arrays.read("bn_conv1/moving_variance"), TWO)


def test_what_keras_writes_as_h5_has_the_names_of_its_variables(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            keras.layers.Conv2D(3, 3, name="a"),
            keras.layers.BatchNormalization(name="a_bn"),
            keras.layers.DepthwiseConv2D(2, name="b"),
        ]
    )
    model.save(tmp_path / "model.h5")
    arrays = open_arrays(tmp_path / "model.h5")
    ours = {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers
        for weight in layer.weights
    }
    assert list(arrays) == list(ours)
    for name, value in ours.items():
        np.testing.assert_array_equal(arrays.read(name), value)


def test_names_that_one_attribute_cannot_hold_stand_in_several(tmp_path):
    layers = {f"layer_{i}": {"kernel:0": TWO + i} for i in range(5)}
    arrays = open_arrays(written(tmp_path / "w.h5", layers, "model_weights", limit=2))
    assert list(arrays) == [f"layer_{i}/kernel" for i in range(5)]
    np.testing.assert_array_equal(arrays.read("layer_4/kernel"), TWO + 4)


def test_arrays_of_a_model_within_a_layer_are_refused(tmp_path):
    inner = {"conv_a/kernel:0": ONE, "conv_b/kernel:0": ONE}
    path = written(tmp_path / "w.h5", {"resnet50": inner})
    with pytest.raises(ValueError, match="'resnet50' is probably a model itself"):
        open_arrays(path)


def test_an_array_that_is_not_listed_is_refused(tmp_path):
    path = written(tmp_path / "w.h5", {"conv": {"kernel:0": ONE}})
    with h5py.File(path, "a") as file:
        file["conv/bias:0"] = TWO
    with pytest.raises(ValueError, match=r"1 arrays that it does not list.*bias"):
        open_arrays(path)


def test_a_listed_array_that_is_not_there_is_a_broken_file(tmp_path):
    path = written(tmp_path / "w.h5", {"conv": {"kernel:0": ONE}})
    with h5py.File(path, "a") as file:
        del file["conv/kernel:0"]
    with pytest.raises(ValueError, match="truncated or corrupted"):
        open_arrays(path)


def test_half_a_file_is_a_broken_file(tmp_path):
    path = written(tmp_path / "w.h5", {"conv": {"kernel:0": np.zeros((3, 3, 64, 64))}})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="truncated or corrupted"):
        open_arrays(path)


def test_a_file_without_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no weights of a Keras model"):
        open_arrays(written(tmp_path / "w.h5", {"relu": {}}))
