"""What works with any Keras model works with these: freezing, cloning, quantizing."""

import copy
import pickle

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models import VisionModel

X = inputs((2, 8, 12, 3))


def small(**kwargs):
    return randomize(keras_vit.ViT(**{**cases.SMALL, **kwargs}))


def saved(model, path):
    model.save(path / "model.keras")
    return keras.saving.load_model(path / "model.keras")


def trained(model):
    return [v.path for v in model.trainable_variables]


# Freezing ---------------------------------------------------------------------------


def test_a_frozen_model_stays_frozen(tmp_path):
    model = small()
    model.trainable = False
    again = saved(model, tmp_path)
    assert not again.trainable and trained(again) == []
    again.trainable = True
    assert len(trained(again)) == len(again.weights)


@pytest.mark.parametrize(
    "frozen", [["block_00"], ["patch_encoder", "block_00", "block_01"], "all"]
)
def test_frozen_layers_stay_frozen(frozen, tmp_path):
    model = small()
    layers = model.layers if frozen == "all" else map(model.get_layer, frozen)
    for layer in layers:
        layer.trainable = False
    again = saved(model, tmp_path)
    assert trained(again) == trained(model)
    assert len(trained(model)) < len(model.weights)
    assert again.trainable
    wanted = [bool(layer.trainable or not layer.weights) for layer in model.layers]
    assert wanted == [bool(e.trainable or not e.weights) for e in again.layers]


def test_what_was_never_frozen_trains(tmp_path):
    assert trained(saved(small(), tmp_path)) == trained(small())


# Half precision ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", cases.rest_slow(["bfloat16", "float16", "mixed_bfloat16"], 1)
)
@pytest.mark.parametrize(
    "name", cases.rest_slow(["model.keras", "model.weights.h5"], 1)
)
def test_files_of_half_precision_load_in_every_way(dtype, name, tmp_path):
    model = small(dtype=dtype)
    expected = array(keras.ops.cast(model(X), "float32"))
    path = tmp_path / name
    model.save(path) if name == "model.keras" else model.save_weights(path)
    others = [small(dtype=dtype), small(dtype=dtype)]
    others[0].load_weights(path)
    keras_vit.load_weights(others[1], path)
    others.append(keras_vit.ViT(**cases.SMALL, dtype=dtype, weights=path))
    if name == "model.keras":
        others.append(keras.saving.load_model(path))
        others.append(keras_vit.from_checkpoint(path))
    for other in others:
        for ours, theirs in zip(other.weights, model.weights, strict=True):
            assert ours.dtype == theirs.dtype
        output = array(keras.ops.cast(other(X), "float32"))
        np.testing.assert_array_equal(output, expected)
    # And into a model of full precision, which rounds no more.
    full = keras_vit.ViT(**cases.SMALL, weights=path)
    value = array(keras.ops.cast(model.get_layer("head").kernel, "float32"))
    np.testing.assert_array_equal(array(full.get_layer("head").kernel), value)


# Quantizing -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quantized():
    model = small()
    with pytest.warns(UserWarning, match="quantize|cannot"):
        model.quantize("int8")
    return model


@pytest.mark.slow
def test_a_quantized_file_is_opened_by_keras(quantized, tmp_path):
    again = saved(quantized, tmp_path)
    assert isinstance(again, VisionModel) and again.settings == quantized.settings
    np.testing.assert_array_equal(array(again(X)), array(quantized(X)))


def test_a_quantized_model_is_no_source_of_weights(quantized, tmp_path):
    quantized.save(tmp_path / "model.keras")
    for source in (quantized, tmp_path / "model.keras"):
        for use in (
            keras_vit.from_checkpoint,
            lambda source: keras_vit.load_weights(small(), source),
            lambda source: keras_vit.ViT(**cases.SMALL, weights=source),
        ):
            with pytest.raises(ValueError, match="quantize") as error:
                use(source)
            assert "\n" not in str(error.value) and len(str(error.value)) < 400
    for use in (
        lambda: keras_vit.with_image_size(quantized, 16),
        lambda: keras_vit.with_num_classes(quantized, 3),
    ):
        with pytest.raises(ValueError, match="before `quantize`"):
            use()


def test_a_quantized_model_takes_no_weights(quantized):
    before = quantized.get_weights()
    with pytest.raises(ValueError, match="before `quantize`"):
        keras_vit.load_weights(quantized, small())
    for value, now in zip(before, quantized.get_weights()):
        np.testing.assert_array_equal(value, now)


# Cloning ----------------------------------------------------------------------------


def again(layer):
    return layer.__class__.from_config(layer.get_config())


@pytest.mark.parametrize("clone_function", [None, again])
def test_a_clone_knows_what_the_model_knows(clone_function):
    model = small(input_scaling="clip")
    model.metadata["class_names"] = ["a", "b", "c", "d", "e"]
    clone = keras.models.clone_model(model, clone_function=clone_function)
    assert isinstance(clone, VisionModel)
    assert clone.settings == model.settings and clone.metadata == model.metadata
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(array(clone(X)), array(model(X)))
    clone.metadata["class_names"].append("f")
    clone.settings["arguments"]["num_classes"] = 6
    assert len(model.metadata["class_names"]) == 5
    assert model.settings["arguments"]["num_classes"] == 5
    assert keras_vit.with_num_classes(model, 3).output_shape == (None, 3)


def test_a_clone_of_changed_layers():
    def without_dropout(layer):
        config = layer.get_config()
        config.update({k: 0.0 for k in config if k.endswith("_rate")})
        return layer.__class__.from_config(config)

    model = small(dropout_rate=0.5)
    clone = keras.models.clone_model(model, clone_function=without_dropout)
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(array(clone(X, training=True)), array(clone(X)), 1e-4)
    assert clone.settings == model.settings


def inside(make):
    """The model as it comes out of a copy of a model around it."""

    def ways(model):
        image = keras.Input(model.input_shape[1:])
        outer = keras.Model(image, model(keras.layers.RandomFlip()(image)))
        return make(outer).layers[-1]

    return ways


@pytest.mark.parametrize(
    "way",
    [
        copy.copy,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: VisionModel.from_config(model.get_config()),
        lambda model: keras.models.model_from_json(model.to_json()),
        lambda model: keras.models.clone_model(
            model, call_function=lambda layer, *x, **options: layer(*x, **options)
        ),
        lambda model: keras.models.clone_model(
            model, input_tensors=keras.Input(model.input_shape[1:])
        ),
        lambda model: keras.models.clone_model(keras.models.clone_model(model)),
        inside(keras.models.clone_model),
        inside(
            lambda outer: keras.models.clone_model(
                outer, clone_function=again, recursive=True
            )
        ),
    ],
)
def test_every_way_to_copy_a_model_keeps_what_it_knows(way):
    model = small()
    model.metadata["class_names"] = ["a", "b", "c", "d", "e"]
    found = way(model)
    assert isinstance(found, VisionModel)
    assert found.settings == model.settings and found.metadata == model.metadata
    assert keras_vit.with_num_classes(found, 3).output_shape == (None, 3)


def test_a_part_that_is_cut_out_knows_nothing():
    model = small()
    part = VisionModel(model.input, model.get_layer("block_00").output)
    assert part.settings == {} and part.metadata == {}
