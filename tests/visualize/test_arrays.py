"""Filters, positions, features and class activation, against closed forms."""

import cases
import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, pixels

import keras_vit
from keras_vit import visualize

# Filters ------------------------------------------------------------------------------


def test_a_filter_times_a_patch_is_the_embedding():
    model = cases.model("grey_rectangles")
    filters = visualize.patch_filters(model)
    assert filters.shape == (16, 4, 3, 1)
    official = reference.arrays_of(model)["embedding/kernel"]  # (P1, P2, C, D)
    np.testing.assert_allclose(filters, np.moveaxis(official, -1, 0), rtol=1e-6)


@pytest.mark.parametrize("name", ["hybrid", "bit"])
def test_filters_of_a_convolution_are_standardised(name):
    filters = visualize.patch_filters(cases.model(name))
    assert filters.shape == (32, 7, 7, 3)
    np.testing.assert_allclose(filters.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(filters.std(axis=(1, 2, 3)), 1, rtol=1e-3)


def test_components_are_the_directions_that_filters_were_made_of():
    model = cases.MODELS["token"].make()
    kernel = model.get_layer("patch_encoder").projection.kernel  # (48, 16)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(48, 2)))[0].T
    codes = np.zeros((16, 2))
    codes[:, 0], codes[:, 1] = np.tile([5, -5], 8), np.tile([1, 1, -1, -1], 4)
    kernel.assign((codes @ directions + 3.0).T)  # a common part is no component
    found = visualize.filter_components(model, 2)
    assert found.shape == (2, 4, 4, 3)
    found = found.reshape(2, 48)
    np.testing.assert_allclose(np.abs(found @ directions.T), np.eye(2), atol=1e-5)
    assert (found.max(axis=1) == np.abs(found).max(axis=1)).all()


def test_as_many_components_as_there_are():
    assert len(visualize.filter_components(cases.model("grey_rectangles"), 12)) == 12
    with pytest.raises(ValueError, match=r"from 1 to 12.*count=13"):
        visualize.filter_components(cases.model("grey_rectangles"), 13)
    with pytest.raises(ValueError, match="first layers"):
        visualize.patch_filters(keras.Sequential([cases.model("token")]))


# Positions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, layer",
    [
        *(("token", 0), ("registers", 0), ("learned_2d", 0), ("sincos2d", 0)),
        *(("positions_at_every_layer", 1), ("positions_shared", 1), ("hybrid", 0)),
    ],
)
def test_similarity_is_the_cosine_of_two_positions(name, layer):
    model = cases.model(name)
    settings = model.settings["arguments"]
    scope = settings["position_scope"]
    which = f"{layer:02d}" if scope == "every_layer" else "input"
    tokens = 6 + settings["class_token"] + settings["register_tokens"]
    if name == "hybrid":
        table = array(model.get_layer("patch_encoder").positions.embeddings)[0]
    else:
        arrays = reference.arrays_of(model)
        shape = (1, tokens, 16)
        table = reference.position_table(arrays, which, (2, 3), shape, settings)
    table = table[-6:].astype("float64")
    found = visualize.position_similarity(model, layer)
    assert found.shape == (2, 3, 2, 3) and found.dtype == "float32"
    for a, b in np.ndindex(6, 6):
        lengths = np.linalg.norm(table[a]) * np.linalg.norm(table[b])
        cosine = table[a] @ table[b] / lengths
        assert abs(found.reshape(6, 6)[a, b] - cosine) < 1e-5


def test_positions_of_another_grid():
    model = cases.model("every_size")
    assert visualize.position_similarity(model).shape == (2, 3, 2, 3)
    # Aligned corners: those of the larger grid are those of the smaller one.
    small = visualize.position_similarity(model)
    large = visualize.position_similarity(model, grid=(3, 5))
    np.testing.assert_allclose(large[::2, ::2, ::2, ::2], small, atol=1e-5)
    half = cases.MODELS["sincos2d"].make(dtype="mixed_bfloat16")
    np.testing.assert_allclose(
        visualize.position_similarity(half),
        visualize.position_similarity(cases.model("sincos2d")),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "name, why",
    [
        ("relative_positions", "number for each offset"),
        ("no_positions", "position_embedding='none'"),
        ("bit", "convolutional"),
    ],
)
def test_a_model_without_positions_says_why(name, why):
    with pytest.raises(ValueError, match=why):
        visualize.position_similarity(cases.model(name))


