"""ViT and its published sizes."""

import inspect

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs

import keras_vit
from keras_vit.models import ViT
from keras_vit.models.variants.rows import VIT_VARIANTS

PUBLISHED = [name for name, row in VIT_VARIANTS.items() if row.params]
# Small enough to be built in a test of less than a second or two.
BUILT = ["ViT_Ti16", "ViT_S16", "ViT_S32"]


def small(**kwargs):
    return ViT(**{**cases.SMALL, **kwargs})


# Sizes ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_model_has_the_published_parameter_count(name):
    if name not in BUILT:
        model = one_block(name)
        count = model.count_params()
        layers = VIT_VARIANTS[name].num_layers
        count += (layers - 1) * model.get_layer("block_00").count_params()
    else:
        count = getattr(keras_vit, name)().count_params()
    assert count == VIT_VARIANTS[name].params


def one_block(name):
    """A published model with one block: every block holds equally many weights."""
    return getattr(keras_vit, name)(num_layers=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ViT_B16", "ViT_B32"])
def test_a_whole_published_model_counts(name):
    assert getattr(keras_vit, name)().count_params() == VIT_VARIANTS[name].params


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_constructor_shows_its_sizes(name):
    row, constructor = VIT_VARIANTS[name], getattr(keras_vit, name)
    parameters = inspect.signature(constructor).parameters
    for size in ("patch_size", "num_layers", "hidden_dim", "mlp_dim", "num_heads"):
        assert parameters[size].default == getattr(row, size)
    assert constructor.__name__ == name
    assert f"{row.params:,}" in constructor.__doc__
    assert f"keras_vit.{name}(" in constructor.__doc__


def test_everything_but_the_number_of_classes_is_keyword_only():
    for constructor in (ViT, keras_vit.ViT_B16):
        first, *others = inspect.signature(constructor).parameters.values()
        assert first.name == "num_classes" and first.default is not first.empty
        assert all(p.kind is p.KEYWORD_ONLY for p in others)


def test_every_argument_is_documented():
    for name in inspect.signature(ViT).parameters:
        assert f"\n    {name}: " in ViT.__doc__, name


def test_a_published_constructor_takes_overrides():
    model = keras_vit.ViT_Ti16(
        7, image_size=(24, 40), patch_size=8, num_layers=1, name="mine"
    )
    assert model.name == "mine"
    assert model.input.shape == (None, 24, 40, 3)
    assert model.output.shape == (None, 7)
    assert model.get_layer("patch_encoder").output.shape == (None, 16, 192)
    assert keras_vit.ViT_Ti16(7, num_layers=1).name == "vit_ti16"


def test_positional_and_keyword_classes_are_the_same():
    one = keras_vit.ViT_Ti16(10, num_layers=1)
    two = keras_vit.ViT_Ti16(num_classes=10, num_layers=1)
    assert one.settings == two.settings
    assert one.output.shape == (None, 10)


@pytest.mark.parametrize("num_classes", [0, None])
def test_no_classes_give_features(num_classes):
    model = small(num_classes=num_classes)
    assert model.output.shape == (None, 16)
    assert "head" not in [layer.name for layer in model.layers]


def test_one_thousand_classes_by_default():
    arguments = {k: v for k, v in cases.SMALL.items() if k != "num_classes"}
    assert ViT(**arguments).output.shape == (None, 1000)


def test_aliases_of_keras_applications():
    arguments = {
        k: v for k, v in cases.SMALL.items() if k not in ("num_classes", "image_size")
    }
    model = ViT(input_shape=(8, 12, 1), classes=4, **arguments)
    assert model.input.shape == (None, 8, 12, 1)
    assert model.output.shape == (None, 4)
    model = ViT(input_shape=(8, 12, 3), include_top=False, **arguments)
    assert model.output.shape == (None, 16)


# Structure --------------------------------------------------------------------------


def test_layers_are_named_as_documented():
    model = small(representation_size=6, include_preprocessing=True, pre_norm=True)
    assert [layer.name for layer in model.layers] == [
        "image",
        "preprocessing",
        "patches",
        "patch_encoder",
        "pre_norm",
        "block_00",
        "block_01",
        "encoder_norm",
        "pooling",
        "pre_logits",
        "head",
    ]


@pytest.mark.parametrize("name", cases.rest_slow(cases.rows(cases.MODELS), 10))
def test_every_intermediate_is_reachable(name):
    model = cases.model(name)
    outputs = {layer.name: layer.output for layer in model.layers}
    values = keras.Model(model.input, outputs)(cases.pixels(cases.MODELS[name]))
    for layer, output in outputs.items():
        for real, declared in zip(values[layer].shape, output.shape, strict=True):
            assert declared in (None, real)
    last = values[model.layers[-1].name]
    np.testing.assert_array_equal(
        array(last), array(model(cases.pixels(cases.MODELS[name])))
    )


def test_sub_models_can_be_cut_out():
    model = cases.model("token")
    x = inputs(cases.MODELS["token"].shape)
    body = keras.Model(model.input, model.get_layer("block_00").output)
    tokens = keras.Input(model.get_layer("block_01").input.shape[1:])
    y = tokens
    for name in ("block_01", "encoder_norm", "pooling", "head"):
        y = model.get_layer(name)(y)
    head = keras.Model(tokens, y)
    np.testing.assert_array_equal(array(head(body(x))), array(model(x)))


def test_stochastic_depth_grows_linearly_from_zero():
    model = small(num_layers=5, drop_path_rate=0.4)
    rates = [model.get_layer(f"block_{i:02d}").drop_path_rate for i in range(5)]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.3, 0.4])


