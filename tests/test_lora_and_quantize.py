"""Projections are Keras layers, so that LoRA and quantisation apply to them."""

import cases
import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs

# Keras says of each layer that it cannot quantize that it cannot.
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method")
KINDS = ["map", "regularised", "registers"]


def dense_layers(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, (keras.layers.Dense, keras.layers.EinsumDense))
    ]


def adapted(name):
    """A model with LoRA on every projection, its adapters not zero."""
    model = cases.randomize(MODELS[name].make())
    for layer in dense_layers(model):
        layer.enable_lora(2)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "lora" in weight.path:
            weight.assign(0.2 * rng.standard_normal(weight.shape))
    return model


def test_every_projection_is_a_keras_dense_layer():
    model = cases.model("map")
    matrices = [w.path for w in model.weights if w.path.endswith("kernel")]
    assert {f"{layer.path}/kernel" for layer in dense_layers(model)} == set(matrices)
    # Of each block: query, key and value (fused or not), projection, two of the MLP.
    assert len([p for p in matrices if p.startswith("block_00/")]) >= 4


@pytest.mark.parametrize("name", KINDS)
def test_lora_trains_adapters_only(name):
    model = adapted(name)
    before = {w.path: array(w) for w in model.weights}
    kernels = {f"{layer.path}/kernel" for layer in dense_layers(model)}
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
    x = inputs((8, *MODELS[name].shape[1:]))
    model.train_on_batch(x, inputs((8, 5)))
    for weight in model.weights:
        moved = (array(weight) != before[weight.path]).any()
        if "lora" in weight.path:
            assert moved, weight.path
        # Keras's `kernel` property is the sum; the variable below it is frozen.
        elif weight.path in kernels:
            assert not moved, weight.path
    assert sum("lora" in w.path for w in model.trainable_weights) == 2 * len(kernels)


@pytest.mark.parametrize("name", KINDS)
def test_lora_changes_the_output_and_is_saved_merged(name, tmp_path):
    model = adapted(name)
    x = inputs(MODELS[name].shape)
    plain, output = array(cases.model(name)(x)), array(model(x))
    assert np.abs(output - plain).max() > 1e-3
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(again(x)), output, atol=1e-5)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    """Models in int8, and the files they were saved to."""
    folder, models = tmp_path_factory.mktemp("int8"), {}
    for name in KINDS:
        model = cases.randomize(MODELS[name].make())
        model.quantize("int8")
        model.save(folder / f"{name}.keras")
        models[name] = model, folder / f"{name}.keras"
    return models


@pytest.mark.parametrize("name", KINDS)
def test_every_projection_is_quantized(name, quantized):
    model, _ = quantized[name]
    for layer in dense_layers(model):
        assert layer.quantization_mode == "int8", layer.path
        kernel = next(w for w in layer.weights if w.path.endswith("kernel"))
        assert kernel.dtype == "int8"


@pytest.mark.parametrize("name", KINDS)
def test_a_quantized_model_is_close(name, quantized):
    model, _ = quantized[name]
    x = inputs((8, *MODELS[name].shape[1:]))
    output, expected = array(model(x)), array(cases.model(name)(x))
    difference = np.abs(output - expected).max() / np.abs(expected).max()
    assert 0 < difference < 0.1


@pytest.mark.parametrize("name", KINDS)
def test_a_quantized_model_is_read_again(name, quantized, tmp_path):
    model, path = quantized[name]
    x = inputs(MODELS[name].shape)
    again = keras.models.load_model(path)
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=1e-6)
    assert [w.dtype for w in again.weights] == [w.dtype for w in model.weights]
    assert again.settings == model.settings
    # And once more: what was read is saved like what was made.
    again.save(tmp_path / "again.keras")
    twice = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(array(twice(x)), array(model(x)), atol=1e-6)
    assert [w.dtype for w in twice.weights] == [w.dtype for w in model.weights]


def test_a_part_can_be_quantized(tmp_path):
    model = cases.randomize(MODELS["token"].make())
    model.quantize("int8", filters=lambda layer: "/mlp/" in (layer.path or ""))
    modes = {
        layer.path: layer.quantization_mode
        for layer in dense_layers(model)
        if layer.path.startswith("block_")
    }
    assert {path for path, mode in modes.items() if mode} == {
        f"block_{i:02d}/mlp/dense_{j}" for i in (0, 1) for j in (1, 2)
    }
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = inputs(MODELS["token"].shape)
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=1e-6)


def test_a_sub_model_of_a_quantized_model_is_read_again(quantized, tmp_path):
    model, _ = quantized["registers"]
    part = keras.Model(model.input, model.get_layer("block_01").output)
    part.save(tmp_path / "part.keras")
    again = keras.models.load_model(tmp_path / "part.keras")
    x = inputs(MODELS["registers"].shape)
    np.testing.assert_allclose(array(again(x)), array(part(x)), atol=1e-6)


@pytest.mark.slow
def test_mixed_precision_can_be_quantized(tmp_path):
    model = cases.randomize(MODELS["token"].make(dtype="mixed_bfloat16"))
    x = inputs(MODELS["token"].shape)
    expected = array(model(x))
    model.quantize("int8")
    output = array(model(x))
    assert np.abs(output - expected).max() / np.abs(expected).max() < 0.1
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(again(x)), output, atol=1e-2)
