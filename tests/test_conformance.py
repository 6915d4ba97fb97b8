"""Every layer and a model of every kind, held to every promise."""

import inspect
import json

import cases
import keras
import numpy as np
import pytest
import reference
from cases import LAYERS, MODELS, VITS, array, inputs

import keras_vit

every_layer = pytest.mark.parametrize("name", cases.rows(LAYERS))
every_model = pytest.mark.parametrize("name", cases.rows(MODELS))
# What seldom breaks for one kind alone is tried with a few.
some_models = pytest.mark.parametrize("name", cases.rest_slow(cases.rows(MODELS), 8))
every_vit = pytest.mark.parametrize("name", VITS)
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="needs the TensorFlow backend"
)
LAYERS_WITH_WEIGHTS = {n: c for n, c in LAYERS.items() if cases.layer_model(n).weights}
RANDOM = {n: case for n, case in LAYERS.items() if case.random}
# Those of which training makes what inference does.
PLAIN = {n: c for n, c in LAYERS.items() if not c.random and not c.whole_batch}
OF_KERAS = (keras.layers.Conv2D, keras.layers.BatchNormalization)
HALF = {"mixed_bfloat16": 0.06, "mixed_float16": 0.01}


def close(actual, expected, tolerance=1e-5):
    actual, expected = array(actual), array(expected)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def plain(value):
    """Lists as JSON gives them back."""
    return json.loads(json.dumps(value))


# The tables themselves --------------------------------------------------------------


def test_every_public_layer_has_a_row():
    public = {
        value
        for value in vars(keras_vit.layers).values()
        if isinstance(value, type) and issubclass(value, keras.layers.Layer)
    }
    # With a second input, these have test files for all of their promises.
    public -= {keras_vit.layers.PatchCorruption, keras_vit.layers.ToImageSize}
    assert public == {case.layer for case in LAYERS.values()}


@every_layer
def test_every_layer_is_registered_under_the_package(name):
    layer = LAYERS[name].layer
    registered = keras.saving.get_registered_name(layer)
    assert registered == f"keras_vit>{layer.__name__}"


# Config -----------------------------------------------------------------------------


def arguments_of(layer):
    """The arguments of a constructor and their defaults, those of its bases too."""
    arguments = {}
    for cls in reversed(layer.__mro__[: layer.__mro__.index(keras.layers.Layer)]):
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
        arguments.update({p.name: p.default for p in named if p.name != "self"})
    return arguments


@every_layer
def test_config_holds_exactly_the_constructor_arguments(name):
    case = LAYERS[name]
    config = case.make().get_config()
    own = arguments_of(case.layer)
    given = config.keys() - {"name", "trainable", "dtype"}
    if issubclass(case.layer, OF_KERAS):  # which has more of its own
        assert own.keys() >= given >= case.arguments.keys()
        return
    assert given == own.keys()
    for argument, value in {**own, **case.arguments}.items():
        if argument.endswith("initializer"):
            value = keras.saving.serialize_keras_object(keras.initializers.get(value))
        assert config[argument] == value
        assert type(config[argument]) is type(value) or isinstance(value, list)


@every_layer
def test_config_survives_json(name):
    layer = LAYERS[name].make(name="a", dtype="mixed_bfloat16", trainable=False)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.name == "a" and not again.trainable
    assert again.dtype_policy.name == "mixed_bfloat16"
    assert plain(again.get_config()) == plain(layer.get_config())


@every_layer
def test_config_of_a_built_layer_is_that_of_a_new_one(name):
    case = LAYERS[name]
    built = case.make(name="a")
    built(inputs(case.shape))
    assert plain(built.get_config()) == plain(case.make(name="a").get_config())


@every_model
def test_model_config_round_trip(name):
    model = cases.model(name)
    config = json.loads(json.dumps(model.get_config()))
    again = keras_vit.models.VisionModel.from_config(config)
    assert type(again) is type(model)
    assert plain(again.get_config()) == plain(model.get_config())
    assert again.settings == plain(model.settings)
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


@some_models
def test_settings_build_the_same_architecture_again(name):
    model = cases.model(name)
    settings = plain(model.settings)
    again = MODELS[name].builder(**settings["arguments"])
    again.set_weights(model.get_weights())
    assert plain(again.settings) == settings
    x = cases.pixels(MODELS[name])
    close(again(x), model(x), 1e-6)


# Copies (files are the business of test_saving.py) -----------------------------------


@every_layer
def test_a_cloned_layer_computes_the_same(name):
    model = cases.layer_model(name)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    x = inputs(LAYERS[name].shape)
    np.testing.assert_array_equal(array(again(x)), array(model(x)))


