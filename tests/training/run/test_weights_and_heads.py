"""What a recipe's model begins with: weights of another, and the bias of a new head."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from tiny_runs import TINY

from keras_vit.training import Recipe
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.recipes.files import model_of_run
from keras_vit.training.run.build import build_model

SIZES = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}


def array(x):
    return keras.ops.convert_to_numpy(x)


def test_a_new_head_begins_with_its_bias():
    recipe = dataclasses.replace(TINY, loss="sigmoid", head_bias=-10.0)
    head = build_model(recipe, 3, SIZES).get_layer("head")
    np.testing.assert_array_equal(array(head.bias), np.full(3, -10.0))
    assert not array(head.kernel).any()


def test_weights_fill_the_model_and_keep_the_bias_of_their_head(tmp_path):
    source = build_model(TINY, 3, SIZES)
    for variable in source.get_layer("head").weights:
        variable.assign(np.full(variable.shape, 0.5))
    source.save(tmp_path / "source.keras")
    weights = str(tmp_path / "source.keras")
    recipe = dataclasses.replace(TINY, weights=weights, head_bias=-10.0, seed=7)
    same = build_model(recipe, 3, {**SIZES, "weights": weights})
    for one, two in zip(source.get_weights(), same.get_weights()):
        np.testing.assert_array_equal(one, two)
    # For other classes the head is new.
    other = build_model(recipe, 4, {**SIZES, "weights": weights})
    np.testing.assert_array_equal(array(other.get_layer("head").bias), np.full(4, -10))


@pytest.mark.parametrize("data, own", [(1, 3), (3, 1), (3, 3)])
def test_a_model_takes_images_of_as_many_channels_as_its_weights(
    data, own, tmp_path, caplog
):
    caplog.set_level("INFO")
    weights = str(tmp_path / "source.keras")
    source = build_model(TINY, 3, {**SIZES, "num_channels": own})
    source.save(weights)
    recipe = dataclasses.replace(TINY, weights=weights)
    given = model_arguments(recipe, native_size=(8, 8), num_channels=data)
    assert given["num_channels"] == own
    assert (f"images of {own} channels" in caplog.text) == (data != own)
    model = build_model(recipe, 3, given)
    np.testing.assert_array_equal(model.get_weights()[0], source.get_weights()[0])
    # What is asked for is not changed.
    recipe = dataclasses.replace(recipe, num_channels=data)
    given = model_arguments(recipe, native_size=(8, 8), num_channels=data)
    assert given["num_channels"] == data
    recipe = Recipe(model="ViT_Ti16", weights="augreg")
    given = model_arguments(recipe, native_size=(8, 8), num_channels=1)
    assert given["num_channels"] == 3


def test_what_the_model_is_told_of_a_recipe():
    fields = {"position_embedding": "relative", "representation_size": 6}
    recipe = dataclasses.replace(TINY, **fields, weights="a.keras", num_channels=1)
    given = model_arguments(recipe, native_size=(8, 8), num_channels=1)
    assert (given["position_embedding"], given["weights"]) == ("relative", "a.keras")
    del given["weights"]
    names = [layer.name for layer in build_model(recipe, 3, given).layers]
    assert "pre_logits" in names


def test_the_scope_of_positions_decides_how_many_tables_there_are():
    tokens, width, layers = 1 + 2 * 2, TINY.hidden_dim, 3
    counts = {}
    for scope in ("input", "every_layer", "shared"):
        recipe = dataclasses.replace(TINY, num_layers=layers, position_scope=scope)
        given = model_arguments(recipe, native_size=(8, 8), num_channels=1)
        counts[scope] = build_model(recipe, 3, given).count_params()
    assert counts["shared"] == counts["input"]
    assert counts["every_layer"] - counts["input"] == (layers - 1) * tokens * width
    wrong = dataclasses.replace(recipe, position_embedding="relative")
    given = model_arguments(wrong, native_size=(8, 8), num_channels=1)
    with pytest.raises(ValueError, match="`position_scope` must be left out"):
        build_model(wrong, 3, given)


def test_a_small_run_says_what_its_images_were_resized_to(tmp_path):
    recipe = Recipe()
    given = model_arguments(recipe, native_size=(53, 61), num_channels=1)
    resolved = {"model": given}
    record = {"status": "finished", "recipe": recipe.to_json(), "resolved": resolved}
    (tmp_path / "run.json").write_text(json.dumps(record))
    again = dataclasses.replace(recipe, **model_of_run(tmp_path))
    for size in ((53, 61), (28, 28), None):
        assert model_arguments(again, native_size=size, num_channels=1) == given
