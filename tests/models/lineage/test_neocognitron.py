"""The Neocognitron: the paper's sizes and counts, and what it computes."""

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models.variants.neocognitron import NEOCOGNITRON


def test_sizes_and_synapses_are_those_of_the_paper():
    model = keras_vit.Neocognitron(5)
    planes = [tuple(model.get_layer(n).output.shape[1:]) for n in ("s1", "c1", "s2")]
    assert planes == [(16, 16, 24), (10, 10, 24), (8, 8, 24)]
    planes = [tuple(model.get_layer(n).output.shape[1:]) for n in ("c2", "s3", "c3")]
    assert planes == [(6, 6, 24), (2, 2, 24), (1, 1, 24)]
    layers = [model.get_layer(f"s{n}") for n in (1, 2, 3)]
    assert sum(np.prod(layer.excitation.shape) for layer in layers) == 29_400
    assert sum(layer.inhibition.shape[0] for layer in layers) == 72
    count = NEOCOGNITRON.params(NEOCOGNITRON.rows["Neocognitron"], 5)
    assert model.count_params() == count == 29_400 + 72 + 24 * 5 + 5
    row = NEOCOGNITRON.rows["Neocognitron"]
    assert NEOCOGNITRON.params(row) == row.params
    assert keras_vit.list_models("neocognitron")[0].params == row.params


def test_the_network_computes_the_equations():
    arrays = golden.arrays("lineage/neocognitron/network.npz")
    model = keras_vit.Neocognitron(0, planes=6)
    names = [f"{kind}{number}" for number in (1, 2, 3) for kind in "sc"]
    for name in names:
        layer = model.get_layer(name)
        layer.falloff = 0.8 if name[0] == "s" else 0.85
        if name[0] == "s":
            layer.excitation.assign(arrays[f"layer{name[1]}.a"])
            layer.inhibition.assign(arrays[f"layer{name[1]}.b"])
        else:
            layer.strength = 0.3
    taps = keras.Model(model.input, [model.get_layer(name).output for name in names])
    for name, found in zip(names, taps(2 * arrays["image"] - 1)):
        expected = arrays[f"layer{name[1]}.u_{name[0]}"]
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(array(found)[0], expected, atol=5e-6 * scale)
    answer, cells = array(model(2 * arrays["image"] - 1))[0], arrays["layer3.u_c"]
    expected = cells.ravel() / np.linalg.norm(cells)
    np.testing.assert_allclose(answer, expected, atol=2e-5)


def test_larger_images_and_those_of_every_size_are_taken():
    small = keras_vit.Neocognitron(3, image_size=(None, None), planes=4)
    large = keras_vit.Neocognitron(3, image_size=(20, 31), planes=4)
    large.set_weights(small.get_weights())
    x = inputs((2, 20, 31, 1))
    assert large.get_layer("c3").output.shape == (None, 2, 4, 4)
    np.testing.assert_allclose(array(large(x)), array(small(x)), atol=1e-6)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"image_size": (16, 15)}, r"at least 16.*\(16, 15\)"),
        ({"form": "1983"}, "form='1983'"),
        ({"planes": 0}, "planes=0"),
        ({"remat": True}, "`remat` must be False"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        keras_vit.Neocognitron(3, **arguments)


def test_its_own_files_fill_another_one(tmp_path):
    model = randomize(keras_vit.Neocognitron(3, planes=4))
    x = inputs((2, 16, 16, 1))
    model.save(tmp_path / "m.keras")
    again = keras_vit.from_checkpoint(tmp_path / "m.keras")
    np.testing.assert_array_equal(array(again(x)), array(model(x)))
    weights = tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with pytest.raises(ValueError, match="form"):
        keras_vit.from_checkpoint(weights)
    again = keras_vit.from_checkpoint(weights, form="1980")
    np.testing.assert_array_equal(array(again(x)), array(model(x)))