@some_models
def test_a_cloned_model_computes_the_same(name):
    model = cases.model(name)
    again = keras.models.clone_model(model)
    assert isinstance(again, keras_vit.models.VisionModel)
    again.set_weights(model.get_weights())
    x = cases.pixels(MODELS[name])
    np.testing.assert_array_equal(array(again(x)), array(model(x)))


# Shapes -----------------------------------------------------------------------------


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_declared_output_is_the_real_one(name, dtype):
    case = LAYERS[name]
    layer = case.make(dtype=dtype)
    output = layer(inputs(case.shape))
    assert tuple(layer.compute_output_shape(case.shape)) == tuple(output.shape)
    for batch in (2, None):
        spec = layer.compute_output_spec(keras.KerasTensor((batch, *case.shape[1:])))
        assert spec.shape[1:] == tuple(output.shape[1:])
        assert spec.shape[0] in (batch, case.shape[0])
        assert spec.dtype == keras.backend.standardize_dtype(output.dtype)


@every_layer
def test_shape_is_declared_before_anything_is_built(name):
    case = LAYERS[name]
    layer = case.make()
    shape = layer.compute_output_shape((None, *case.shape[1:]))
    assert shape[0] is None
    assert tuple(shape[1:]) == tuple(case.make()(inputs(case.shape)).shape[1:])


@every_layer
def test_any_batch_size_of_a_layer(name):
    case = LAYERS[name]
    model = cases.layer_model(name)
    assert model.input.shape[0] is None and model.output.shape[0] is None
    x = inputs((3, *case.shape[1:]))
    together = array(model(x))
    apart = np.concatenate([array(model(x[i : i + 1])) for i in range(3)])
    close(together, apart)


@some_models
def test_any_batch_size_of_a_model(name):
    case = MODELS[name]
    model = cases.model(name)
    x = cases.pixels(case)
    assert model.input.shape[0] is None
    together = array(model(x))
    for declared, real in zip(model.output.shape, together.shape, strict=True):
        assert declared in (None, real)
    close(np.concatenate([array(model(x[i : i + 1])) for i in range(2)]), together)


@pytest.mark.parametrize("name", ["token", "bit"])
def test_predict_pads_no_batch(name):
    case = MODELS[name]
    model = cases.randomize(case.make())
    x = np.concatenate([cases.pixels(case, seed) for seed in range(2)])[:3]
    close(model.predict(x, batch_size=2, verbose=0), model(x))


# Numbers ----------------------------------------------------------------------------


@every_vit
def test_a_model_equals_the_oracle(name):
    model = cases.model(name)
    x = cases.pixels(MODELS[name])
    out = reference.vit(x, reference.arrays_of(model), model.settings["arguments"])
    names = ["block_00", "block_01", "encoder_norm", "pooling", "pre_logits", "head"]
    names = [n for n in names if n in {layer.name for layer in model.layers}]
    values = keras.Model(model.input, [model.get_layer(n).output for n in names])(x)
    for layer, value in zip(names, values):
        close(value, out[layer])
    close(model(x), out["output"])


@every_layer
@pytest.mark.parametrize("dtype", HALF)
def test_a_layer_in_half_precision_is_close(name, dtype):
    model = cases.layer_model(name)
    half = cases.functional(LAYERS[name], dtype=dtype)
    half.set_weights(model.get_weights())
    assert all(w.dtype == "float32" for w in half.weights)
    x = inputs(LAYERS[name].shape)
    output = half(x)
    assert keras.backend.standardize_dtype(output.dtype) == dtype[6:]
    expected = array(model(x)).astype("float64")
    scale = np.abs(expected).max()
    close(
        array(keras.ops.cast(output, "float32")) / scale, expected / scale, HALF[dtype]
    )


@some_models
@pytest.mark.parametrize("dtype", cases.rest_slow(HALF, 1))
def test_a_model_in_half_precision_is_close(name, dtype):
    model = cases.model(name)
    half = MODELS[name].make(dtype=dtype)
    half.set_weights(model.get_weights())
    x = cases.pixels(MODELS[name])
    output, expected = half(x), array(model(x))
    if model.settings["arguments"]["num_classes"]:
        assert keras.backend.standardize_dtype(output.dtype) == "float32"
    else:
        assert keras.backend.standardize_dtype(output.dtype) == dtype[6:]
    scale = np.abs(expected).max()
    output = array(keras.ops.cast(output, "float32"))
    close(output / scale, expected / scale, HALF[dtype])


@on_tensorflow
@every_layer
def test_float64_of_a_layer_stays_float64(name):
    model = cases.functional(LAYERS[name], dtype="float64")
    x = inputs(LAYERS[name].shape, dtype="float64")
    for training in (False, True):
        output = model.get_layer("layer")(x, training=training)
        assert keras.backend.standardize_dtype(output.dtype) == "float64"
    assert all(w.dtype == "float64" for w in model.weights)


