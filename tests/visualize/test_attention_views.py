"""Attention against the oracle, the originals and closed forms."""

import cases
import golden
import keras
import numpy as np
import pytest
import reference
from cases import array, inputs, pixels

import keras_vit
from keras_vit import visualize

# Class token, mean pooling, MAP head, registers, positions and patches of all kinds.
KINDS = [
    "token",
    "gap_beside_class_token",
    "gap_of_all_tokens",
    "map",
    "all_tokens",
    "relative_positions",
    "positions_at_every_layer",
    "positions_shared",
    "overlapping",
    "grey_rectangles",
    "preprocessing",
    "registers",
    "every_size",
]
GRIDS = {"overlapping": (3, 3), "grey_rectangles": (2, 4)}


def oracle(name):
    """Every value of a model of the table, computed in NumPy."""
    model, case = cases.model(name), cases.MODELS[name]
    images = pixels(case)
    settings = model.settings["arguments"]
    return reference.vit(images, reference.arrays_of(model), settings), images


def oracle_maps(values):
    return np.stack([values[f"block_{i:02d}.attention_weights"] for i in range(2)])


def uniform(model):
    """Makes every token of every layer attend to all alike."""
    for weight in model.weights:
        if "query_key_value" in weight.path:
            weight.assign(array(weight) * 0)
    return model


@pytest.mark.parametrize("name", KINDS)
def test_attention_is_that_of_the_oracle(name):
    values, images = oracle(name)
    maps = visualize.attention_maps(cases.model(name), images)
    expected = oracle_maps(values)
    assert maps.dtype == "float32" and maps.shape == expected.shape
    np.testing.assert_allclose(maps, expected, atol=2e-5)


@pytest.mark.parametrize("name", KINDS)
def test_rollout_is_the_product_of_all_layers_from_first_to_last(name):
    values, images = oracle(name)
    model, maps = cases.model(name), oracle_maps(values)
    rows, columns = grid = GRIDS.get(name, (2, 3))
    rolled = np.eye(maps.shape[-1])
    for layer in maps:
        rolled = (layer.mean(axis=1) / 2 + np.eye(len(rolled[-1])) / 2) @ rolled
    patches = rolled[:, :, -rows * columns :]
    pooling = model.settings["arguments"]["pooling"]
    if pooling == "map":
        seen = visualize.pooling_attention(model, images).mean(axis=1)
        np.testing.assert_allclose(seen.sum(axis=1), 1, rtol=1e-5)
        expected = np.einsum("bq,bqk->bk", seen, patches)
    elif pooling == "token":
        expected = patches[:, 0]
    else:
        first = 0 if pooling == "gap_all" else patches.shape[1] - rows * columns
        expected = patches[:, first:].mean(axis=1)
    found = visualize.attention_rollout(model, images)
    assert found.shape == (2, *grid)
    np.testing.assert_allclose(found.reshape(2, -1), expected, atol=2e-5)


@pytest.mark.parametrize("name", ["registers", "map", "gap_beside_class_token"])
def test_attention_to_patches_is_the_class_tokens_or_the_mean(name):
    values, images = oracle(name)
    maps = oracle_maps(values)  # (layers, B, heads, tokens, tokens)
    expected = maps[..., 0, -6:] if name != "map" else maps.mean(axis=-2)
    found = visualize.attention_to_patches(cases.model(name), images, (-1, 0))
    assert found.shape == (2, 2, 2, 2, 3)
    expected = expected[::-1].reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(
    "name", ["vit/token_nonsquare", "vit/gap_norep", "hybrid/h_root_only_p4"]
)
def test_attention_is_that_of_the_official_models(name):
    case = golden.config(f"{name}.json")["config"]
    weights = golden.path(f"{name}.ckpt.npz")
    expected = golden.arrays(f"{name}.io.npz")
    model = keras_vit.from_checkpoint(weights, image_size=expected["image"].shape[1:3])
    assert model.settings["arguments"]["num_classes"] == case["num_classes"]
    maps = visualize.attention_maps(model, expected["image"], layers=(1, 0))
    for found, i in zip(maps, (1, 0)):
        scores = expected[f"encoderblock_{i}.attention_weights"]
        np.testing.assert_allclose(found, scores, atol=2e-5)


def test_attention_of_a_hybrid_is_on_the_grid_of_its_stem():
    model = cases.model("hybrid")
    images = pixels(cases.MODELS["hybrid"])  # (2, 16, 24, 3), 8 pixels to a patch
    assert visualize.attention_maps(model, images).shape == (1, 2, 2, 7, 7)
    assert visualize.attention_rollout(model, images).shape == (2, 2, 3)
    wide = cases.model("hybrid_of_every_size")
    images = pixels(cases.MODELS["hybrid_of_every_size"])  # (2, 19, 26, 3)
    assert visualize.attention_rollout(wide, images).shape == (2, 2, 3)


def test_identity_attention_rolls_out_to_the_identity():
    maps = np.tile(np.eye(5), (3, 2, 4, 1, 1))
    for heads in ("mean", "max"):
        np.testing.assert_allclose(visualize.rollout(maps, heads), maps[0, :, 0])


def test_rollout_by_the_strongest_head():
    maps = np.array([[[[1.0, 0], [1, 0]], [[0, 1], [0, 1]]]])  # one image, two heads
    # max: all ones; with the identity [[2, 1], [1, 2]].
    expected = np.array([[2, 1], [1, 2]]) / 3
    np.testing.assert_allclose(visualize.rollout([maps[0][None]], "max")[0], expected)
    with pytest.raises(ValueError, match=r"'mean', 'max'.*heads='min'"):
        visualize.rollout(maps[None], "min")