def test_one_layer_has_no_stochastic_depth():
    assert small(num_layers=1, drop_path_rate=0.4).get_layer("block_00")
    # The first block's rate is 0, also when it is the last.
    assert small(num_layers=1, drop_path_rate=0.4).layers[3].drop_path_rate == 0


def test_shared_positions_are_one_table():
    shared = small(position_scope="shared")
    own = small(position_scope="every_layer")
    table = 7 * 16
    once = small().count_params()
    assert shared.count_params() == once
    assert own.count_params() == once + table


def test_positions_tell_patches_apart():
    """Without positions the class token cannot know the order of the patches."""
    x = inputs((1, 8, 12, 3))
    swapped = np.concatenate([x[:, 4:], x[:, :4]], axis=1)
    blind = cases.randomize(small(position_embedding="none"))
    np.testing.assert_allclose(array(blind(x)), array(blind(swapped)), atol=1e-5)
    for kind in ("learned", "learned_2d", "sincos2d"):
        model = cases.randomize(small(position_embedding=kind))
        assert np.abs(array(model(x)) - array(model(swapped))).max() > 1e-3


def test_gap_leaves_class_and_register_tokens_out():
    model = cases.model("gap_beside_class_token")
    x = inputs((2, 8, 12, 3))
    norm, pooled = keras.Model(
        model.input, [model.get_layer(n).output for n in ("encoder_norm", "pooling")]
    )(x)
    np.testing.assert_allclose(array(pooled), array(norm)[:, 1:].mean(1), atol=1e-6)


def test_a_class_token_comes_only_where_it_is_read():
    tokens = {
        pooling: small(pooling=pooling).get_layer("patch_encoder").output.shape[1]
        for pooling in ("token", "gap", "map", "prefix", "token+gap", None)
    }
    alone = {"gap": 6, "map": 6, None: 6}
    assert tokens == {"token": 7, "prefix": 7, "token+gap": 7, **alone}


def test_biases_are_there_or_not():
    paths = {w.path for w in small(qkv_bias=False, patch_bias=False).weights}
    assert "patch_encoder/projection/bias" not in paths
    assert "block_00/attention/query_key_value/bias" not in paths
    assert "block_00/attention/projection/bias" in paths  # only of what was asked
    assert small().count_params() - small(qkv_bias=False).count_params() == 2 * 3 * 16
    assert small().count_params() - small(patch_bias=False).count_params() == 16


def test_two_heads_folded_into_one_kernel():
    """The mean of a DeiT's heads, of class and distillation token."""
    model = cases.model("prefix")
    x = inputs(cases.MODELS["prefix"].shape)
    norm = array(keras.Model(model.input, model.get_layer("encoder_norm").output)(x))
    kernel, bias = map(array, model.get_layer("head").weights)
    first, second = norm[:, 0] @ kernel[:16], norm[:, 1] @ kernel[16:]
    np.testing.assert_allclose(array(model(x)), first + second + bias, atol=1e-5)


# Initial values ---------------------------------------------------------------------


def test_a_new_model_answers_zero():
    np.testing.assert_array_equal(
        array(small()(inputs((2, 8, 12, 3)))), np.zeros((2, 5))
    )


