import dataclasses
import json

import pytest

from keras_vit.training import Recipe
from keras_vit.training.recipes import CHOICES


def test_a_recipe_survives_json():
    recipe = Recipe(data="cifar10", image_size=(24, 40), num_layers=2, epochs=3)
    text = json.dumps(recipe.to_json())
    assert Recipe.from_json(json.loads(text)) == recipe


def test_a_recipe_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3


def test_a_difference_names_both_values():
    assert Recipe().diff(Recipe()) == {}
    difference = Recipe(epochs=3).diff(Recipe(epochs=4, seed=1))
    assert difference == {"epochs": (3, 4), "seed": (0, 1)}


def test_an_unknown_field_names_the_closest_one():
    with pytest.raises(ValueError, match="'epoch'; did you mean 'epochs'"):
        Recipe.from_json({"epoch": 3})


@pytest.mark.parametrize(
    "values, message",
    [
        ({"epochs": 0}, r"`epochs` must be at least 1\. Received: epochs=0"),
        ({"batch_size": -1}, "batch_size=-1"),
        ({"image_size": 0}, "`image_size` must be positive"),
        ({"image_size": (32, 0)}, "`image_size` must be positive"),
        ({"dropout_rate": 1.0}, r"`dropout_rate` must be in \[0, 1\)"),
        ({"drop_path_rate": -0.1}, "drop_path_rate=-0.1"),
        ({"label_smoothing": 1}, "label_smoothing=1"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0"),
        ({"test_fraction": 1.0}, "test_fraction=1.0"),
        ({"seed": -1}, "seed=-1"),
        ({"pooling": "gaps"}, "did you mean 'gap'"),
        ({"augment": "flop"}, "did you mean 'flip'"),
        ({"dtype": "mixed_bf16"}, "did you mean 'mixed_bfloat16'"),
        ({"model": "ViT_B16", "hidden_dim": 64}, "sizes of ViT_B16 are fixed"),
    ],
)
def test_a_mistake_is_refused_with_its_value(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


def test_warmup_is_a_tenth_of_the_run_or_what_was_asked():
    assert Recipe().resolve_warmup(1000) == 100
    assert Recipe(warmup_steps=7).resolve_warmup(1000) == 7
    with pytest.raises(ValueError, match="while the run has 5 updates"):
        Recipe(warmup_steps=5).resolve_warmup(5)


def test_the_augmentations_are_those_of_the_data_package():
    from keras_vit.data import AUGMENTATIONS

    assert set(CHOICES["augment"]) <= set(AUGMENTATIONS)