@on_tensorflow
@every_vit
def test_float64_of_a_model_stays_float64(name):
    # Far closer to the oracle than any step in float32 would allow.
    model = cases.randomize(MODELS[name].make(dtype="float64"))
    x = cases.pixels(MODELS[name])
    out = reference.vit(x, reference.arrays_of(model), model.settings["arguments"])
    # Keras's own `Rescaling` rounds its factor to float32.
    rounds = {"preprocessing", "input_scaling"} & {each.name for each in model.layers}
    close(model(x), out["output"], 1e-6 if rounds else 1e-12)


@on_tensorflow
def test_float64_images_are_not_rounded():
    model = MODELS["token"].make(dtype="float64")
    x = inputs(MODELS["token"].shape, dtype="float64")
    patches = keras.Model(model.input, model.get_layer("patches").output)
    again = keras_vit.layers.unpatchify(patches(x), (8, 12), 4)
    np.testing.assert_array_equal(array(again), x)


@pytest.mark.parametrize("name", cases.rest_slow(cases.rows(LAYERS), 10))
def test_compiled_layer_computes_the_same(name):
    case = LAYERS[name]
    model = cases.functional(case)
    model.compile(jit_compile=True)
    x = inputs(case.shape)
    close(model.predict_on_batch(x), model(x))


def compiled_model_trains(name):
    case = MODELS[name]
    model = cases.randomize(case.make(num_layers=1))
    model.compile("sgd", "mse", jit_compile=True)
    x, y = cases.pixels(case), inputs((2, 5), 2)
    losses = [float(model.train_on_batch(x, y)) for _ in range(5)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_compiled_model_trains():
    compiled_model_trains("registers")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["map", "overlapping", "regularised", "learned_2d"])
def test_compiled_model_of_another_kind_trains(name):
    compiled_model_trains(name)


# Gradients --------------------------------------------------------------------------


def every_weight_moves(model, x):
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
    # A target of the outputs' size, which no output equals by chance.
    model.train_on_batch(x, inputs(model(x).shape, 7))
    for weight in model.non_trainable_weights:
        assert weight.name in ("moving_mean", "moving_variance", *cases.FIXED)
    for weight, value in zip(model.weights, before):
        if weight.name in cases.FIXED:
            continue
        value = array(weight) - value
        assert np.isfinite(value).all(), weight.path
        # One number added to all of a query's logits leaves the softmax as it was.
        if weight.path.endswith("key_norm/beta"):
            continue
        assert np.abs(value).max() > 0, weight.path


@pytest.mark.parametrize("name", cases.rows(LAYERS_WITH_WEIGHTS))
def test_gradient_reaches_every_weight_of_a_layer(name):
    case = LAYERS[name]
    # Enough examples that none of the weights is dropped for all of them.
    every_weight_moves(cases.functional(case), inputs((16, *case.shape[1:])))


@every_model
def test_gradient_reaches_every_weight_of_a_model(name):
    model = cases.randomize(MODELS[name].make())
    every_weight_moves(model, cases.pixels(MODELS[name]))


# Randomness -------------------------------------------------------------------------


@every_layer
def test_inference_is_never_random(name):
    model = cases.layer_model(name)
    x = inputs(LAYERS[name].shape)
    np.testing.assert_array_equal(array(model(x)), array(model(x)))


@pytest.mark.parametrize("name", cases.rows(RANDOM))
def test_a_seed_makes_training_reproducible(name):
    case = LAYERS[name]
    x = inputs(case.shape)

    def two_draws():
        layer = case.make(name="layer")
        layer.build(x.shape)
        cases.randomize(layer)
        return array(layer(x, training=True)), array(layer(x, training=True))

    (first, second), again = two_draws(), two_draws()
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert (first != second).any()
    assert (first != array(cases.layer_model(name)(x))).any()


@pytest.mark.parametrize("name", cases.rows(PLAIN))
def test_training_mode_changes_nothing_without_rates(name):
    case = LAYERS[name]
    model = cases.layer_model(name)
    x = inputs(case.shape)
    # But for rounding: GELU has a form of its own for training.
    np.testing.assert_allclose(
        array(model(x, training=True)), array(model(x)), rtol=1e-5, atol=1e-6
    )


def test_a_regularised_model_follows_the_global_seed():
    case = MODELS["regularised"]
    x = cases.pixels(case)

    def draw(seed):
        keras.utils.set_random_seed(seed)
        model = cases.randomize(case.make())
        return array(model(x, training=True))

    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()
