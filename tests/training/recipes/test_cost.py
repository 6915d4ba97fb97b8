"""Estimates against the published cost of the paper's own runs, and arithmetic."""

import pytest

import keras_vit
from keras_vit.costs.chips import CHIPS
from keras_vit.costs.flops import forward_flops
from keras_vit.training import Recipe, recipe
from keras_vit.training.hardware import PEAK_TFLOPS
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.recipes.cost import estimate_cost
from keras_vit.training.run.build import build_model


@pytest.mark.parametrize(
    "name, published",
    # Table 2 of the ViT paper: 1e3 TPUv3-core-days.
    [("vit_l16_jft_14ep", 0.68), ("vit_h14_jft", 2.5), ("vit_l16_i21k", 0.23)],
)
def test_the_estimate_is_within_a_quarter_of_the_published_core_days(name, published):
    cost = recipe(name).cost(hardware="tpu-v3-core")
    assert cost.device_hours / 24e3 == pytest.approx(published, rel=0.25)


def test_the_cost_in_closed_form():
    r = Recipe(epochs=3, batch_size=64)
    cost = r.cost(1000, gflops=2.0, hardware=4.0, devices=2)
    assert (cost.steps, cost.images) == (45, 45 * 64)
    assert cost.epochs == pytest.approx(2.88)  # full batches only
    assert cost.flops == 3 * 45 * 64 * 2e9
    assert cost.device_hours == pytest.approx(cost.flops / 4e12 / 3600)
    assert cost.hours == pytest.approx(cost.device_hours / 2)
    assert "2 x 4 TFLOP/s" in str(cost) and "45 updates, 2,880 images" in str(cost)
    # Fewer images than a batch: one batch of them all.
    assert r.cost(10, gflops=1.0).images == 3 * 10
    assert r.cost(10, gflops=1.0).hours is None


def test_a_frozen_backbone_costs_its_forward_pass():
    r = Recipe(data="./photos", total_steps=10, batch_size=8)
    whole = r.cost(gflops=1.0)
    assert whole.flops == 3 * 80e9 and whole.epochs is None
    assert Recipe(total_steps=10, batch_size=8, freeze=("backbone",)).cost(
        gflops=1.0
    ).flops == pytest.approx(whole.flops / 3)


def test_the_chip_and_its_assumed_utilisation_are_stated():
    text = str(Recipe().cost(6000, gflops=0.01, hardware="a100"))
    assert "1 x a100 at 40 % of 312 TFLOP/s" in text and " s on" in text
    with pytest.raises(ValueError, match="Did you mean 'a100'"):
        Recipe().cost(6000, gflops=0.01, hardware="A1000")


@pytest.mark.parametrize("generation", CHIPS)
def test_every_chip_that_can_be_compiled_for_has_a_cost_by_either_name(generation):
    name = f"tpu-{generation}"
    cost = Recipe().cost(6000, gflops=0.01, hardware=name)
    assert cost == Recipe().cost(6000, gflops=0.01, hardware=generation)
    # Cloud TPU's documentation, TFLOP/s of a chip in bfloat16.
    documented = {"v4": 275, "v5e": 197, "v5p": 459, "v6e": 918}[generation]
    assert f"1 x {name} at 40 % of {documented} TFLOP/s" in str(cost)
    assert PEAK_TFLOPS[name] == documented


def test_what_is_not_known_is_asked_for():
    with pytest.raises(ValueError, match="`num_examples` must be given"):
        Recipe(data="./photos").cost(gflops=1.0)
    with pytest.raises(ValueError, match="`image_size` of the recipe, or `gflops`"):
        Recipe(data="./photos").cost(100)
    larger = recipe("vit_finetune").cost().flops
    assert larger > 3 * 20_000 * 512 * 100e9  # 384 pixels, not 224


@pytest.mark.parametrize(
    ("options", "native"),
    [
        ({}, (28, 28)),
        ({"data": "./photos", "image_size": (24, 48)}, None),
        ({"model": "small_bit"}, (28, 28)),
        ({"model": "small_bit", "num_blocks": (2, 1), "image_size": (33, 48)}, None),
        ({"model": "small_hybrid"}, (28, 28)),
        (
            {"model": "small_hybrid", "width_factor": 1, "image_size": (49, 64)}
            | {"patch_size": 2, "hidden_dim": 32},
            None,
        ),
        (
            {"model": "small_unet", "task": "segmentation", "image_size": (32, 48)},
            None,
        ),
    ],
)
def test_the_small_models_cost_what_the_built_ones_say(options, native):
    r = Recipe(**options, num_channels=1)
    model = build_model(r, 10, model_arguments(r, native_size=native, num_channels=1))
    rgb = Recipe(**options, num_channels=3)
    found = r.cost(6_000).flops / r.cost(6_000).images / 3
    assert found == pytest.approx(forward_flops(model), rel=1e-12)
    assert found < rgb.cost(6_000).flops / r.cost(6_000).images


def test_images_need_not_be_square():
    size = (224, 384)
    for name in ("ViT_Ti16", "R_ViT_Ti16", "BiT_R50x1"):
        found = Recipe(model=name, image_size=size, total_steps=1, batch_size=1).cost()
        model = keras_vit.build(name, image_size=size)
        assert found.flops == pytest.approx(3 * forward_flops(model), rel=1e-9)


def test_the_example_prints_what_the_docstring_says():
    cost = recipe("vit_l16_jft_14ep").cost(hardware="tpu-v3-core", devices=512)
    lines = str(cost).splitlines()
    assert len(lines) == 3 and all(line in estimate_cost.__doc__ for line in lines)
