"""What a model knows of itself."""

import inspect

import keras
import pytest

from keras_vit import models
from keras_vit.models import BiT, HybridViT, ViT, vision_model

SIZES = {"num_layers": 1, "hidden_dim": 16, "mlp_dim": 16, "num_heads": 2}


def vit(**kwargs):
    return ViT(3, patch_size=4, **{"image_size": (12, 16), **SIZES, **kwargs})


def hybrid(num_blocks, **kwargs):
    return HybridViT(3, num_blocks=num_blocks, **SIZES, **kwargs)


def patches_of(model):
    return model.get_layer("patches").output.shape[1]


def test_a_model_of_elsewhere_knows_nothing():
    x = keras.Input((4, 4, 3))
    plain = keras.Model(x, keras.layers.Flatten()(x))
    assert models.settings_of(plain) == models.arguments_of(plain) == {}
    assert models.metadata_of(plain) == {}
    assert models.value_range_of(plain) == (-1.0, 1.0)
    assert models.grid_of(plain) is None and models.reduction_of(plain) == 1


def test_the_arguments_make_the_same_model_again():
    model = vit(pooling="gap", include_preprocessing=True)
    assert models.settings_of(model)["family"] == "vit"
    again = ViT(**models.arguments_of(model))
    assert again.count_params() == model.count_params()
    assert models.arguments_of(again) == models.arguments_of(model)


@pytest.mark.parametrize("num_blocks", [(), (1,), (1, 1), (1, 1, 1)])
def test_the_reduction_is_that_of_the_feature_map(num_blocks):
    model = hybrid(num_blocks, image_size=(64, 96))
    name = "root_pooling"
    if num_blocks:
        name = f"stage{len(num_blocks)}_unit01"
    rows, columns = model.get_layer(name).output.shape[1:3]
    reduction = models.reduction_of(model)
    assert (64 // rows, 96 // columns) == (reduction, reduction)
    assert models.grid_of(model) == (rows, columns)


@pytest.mark.parametrize(
    ("model", "grid"),
    [
        (lambda: vit(), (3, 4)),
        (lambda: vit(stride=2), (5, 7)),
        (lambda: hybrid((1, 1), patch_size=2, image_size=(50, 33)), (3, 2)),
    ],
)
def test_the_grid_holds_the_patches(model, grid):
    model = model()
    assert models.grid_of(model) == grid
    assert grid[0] * grid[1] == patches_of(model)


def test_the_grid_of_another_size_and_of_every_size():
    assert models.grid_of(vit(), 32) == (8, 8)
    model = vit(image_size=(None, None), position_grid=(2, 5))
    assert models.grid_of(model) == (2, 5)
    assert models.grid_of(model, (8, 20)) == (2, 5)
    assert models.grid_of(BiT(3, num_blocks=(1,), image_size=32)) is None


def test_black_and_white_are_those_of_the_model_or_of_its_training():
    assert models.value_range_of(vit(include_preprocessing=True)) == (0.0, 255.0)
    model = vit()
    assert models.value_range_of(model) == (-1.0, 1.0)
    step = {"step": "value_range", "low": 0, "high": 1}
    model.metadata["preprocessing"] = {"num_channels": 3, "steps": [step]}
    assert models.value_range_of(model) == (0.0, 1.0)


def test_what_an_older_version_saved_has_the_defaults():
    """Its settings lack the arguments that were added since; see `ADDED`."""
    for build, model in (
        (ViT, vit()),
        (HybridViT, hybrid((1,))),
        (BiT, BiT(3, num_blocks=(1,))),
    ):
        family = model.settings["family"]
        added = vision_model.ADDED[family]
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(build).parameters.items()
            if name in added
        }
        # As `resolve_scaling` has it where there are no weights.
        defaults["input_scaling"] = None
        if "position_kernel" in defaults:
            defaults["position_kernel"] = "official"
        assert added == defaults
        config = model.get_config()
        old = dict(config["settings"]["arguments"])
        for name in added:
            del old[name]
        config["settings"] = {"family": family, "arguments": old}
        again = models.VisionModel.from_config(config)
        assert again.settings == model.settings
        assert not added.keys() & old.keys()  # the caller's stay as they were
