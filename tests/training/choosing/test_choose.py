"""The chosen recipe is the published one for that size of data, and says why."""

import dataclasses

import pytest

from keras_vit.training import Recipe
from keras_vit.training.choosing.choose import choose_recipe
from keras_vit.training.choosing.hyperrule import BiTHyperRule


@pytest.mark.parametrize(
    "images, steps, warmup, rate",
    [
        (1_020, 500, 100, 0.003),  # Flowers
        (3_680, 500, 100, 0.003),  # Pets
        (4_999, 500, 100, 0.003),
        (5_000, 2_500, 200, 0.003),
        (18_900, 2_500, 200, 0.003),  # Resisc45
        (50_000, 10_000, 500, 0.01),  # CIFAR
        (1_281_167, 20_000, 500, 0.03),  # ImageNet
    ],
)
@pytest.mark.parametrize("weights", ["imagenet21k", "augreg"])
def test_fine_tuning_has_the_published_length(images, steps, warmup, rate, weights):
    fields, reasons = choose_recipe(images, 10, 32, "ViT_B16", weights)
    recipe = Recipe(data="x", **fields)
    assert (recipe.total_steps, recipe.warmup_steps) == (steps, warmup)
    if (images, weights) != (1_281_167, "augreg"):
        assert recipe.learning_rate == rate
    assert recipe.batch_size == 512 and recipe.image_size == 384
    assert (recipe.optimizer, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 0)
    assert recipe.accumulation_steps == 1  # nothing is known of the memory
    assert f"{images:,}" in reasons[0] and f"{steps:,}" in reasons[0]


@pytest.mark.parametrize("model", ["R50_ViT_B16", "R26_ViT_S32", "R_ViT_Ti16"])
def test_hybrids_are_fine_tuned_as_vit(model):
    fields, _ = choose_recipe(3_680, 37, None, model, "augreg")
    assert fields["total_steps"] == 500 and fields["image_size"] == 384


def test_images_are_a_multiple_of_the_patch():
    fields, reasons = choose_recipe(3_680, 37, None, "ViT_H14", "imagenet21k")
    assert fields["image_size"] == 378
    assert any("multiple of the patch" in reason for reason in reasons)


def test_the_model_may_be_spelt_otherwise_and_a_wrong_one_is_told():
    assert choose_recipe(9, 2, 32, "vit-b16", "augreg")[0]["model"] == "ViT_B16"
    with pytest.raises(ValueError, match="Did you mean 'ViT_B16'"):
        choose_recipe(9, 2, 32, "vit-b166", "augreg")


@pytest.mark.parametrize("images", [300, 19_999, 20_000, 499_999, 500_000])
@pytest.mark.parametrize("size", [32, (480, 640), None])
def test_bit_follows_its_rule(images, size):
    fields, _ = choose_recipe(images, 10, size, "BiT_R50x1", "bit-m")
    rule = BiTHyperRule(images, size or 224)
    recipe = Recipe(data="x", **fields)
    batch = recipe.batch_size
    assert batch == (256 if images == 300 else 512)
    # The notebook of BiT: rate times B / 512, updates times 512 / B.
    assert recipe.learning_rate == pytest.approx(0.003 * batch / 512)
    assert recipe.total_steps == rule.total_steps * 512 // batch
    assert recipe.image_size == rule.crop and recipe.augment == rule.augment
    assert recipe.weights == "bit-m" and recipe.global_clipnorm is None
    whole = rule.to_recipe(data="x").scaled_to(batch)
    assert dataclasses.replace(whole, accumulation_steps=1) == recipe


def test_few_images_make_small_batches_and_vit_keeps_its_rate():
    fields, reasons = choose_recipe(100, 2, 224, "ViT_B16", "augreg")
    assert fields["batch_size"] == 64 and fields["learning_rate"] == 0.003
    assert fields["total_steps"] == 500
    assert any("64 instead of 512" in reason for reason in reasons)
    fields, _ = choose_recipe(1, 1, 224, "ViT_B16", "augreg")
    assert Recipe(data="x", **fields).batch_size == 1