def test_uniform_attention_has_a_known_distance_and_entropy():
    model = uniform(cases.MODELS["registers"].make())  # 1 + 2 tokens before 2 * 3
    images = inputs((3, 8, 12, 3))
    places = [(i, j) for i in range(2) for j in range(3)]
    pairs = [4 * np.hypot(a - c, b - d) for a, b in places for c, d in places]
    # Each query gives 1 / 9 to every token; that to class and register tokens is lost.
    expected = sum(pairs) / 6 / 9
    found = visualize.mean_attention_distance(model, images)
    np.testing.assert_allclose(found, np.full((2, 2), expected), rtol=1e-5)
    found = visualize.attention_entropy(model, images)
    np.testing.assert_allclose(found, np.full((2, 2), np.log(9)), rtol=1e-5)


def test_distance_and_entropy_of_heads_that_look_at_one_patch():
    # Head 0 looks at itself, head 1 always at the first patch of a row of three.
    maps = np.stack([np.eye(3), np.eye(3)[[0, 0, 0]]])
    found = visualize.attention_distance(maps, (1, 3), (8, 5))
    np.testing.assert_allclose(found, [0, (0 + 5 + 10) / 3])
    found = visualize.attention_distance(maps, (3, 1), (8, 5))
    np.testing.assert_allclose(found, [0, (0 + 8 + 16) / 3])


def test_distances_of_a_hybrid_are_pixels_of_the_image():
    model = uniform(keras.models.clone_model(cases.model("hybrid")))
    places = [(i, j) for i in range(2) for j in range(3)]
    pairs = [8 * np.hypot(a - c, b - d) for a, b in places for c, d in places]
    found = visualize.mean_attention_distance(model, inputs((1, 16, 24, 3)))
    np.testing.assert_allclose(found, np.full((1, 2), sum(pairs) / 6 / 7), rtol=1e-5)


def test_token_norms_are_those_of_the_oracle():
    values, images = oracle("registers")
    found = visualize.token_norms(cases.model("registers"), images)
    stages = [values[name] for name in ("encoded", "block_00", "block_01")]
    expected = np.linalg.norm(np.stack(stages), axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert visualize.norm_outliers(np.array([[1.0, 2, 3, 9]])).tolist() == [
        [False, False, False, False]
    ]
    assert visualize.norm_outliers(np.array([1.0, 2, 3, 11])).tolist()[3]


def test_masked_patch_prediction_is_looked_at_with_nothing_hidden():
    case = cases.MODELS["token"]
    backbone = case.make(num_classes=0)
    cases.randomize(backbone)
    model = keras_vit.MaskedPatchPrediction(backbone, weights=backbone)
    images = pixels(case)
    np.testing.assert_allclose(
        visualize.attention_maps(model, images),
        visualize.attention_maps(backbone, images),
        atol=1e-6,
    )


def test_pixels_of_an_image_file_are_taken_as_they_are():
    model = cases.model("preprocessing")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 12, 3), "uint8")
    np.testing.assert_allclose(
        visualize.attention_maps(model, pixels),
        visualize.attention_maps(model, pixels.astype("float32")),
    )


def test_scores_stay_in_float32_under_half_precision():
    model = cases.randomize(cases.MODELS["map"].make(dtype="mixed_bfloat16"))
    images = inputs((1, 8, 12, 3))
    maps = visualize.attention_maps(model, images, 0)
    assert maps.dtype == "float32"
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
    assert visualize.pooling_attention(model, images).shape == (1, 2, 6)
    found = visualize.relevance(model, images, 1)
    expected = visualize.relevance(cases.model("map"), images, 1)
    assert np.abs(found - expected).max() < 0.1 * expected.max()


VIEWS = [
    visualize.attention_maps,
    visualize.attention_to_patches,
    visualize.attention_rollout,
    visualize.pooling_attention,
    visualize.mean_attention_distance,
    visualize.attention_entropy,
    visualize.token_norms,
    visualize.relevance,
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_a_bit_says_that_it_has_no_attention(view):
    images = pixels(cases.MODELS["bit"])
    with pytest.raises(ValueError, match=rf"{view.__name__}.*Use class_activation"):
        view(cases.model("bit"), images)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_one_image_is_a_batch_of_one(view):
    name = "map" if view is visualize.pooling_attention else "token"
    model, images = cases.model(name), inputs((1, 8, 12, 3))
    np.testing.assert_array_equal(view(model, images[0]), view(model, images))


def test_what_cannot_be_looked_at_is_refused():
    model = cases.model("token")
    with pytest.raises(ValueError, match="needs a ViT or hybrid"):
        visualize.attention_maps(keras.Sequential([model]), inputs((1, 8, 12, 3)))
    with pytest.raises(ValueError, match="pooling='map'"):
        visualize.pooling_attention(model, inputs((1, 8, 12, 3)))
    with pytest.raises(ValueError, match=r"from 0 to 1.*layers=2"):
        visualize.attention_maps(model, inputs((1, 8, 12, 3)), 2)
    for shape, hint in (
        ((8, 12), "or one image"),
        ((0, 8, 12, 3), "at least one image"),
        ((1, 12, 8, 3), r"\(batch, 8, 12, 3\)"),
    ):
        with pytest.raises(ValueError, match=hint):
            visualize.token_norms(model, np.zeros(shape, "float32"))