def test_initial_values_follow_the_official_code():
    model = small(hidden_dim=128, mlp_dim=256, num_heads=4, representation_size=64)
    values = {w.path: array(w) for w in model.weights}

    def std(path):
        return values[path].std()

    # LeCun normal of the flattened patch kernel, 48 inputs.
    assert std("patch_encoder/projection/kernel") == pytest.approx(48**-0.5, rel=0.05)
    assert std("pre_logits/kernel") == pytest.approx(128**-0.5, rel=0.05)
    positions = "patch_encoder/position_embedding/embeddings"
    assert std(positions) == pytest.approx(0.02, rel=0.1)
    # Xavier-uniform of each (D, D) matrix, fused or not.
    limit = (6 / (2 * 128)) ** 0.5
    for part in ("query_key_value", "projection"):
        kernel = values[f"block_00/attention/{part}/kernel"]
        assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
        assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.03)
    limit = (6 / (128 + 256)) ** 0.5
    for part in ("dense_1", "dense_2"):
        kernel = values[f"block_00/mlp/{part}/kernel"]
        assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
        bias = values[f"block_00/mlp/{part}/bias"]
        assert 0 < np.abs(bias).max() < 1e-5
    zero = ["patch_encoder/class_token", "patch_encoder/projection/bias"]
    zero += ["block_00/attention/query_key_value/bias", "block_00/attention_norm/beta"]
    zero += ["block_00/attention/projection/bias", "pre_logits/bias"]
    for path in [*zero, "head/kernel", "head/bias"]:
        assert not values[path].any(), path
    assert (values["encoder_norm/gamma"] == 1).all()


def test_blocks_start_apart():
    model = small(num_layers=2)
    first, second = (model.get_layer(f"block_{i:02d}").get_weights() for i in (0, 1))
    assert (first[2] != second[2]).any()


def test_a_seed_makes_the_weights():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return np.concatenate([w.ravel() for w in small().get_weights()])

    np.testing.assert_array_equal(weights(1), weights(1))
    assert (weights(1) != weights(2)).any()


# Inputs -----------------------------------------------------------------------------


def test_preprocessing_inside_equals_preprocessing_outside():
    model = cases.model("token")
    inside = small(include_preprocessing=True)
    inside.set_weights(model.get_weights())
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), "uint8")
    expected = array(model(keras_vit.preprocess_input(x)))
    np.testing.assert_allclose(array(inside(x)), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float64"])
def test_images_of_any_type_are_taken(dtype):
    model = cases.model("token")
    x = np.random.default_rng(0).integers(0, 2, (2, 8, 12, 3)).astype(dtype)
    expected = array(model(x.astype("float32")))
    np.testing.assert_array_equal(array(model(x)), expected)


def test_the_wrong_image_size_is_told():
    with pytest.raises(ValueError, match="8, 12, 3"):
        cases.model("token")(inputs((1, 12, 12, 3)))


@pytest.mark.parametrize("size", [(None, 12), (8, None)])
def test_one_side_may_be_open(size):
    model = cases.randomize(small(image_size=size, position_grid=(2, 3)))
    fixed = small()
    fixed.set_weights(model.get_weights())
    x = inputs((2, 8, 12, 3))
    np.testing.assert_allclose(array(model(x)), array(fixed(x)), atol=1e-5)
    # Compiled, where only one side is a tensor.
    np.testing.assert_allclose(model.predict(x, verbose=0), array(fixed(x)), atol=1e-5)


# The file ---------------------------------------------------------------------------


def test_metadata_is_free_and_saved(tmp_path):
    model = small()
    metadata = {"class_names": ["a", "ü"], "image_size": [8, 12], "recipe": {"x": None}}
    model.metadata.update(metadata)
    model.metadata["nested"] = {"list": [1, 2.5, True, {"deep": []}]}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.metadata == model.metadata
    assert type(again.metadata) is dict and type(again.metadata["nested"]) is dict
    assert again.settings == model.settings


def test_settings_do_not_share_what_the_caller_passed():
    size = [8, 12]
    model = small(image_size=size)
    size.append(3)
    assert model.settings["arguments"]["image_size"] == [8, 12]
    assert small().metadata is not small().metadata


@pytest.mark.slow
def test_a_model_trains_to_tell_two_classes_apart():
    x = inputs((16, 8, 12, 3))
    y = np.arange(16) % 2
    x[y == 1, :4] += 0.5
    model = small(num_classes=2, num_layers=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(1e-2)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    history = model.fit(x, y, batch_size=16, epochs=20, verbose=0).history
    assert history["accuracy"][-1] == 1.0
    assert history["loss"][-1] < 0.2 < history["loss"][0]
