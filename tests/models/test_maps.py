import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs, pixels
from test_parity import official_vit

import keras_vit

# Where a convolutional network's map lies, which is what its pooling reads.
POOLED = ("bit", "resnet", "neocognitron")
QUICK = ("registers", "every_size", "overlapping", "hybrid_of_every_size", "bit")
SLOW = ("token", "all_tokens", "gap_of_all_tokens", "map", "grey_rectangles", "hybrid")
SLOW += ("hybrid_of_other_widths", "resnet", "resnet_of_every_size", "lenet", "vgg")
SLOW += ("lenet_modern", "alexnet", "neocognitron", "unet", "unet_padded")
SLOW += ("efficientnet", "efficientnet_of_every_size", "preprocessing")
EVERY = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def test_the_map_of_a_vit_is_the_official_tokens_in_their_places():
    model, values = official_vit("token_nonsquare")
    tokens = values["encoder_norm"][:, 1:]  # without the class token
    found = array(keras_vit.feature_maps(model)(values["image"]))
    np.testing.assert_allclose(found, tokens.reshape(-1, 3, 5, 32), atol=2e-5)


def test_depths_are_the_official_blocks():
    model, values = official_vit("token_nonsquare")
    maps = keras_vit.feature_maps(model, depths=[1, -1])(values["image"])
    for i, found in enumerate(maps):
        tokens = values[f"encoderblock_{i}"][:, 1:].reshape(-1, 3, 5, 32)
        np.testing.assert_allclose(array(found), tokens, atol=2e-5)


@pytest.mark.parametrize("name", EVERY)
def test_every_architecture_gives_its_last_map_and_every_depth(name):
    case = MODELS[name]
    model, x = case.make(), pixels(case)
    everything = keras_vit.feature_maps(model, depths=[None, 1, -1])
    last, first, end = (array(y) for y in everything(x))
    assert all(m.ndim == 4 and np.isfinite(m).all() for m in (last, first, end))
    a = model.settings["arguments"]
    if "hidden_dim" in a:
        grid = keras_vit.models.grid_of(model, case.shape[1:3])
        assert last.shape == first.shape == end.shape == (2, *grid, a["hidden_dim"])
    if model.settings["family"] in POOLED and a.get("pooling", "gap"):
        pooled = model.get_layer("pooling")
        np.testing.assert_array_equal(
            array(keras.Model(model.input, pooled.input)(x)), last
        )


def test_a_model_of_every_size_gives_maps_of_every_shape():
    model = MODELS["every_size"].make()
    maps = keras_vit.feature_maps(model)
    for size, grid in (((8, 12), (2, 3)), ((12, 4), (3, 1)), ((4, 4), (1, 1))):
        assert maps(np.zeros((1, *size, 3))).shape == (1, *grid, 16)


def test_a_layer_by_name_gives_a_map_too():
    model = MODELS["hybrid"].make()
    maps = keras_vit.feature_maps(model, depths=["root_relu", "stage2_unit01", 1])
    assert [y.shape for y in maps(np.zeros((1, 16, 24, 3)))] == [
        (1, 8, 12, 32),
        (1, 2, 3, 256),
        (1, 2, 3, 16),
    ]
    patches = keras_vit.feature_maps(MODELS["token"].make(), "patches")
    assert patches(np.zeros((1, 8, 12, 3))).shape == (1, 2, 3, 48)


@pytest.mark.parametrize(
    ("depths", "message"),
    [
        (0, "from 1 to 2, or from -2 to -1"),
        (3, "from 1 to 2"),
        (1.5, "from 1 to 2"),
        ([], "at least one"),
        ("block_0", "layers of the model.*block_01"),
        ("head", "tokens of patches, or maps"),
    ],
)
def test_a_depth_that_is_not_there_is_refused(depths, message):
    with pytest.raises(ValueError, match=message):
        keras_vit.feature_maps(MODELS["token"].make(), depths)


def test_a_foreign_model_is_refused_and_an_inner_one_named():
    model = MODELS["token"].make(name="mine")
    outer = keras.Sequential([model])
    with pytest.raises(ValueError, match=r"get_layer\('mine'\)"):
        keras_vit.feature_maps(outer)
    with pytest.raises(ValueError, match="constructor of keras_vit"):
        keras_vit.feature_maps(None)


def test_one_number_is_a_square_grid():
    to_map = keras_vit.layers.TokensToMap(2)
    tokens = inputs((1, 4, 3))
    np.testing.assert_array_equal(
        array(to_map(tokens)), array(tokens).reshape(1, 2, 2, 3)
    )
    assert to_map.get_config()["grid_size"] == 2