@pytest.mark.parametrize(
    "at_once, parts", [(512, 1), (511, 2), (100, 8), (64, 8), (1, 512)]
)
def test_batches_that_do_not_fit_are_computed_in_parts(at_once, parts):
    arguments = (50_000, 10, 32, "ViT_B16", "augreg")
    fields, reasons = choose_recipe(*arguments, images_at_once=at_once)
    assert fields.get("accumulation_steps", 1) == parts
    assert 512 // parts <= at_once
    assert any(f"{parts} parts" in reason for reason in reasons) == (parts > 1)
    Recipe(data="x", **fields)


@pytest.mark.parametrize("model", ["ResNet50", "EfficientNetB0", "VGG16"])
def test_batches_of_networks_with_batch_norm_are_made_smaller(model):
    arguments = (50_000, 10, None, model)
    usual, _ = choose_recipe(*arguments)
    fields, reasons = choose_recipe(*arguments, images_at_once=24)
    if model == "VGG16":  # which has none
        assert fields["batch_size"] == usual["batch_size"]
        assert fields["accumulation_steps"] > 1
        return
    assert "accumulation_steps" not in fields and fields["batch_size"] == 16
    assert any("holds 24 images" in reason for reason in reasons)
    Recipe(data="x", **fields)


def test_small_data_from_scratch_is_seen_often():
    for images, epochs in ((100, 200), (2_532, 98), (10_000, 30), (50_000, 30)):
        fields, reasons = choose_recipe(images, 2, 224)
        recipe = Recipe(data="x", **fields)
        assert recipe.epochs == epochs and recipe.optimizer == "adamw"
        assert recipe.model == "small" and recipe.weights is None
        assert f"{epochs} passes" in reasons[0]
    assert choose_recipe(100, 2, 32)[0]["augment"] == "crop_flip"
    assert choose_recipe(100, 2, 300, "ViT_S16")[0]["augment"] == "inception"


@pytest.mark.parametrize(
    "model", ["small", "small_bit", "ViT_S16", "ViT_B32", "BiT_R50x1"]
)
def test_large_data_from_scratch_follows_a_paper(model):
    fields, reasons = choose_recipe(1_281_167, 1000, None, model)
    recipe = Recipe(data="x", **fields)
    assert recipe.epochs == 90 and len(reasons) == 1
    assert (recipe.representation_size == 384) == (model == "ViT_S16")


def test_networks_before_vit_are_tuned_as_resnets_at_their_own_size():
    fields, reasons = choose_recipe(3_680, 37, None, "EfficientNetB1", "noisy-student")
    recipe = Recipe(data="x", **fields)
    assert (recipe.total_steps, recipe.optimizer) == (500, "sgd")
    # As published: its own size of images and its own dropout.
    assert (recipe.image_size, recipe.dropout_rate) == (240, None)
    assert any("ResNets too" in why for why in reasons)
    fields, _ = choose_recipe(1_281_167, 1000, None, "EfficientNetB1")
    assert (fields["optimizer"], fields["image_size"]) == ("sgd", 240)
    with pytest.raises(ValueError, match=r"`quick`.*model='VGG16'"):
        choose_recipe(100, 10, 32, "VGG16", "imagenet", quick=True)


def test_quick_is_the_notebook_s():
    fields, _ = choose_recipe(50_000, 10, 32, "ViT_B32", "imagenet21k", quick=True)
    assert fields["total_steps"] == 100 and fields["image_size"] == 224
    with pytest.raises(ValueError, match="`quick`"):
        choose_recipe(50_000, 10, 32, "BiT_R50x1", "bit-m", quick=True)
    with pytest.raises(ValueError, match="`quick`"):
        choose_recipe(50_000, 10, 32, quick=True)


def test_every_choice_has_a_source_or_says_that_it_is_ours():
    known = ("et al.", "vit_jax", "bit_hyperrule.py", "BiT", "ours", "our own", "paper")
    for model, weights in (
        ("ViT_B16", "augreg"),
        ("BiT_R50x1", "bit-m"),
        ("small", None),
    ):
        _, reasons = choose_recipe(3_680, 37, None, model, weights)
        for text in reasons:
            assert text.endswith(".")
        joined = " ".join(reasons)
        assert any(word in joined for word in known)


@pytest.mark.parametrize(
    "arguments", [(0, 2, 32), (9, 0, 32), (9, 2, 0), (9, 2, (32, 0)), (None, 2, 32)]
)
def test_numbers_must_be_positive(arguments):
    with pytest.raises(ValueError, match="must be a positive integer"):
        choose_recipe(*arguments)
