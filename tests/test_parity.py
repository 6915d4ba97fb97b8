"""Outputs, attention weights and gradients of the original implementations."""

import golden
import keras
import numpy as np
import pytest
import reference
from cases import array

from keras_vit import ViT

TOLERANCE = 2e-5
VIT = [
    "gap_norep",
    "gap_rep",
    "token_nohead",
    "token_nonsquare",
    "token_norep",
    "token_norep_linen_names",
    "token_rep",
    "token_unpooled_rep",
    "unpooled",
]
BIG_VISION = ["gap_sincos", "map", "map_params_prefix", "tok_rep"]
CLASSIFIERS = {
    "token": {"pooling": "token"},
    "gap": {"pooling": "gap"},
    "unpooled": {"pooling": None},
    "token_unpooled": {"pooling": None, "class_token": True},
}


def official_vit(name, **kwargs):
    """The model of a golden vit/ case, filled, and the case's values."""
    case = golden.config(f"vit/{name}.json")
    config, transformer = case["config"], case["config"]["transformer"]
    model = ViT(
        config["num_classes"],
        patch_size=config["patches"],
        num_layers=transformer["num_layers"],
        hidden_dim=config["hidden_size"],
        mlp_dim=transformer["mlp_dim"],
        num_heads=transformer["num_heads"],
        image_size=case["image"],
        representation_size=config["representation_size"],
        **{**CLASSIFIERS[config["classifier"]], **kwargs},
    )
    reference.assign(model, golden.arrays(f"vit/{name}.ckpt.npz"))
    return model, golden.arrays(f"vit/{name}.io.npz")


def big_vision(name):
    case = golden.config(f"big_vision/{name}.json")
    config = case["config"]
    pooling = {"tok": "token", "gap": "gap", "map": "map"}[config["pool_type"]]
    model = ViT(
        config["num_classes"],
        patch_size=config["patch_size"],
        num_layers=config["depth"],
        hidden_dim=config["width"],
        mlp_dim=config["mlp_dim"],
        num_heads=config["num_heads"],
        image_size=case["image"],
        pooling=pooling,
        representation_size=config.get("rep_size"),
        embed_prefix=False,  # positions are added before the class token comes
        position_embedding="sincos2d" if "posemb" in config else "learned",
    )
    reference.assign(model, golden.arrays(f"big_vision/{name}.ckpt.npz"))
    return model, golden.arrays(f"big_vision/{name}.io.npz")


def every_output(model, images):
    """The outputs of all layers, by name, and those inside of the blocks."""
    layers = [layer for layer in model.layers if layer.name != "image"]
    values = keras.Model(model.input, [layer.output for layer in layers])(images)
    values = dict(zip([layer.name for layer in layers], values))
    x = values["patch_encoder"]
    for name in sorted(name for name in values if name.startswith("block_")):
        block = model.get_layer(name)
        attended, scores = block.attention(
            block.attention_norm(x), return_attention_scores=True
        )
        values[f"{name}.attention"], values[f"{name}.scores"] = attended, scores
        again, scores = block(x, return_attention_scores=True)
        close(again, values[name])
        close(scores, values[f"{name}.scores"])
        x = values[name]
    return {name: array(value) for name, value in values.items()}


def close(actual, expected, tolerance=TOLERANCE):
    actual = array(actual)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", VIT)
def test_every_value_equals_the_official_vit(name):
    model, expected = official_vit(name)
    values = every_output(model, expected["image"])
    close(values["patch_encoder"], expected["posembed_input"])
    for i in range(len(expected)):
        if f"encoderblock_{i}" not in expected:
            break
        close(values[f"block_{i:02d}"], expected[f"encoderblock_{i}"])
        attended = expected[f"encoderblock_{i}.attention_out"]
        close(values[f"block_{i:02d}.attention"], attended)
        scores = expected[f"encoderblock_{i}.attention_weights"]
        close(values[f"block_{i:02d}.scores"], scores)
    assert i >= 2
    close(values["encoder_norm"], expected["encoder_norm"])
    if "pre_logits" in values:
        close(values["pre_logits"], expected["pre_logits"])
    logits = expected["output" if "output" in expected else "logits"]
    close(model(expected["image"]), logits)


@pytest.mark.parametrize("name", BIG_VISION)
def test_every_value_equals_big_vision(name):
    model, expected = big_vision(name)
    values = every_output(model, expected["image"])
    if "token" not in str(model.settings["arguments"]["pooling"]):
        close(values["patch_encoder"], expected["with_posemb"])
    for i in range(2):
        # `block00.mlp` is the branch, `+mlp` the sum.
        block, theirs = f"block_{i:02d}", f"encoder.block{i:02d}"
        close(values[block], expected[f"{theirs}.+mlp"])
        close(values[f"{block}.attention"], expected[f"{theirs}.sa"])
    close(values["encoder_norm"], expected["encoded"])
    close(values["pooling"], expected["head_input"])
    if "pre_logits" in values:
        close(values["pre_logits"], expected["pre_logits"])
    close(model(expected["image"]), expected["output"])


def test_gradients_equal_the_official_ones():
    expected = golden.arrays("vit/token_norep.grads.npz")
    model, values = official_vit("token_norep")
    loss, gradients = _gradients(model, values["image"], expected.pop("_labels"))
    np.testing.assert_allclose(loss, expected.pop("_loss"), rtol=1e-6)
    gradients = reference.arrays_of(model, gradients)
    expected = {reference.linen(name): value for name, value in expected.items()}
    assert gradients.keys() == expected.keys()
    for name, value in expected.items():
        close(gradients[name], value)


def _gradients(model, images, labels):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        value = loss(labels, model(images))
    weights = model.trainable_weights
    gradients = tape.gradient(value, [w.value for w in weights])
    return float(value), {w.path: g.numpy() for w, g in zip(weights, gradients)}


def test_exact_gelu_is_told_apart():
    model, expected = official_vit("token_norep", gelu="erf")
    difference = np.abs(model(expected["image"]) - expected["logits"])
    assert 1e-4 < difference.max() < 1e-3


def test_the_wrong_epsilon_is_told_apart():
    model, expected = official_vit("token_norep", epsilon=1e-3)
    difference = np.abs(model(expected["image"]) - expected["logits"])
    assert difference.max() > TOLERANCE


@pytest.mark.parametrize("name", VIT)
def test_the_oracle_of_the_tests_equals_the_official_vit(name):
    model, expected = official_vit(name)
    out = reference.vit(
        expected["image"], reference.arrays_of(model), model.settings["arguments"]
    )
    close(out["encoded"], expected["posembed_input"])
    close(
        out["block_01.attention_weights"], expected["encoderblock_1.attention_weights"]
    )
    close(out["block_01"], expected["encoderblock_1"])
    close(out["output"], expected["output" if "output" in expected else "logits"])


@pytest.mark.parametrize("name", BIG_VISION)
def test_the_oracle_of_the_tests_equals_big_vision(name):
    model, expected = big_vision(name)
    out = reference.vit(
        expected["image"], reference.arrays_of(model), model.settings["arguments"]
    )
    close(out["pooling"], expected["head_input"])
    close(out["output"], expected["output"])
