"""What may be searched, and which recipe comes of it."""

import dataclasses

import pytest

from keras_vit.commands.training.pretrain import PRETRAINING
from keras_vit.data import augmentation, preprocessing
from keras_vit.training import Recipe
from keras_vit.tuner import Between, Choices
from keras_vit.tuner.space import (
    LEVELS,
    bit_space,
    check_space,
    own_values,
    vit_space,
    with_values,
)

BIT = Recipe(model="BiT_R50x1", optimizer="sgd", learning_rate=3e-3, weight_decay=0.0)
BASES = {
    "small": (Recipe(), vit_space),
    "pretraining": (PRETRAINING, vit_space),
    "published": (Recipe(model="ViT_Ti16", image_size=32), vit_space),
    "fine-tuning": (Recipe(model="ViT_B16", weights="augreg"), vit_space),
    "bit": (BIT, bit_space),
    "small_bit": (Recipe(model="small_bit"), bit_space),
    "small_hybrid": (Recipe(model="small_hybrid"), vit_space),
    "small_unet": (Recipe(model="small_unet", task="segmentation"), vit_space),
}


@pytest.mark.parametrize("name", BASES)
def test_the_usual_space_is_right_for_its_recipe(name):
    recipe, usual = BASES[name]
    space = usual(recipe)
    check_space(space, recipe)
    own = own_values(recipe)
    for field, values in space.items():
        assert own[field] in values, field
        assert not values.is_fixed


def test_of_published_weights_the_size_is_not_searched():
    assert "model" in vit_space(BASES["published"][0])
    assert not {"model", "num_layers"} & set(vit_space(BASES["fine-tuning"][0]))
    assert "mixup" not in vit_space(PRETRAINING)


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_can_be_mixed(level):
    recipe = with_values(Recipe(), {"augment": level, "mixup": 0.2})
    steps = augmentation(recipe.augment, preprocessing(28, num_channels=1)).steps
    assert type(steps[-1]).__name__ == "Mixup" and steps[-1].alpha == 0.2


def test_values_become_a_recipe():
    base = Recipe(augment="crop")
    assert with_values(base, {}) == base
    assert with_values(base, {"mixup": 0.0}) == base
    assert with_values(base, {"mixup": 0.5}).augment == "crop|mixup(0.5)"
    wide = with_values(base, {"hidden_dim": 64})
    assert (wide.hidden_dim, wide.mlp_dim) == (64, 128)  # as 96 to 192
    both = with_values(base, {"hidden_dim": 64, "mlp_dim": 100})
    assert both.mlp_dim == 100


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"learning_rat": Between(0.1, 0.2)}, "[Dd]id you mean 'learning_rate'"),
        ({"data": Choices(("a", "b"))}, "`data` cannot be searched"),
        ({"seed": Between(0, 5)}, "`seed` cannot be searched"),
        ({"freeze": Choices(("head",))}, "`freeze` cannot be searched"),
        ({"pooling": Choices(("token", "gab"))}, "[Dd]id you mean 'gap'"),
        ({"learning_rate": Between(-1.0, 1.0)}, "`learning_rate` must be positive"),
        ({"dropout_rate": Between(0.0, 1.0)}, r"`dropout_rate` must be in \[0, 1\)"),
    ],
)
def test_what_cannot_be_searched_is_refused(space, message):
    with pytest.raises(ValueError, match=message):
        check_space(space, Recipe())


def test_the_sizes_of_a_published_model_are_fixed():
    with pytest.raises(ValueError, match="sizes of ViT_B16 are fixed"):
        check_space({"num_layers": Between(2, 8)}, Recipe(model="ViT_B16"))


def test_a_recipe_of_any_augmentation_has_a_space():
    recipe = dataclasses.replace(Recipe(), augment="cutmix(1.0)")
    assert vit_space(recipe)["augment"].values[0] == "cutmix(1.0)"