def test_a_layer_beyond_the_last_has_no_positions():
    with pytest.raises(ValueError, match=r"from 0 to 1.*layer=2"):
        visualize.position_similarity(cases.model("positions_at_every_layer"), 2)


# Features -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token", "gap_of_all_tokens", "hybrid", "bit"])
def test_colours_are_stretched_over_the_batch(name):
    images = pixels(cases.MODELS[name])
    colours = visualize.feature_colours(cases.model(name), images)
    grid = (2, 3)
    assert colours.shape == (2, *grid, 3) and colours.dtype == "float32"
    np.testing.assert_allclose(colours.min(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(colours.max(axis=(0, 1, 2)), 1, atol=1e-6)


def test_like_patches_have_like_colours():
    model = cases.randomize(cases.MODELS["no_positions"].make())
    images = np.tile(inputs((1, 4, 4, 3)), (1, 2, 3, 1))  # one patch, six times
    np.testing.assert_allclose(visualize.feature_colours(model, images), 0.5)
    images[:, :4] *= -1  # the upper row has another
    colours = visualize.feature_colours(model, images)
    upper = colours[0, :1, :1].repeat(3, 1)[0]
    np.testing.assert_allclose(colours[0, 0], upper, atol=1e-5)
    assert np.abs(colours[0, 0, 0] - colours[0, 1, 0])[0] == pytest.approx(1)


@pytest.mark.parametrize("name", ["gap", "gap_beside_class_token", "bit"])
def test_the_mean_of_a_class_activation_is_the_logit(name):
    model, images = cases.model(name), pixels(cases.MODELS[name])
    logits = array(model(images))
    found = visualize.class_activation(model, images)
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), logits.max(axis=1), rtol=1e-4)
    found = visualize.class_activation(model, images, (4, 1))
    expected = logits[[0, 1], [4, 1]]
    np.testing.assert_allclose(found.mean(axis=(1, 2)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", cases.rest_slow(["resnet", "efficientnet"], 1))
def test_so_it_is_for_networks_with_batch_norm(name):
    model, images = cases.model(name), pixels(cases.MODELS[name])
    found = visualize.class_activation(model, images, 2)
    logits = array(model(images))[:, 2]
    np.testing.assert_allclose(found.mean(axis=(1, 2)), logits, rtol=1e-3, atol=1e-4)
    colours = visualize.feature_colours(model, images)
    assert colours.shape == (*found.shape, 3)
    filters = visualize.patch_filters(model)
    assert filters.shape[0] == 8 and filters.shape[-1] == 3


def test_dense_layers_before_the_head_hide_the_places():
    model, images = cases.model("vgg"), pixels(cases.MODELS["vgg"])
    with pytest.raises(ValueError, match="pooling='gap' and no dense layers"):
        visualize.class_activation(model, images)
    assert visualize.feature_colours(model, images).shape == (2, 2, 3, 3)
    with pytest.raises(ValueError, match="convolutional networks have no attention"):
        visualize.attention_maps(model, images)


def test_class_activation_before_the_pooling_is_that_of_each_place():
    case = cases.MODELS["bit"]
    model = cases.randomize(keras_vit.BiT(**{**case.arguments, "pooling": None}))
    images = pixels(case)
    found = visualize.class_activation(model, images, 3)
    np.testing.assert_allclose(found, array(model(images))[..., 3], atol=1e-5)


@pytest.mark.parametrize("name", ["token", "map", "gap_of_all_tokens"])
def test_a_head_that_is_not_linear_in_the_patches_is_refused(name):
    with pytest.raises(ValueError, match="Use relevance or attention_rollout"):
        visualize.class_activation(cases.model(name), pixels(cases.MODELS[name]))


# The face -----------------------------------------------------------------------------


def test_every_view_is_there_and_says_what_it_gives():
    for name in visualize.__all__:
        view = getattr(visualize, name)
        assert view.__name__ == name  # a function, not a module of the same name
        assert "Returns:" in view.__doc__ and "Example:" in view.__doc__
    assert keras_vit.visualize is visualize
