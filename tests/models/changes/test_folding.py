import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs, randomize

import keras_vit
from keras_vit.layers import StandardizedConv2D

FAMILIES = ["bit", "hybrid"]
every_family = pytest.mark.parametrize("family", FAMILIES)


def filled(family, **kwargs):
    return randomize(MODELS[family].make(**kwargs))


def close(model, other, images, tolerance=1e-5):
    np.testing.assert_allclose(
        array(other(images)), array(model(images)), rtol=tolerance, atol=tolerance
    )


@every_family
def test_outputs_are_the_same(family):
    model, images = filled(family), inputs(MODELS[family].shape)
    folded = keras_vit.fold_weight_standardization(model)
    close(model, folded, images)
    assert type(folded) is type(model) and folded.name == model.name
    assert [w.path for w in folded.weights] == [w.path for w in model.weights]


@every_family
def test_no_kernel_is_standardised_any_more(family):
    folded = keras_vit.fold_weight_standardization(filled(family))
    convolutions = [
        layer
        for layer in folded._flatten_layers()
        if isinstance(layer, StandardizedConv2D)
    ]
    assert len(convolutions) >= 8
    assert all(layer.standardization is None for layer in convolutions)
    for layer in convolutions:
        kernel = array(layer.kernel)
        np.testing.assert_allclose(kernel.mean((0, 1, 2)), 0, atol=1e-6)
        np.testing.assert_allclose(kernel.std((0, 1, 2)), 1, atol=1e-3)


@every_family
def test_the_copy_shares_nothing(family):
    model, images = filled(family), inputs(MODELS[family].shape)
    model.metadata["class_names"] = ["a"]
    before = [array(w) for w in model.weights]
    right = array(model(images))
    folded = keras_vit.fold_weight_standardization(model)
    assert not {id(w) for w in folded.weights} & {id(w) for w in model.weights}
    for weight in folded.weights:
        weight.assign(weight * 0)
    folded.metadata["class_names"].append("b")
    folded.settings["arguments"]["num_blocks"].append(7)
    for weight, value in zip(model.weights, before):
        np.testing.assert_array_equal(array(weight), value)
    np.testing.assert_array_equal(array(model(images)), right)
    assert model.metadata == {"class_names": ["a"]}
    assert model.settings["arguments"]["num_blocks"] == [1, 1]
    assert model.settings["arguments"]["standardization"] is not None


@every_family
def test_saved_and_loaded_like_any_other(family, tmp_path):
    images = inputs(MODELS[family].shape)
    folded = keras_vit.fold_weight_standardization(filled(family))
    folded.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(again(images)), array(folded(images)))
    assert again.settings["arguments"]["standardization"] is None
    builder = {"bit": keras_vit.BiT, "hybrid": keras_vit.HybridViT}[family]
    built = builder(**again.settings["arguments"])
    built.set_weights(again.get_weights())
    np.testing.assert_array_equal(array(built(images)), array(folded(images)))


@every_family
def test_half_precision(family):
    images = inputs(MODELS[family].shape)
    model = filled(family, dtype="mixed_bfloat16")
    close(model, keras_vit.fold_weight_standardization(model), images)


def test_the_weights_of_a_compiled_frozen_model():
    model, images = filled("bit"), inputs(MODELS["bit"].shape)
    model.get_layer("stage1_unit01").trainable = False
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(images, inputs((2, 5)), verbose=0)
    folded = keras_vit.fold_weight_standardization(model)
    close(model, folded, images)
    assert not folded.compiled
    assert not folded.get_layer("stage1_unit01").trainable


def test_a_part_and_a_whole():
    model, images = filled("bit"), inputs(MODELS["bit"].shape)
    part = keras.Model(model.input, model.get_layer("stage1_unit01").output)
    close(part, keras_vit.fold_weight_standardization(part), images)
    image = keras.Input(model.input_shape[1:])
    whole = keras.Sequential([image, model, keras.layers.Dense(2)])
    folded = keras_vit.fold_weight_standardization(whole)
    close(whole, folded, images)
    assert folded.layers[0].settings["arguments"]["standardization"] is None


def test_an_adapted_kernel():
    model, images = filled("bit"), inputs(MODELS["bit"].shape)
    for name in ("root_conv", "stage1_unit01"):
        conv = model.get_layer(name)
        conv = getattr(conv, "conv_2", conv)
        conv.enable_lora(2)
        conv.lora_kernel_b.assign(inputs(conv.lora_kernel_b.shape))
    close(model, keras_vit.fold_weight_standardization(model), images)


def test_less_is_computed():
    """The forward pass of the copy reads its kernels and multiplies, no more."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("counts TensorFlow operations")
    import tensorflow as tf

    def operations(model):
        graph = tf.function(model).get_concrete_function(
            tf.TensorSpec(MODELS["bit"].shape)
        )
        return len(graph.graph.get_operations())

    model = filled("bit")
    folded = keras_vit.fold_weight_standardization(model)
    convolutions = 1 + 2 * 4
    assert operations(model) - operations(folded) >= 5 * convolutions


def test_a_model_without_standardised_kernels_is_refused():
    model = filled("token")
    with pytest.raises(ValueError, match=r"standardised convolutions.*0 of them"):
        keras_vit.fold_weight_standardization(model)
    folded = keras_vit.fold_weight_standardization(filled("bit"))
    with pytest.raises(ValueError, match="0 of them"):
        keras_vit.fold_weight_standardization(folded)
