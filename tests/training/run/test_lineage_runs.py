"""Networks before ViT are trained as every other model is."""

import numpy as np
import pytest
from tiny_runs import write_images

from keras_vit.training import Recipe, train
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.build import build_model, check_model

QUIET = {"devices": "cpu", "check": False, "progress": False}


def test_lenet_learns_grey_images_that_are_smaller_than_its_own(tmp_path):
    recipe = Recipe(
        data=str(write_images(tmp_path / "data")),
        model="LeNet5",
        variant="modern",
        epochs=2,
        batch_size=4,
        optimizer="rmsprop",
        learning_rate=0.01,
        decay="exponential",
        decay_every=0.1,
        weight_decay=1e-4,
        weight_decay_form="l2",
        weight_decay_on="all_but_norms",
        jit_compile="no",
    )
    result = train(recipe, tmp_path / "run", **QUIET)
    model = result.load_model()
    assert model.settings["arguments"]["variant"] == "modern"
    assert model.input_shape[-1] == 1 and model.output_shape == (None, 2)
    assert [row["epoch"] for row in result.history] == [1, 2]
    assert np.isfinite(result.history[-1]["val_loss"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LeNet5", "ResNet18"])
def test_other_networks_are_trained_by_name(name, tmp_path):
    recipe = Recipe(
        data=str(write_images(tmp_path / "data")),
        model=name,
        image_size=None if name == "LeNet5" else 32,
        total_steps=2,
        batch_size=4,
        jit_compile="no",
    )
    result = train(recipe, tmp_path / "run", **QUIET)
    assert np.isfinite(result.metrics["val_loss"])


def test_a_unet_is_refused_where_images_have_classes():
    said = r"every pixel.*task segmentation.*model='UNet'"
    with pytest.raises(ValueError, match=said):
        check_model(Recipe(model="UNet"))


def test_a_variant_is_refused_where_there_is_none():
    recipe = Recipe(model="VGG11", variant="modern", image_size=32)
    given = model_arguments(recipe, native_size=(32, 32), num_channels=3)
    with pytest.raises(ValueError, match=r"VGG11 does not take .*variant"):
        build_model(recipe, 3, given)
