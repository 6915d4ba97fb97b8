"""Runs that go on with the weights of a whole segmenter or detector."""

import dataclasses

import pytest

from keras_vit.training import Recipe
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.build import build_model


def made(recipe):
    return build_model(
        recipe, 2, model_arguments(recipe, native_size=None, num_channels=3)
    )


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_weights_on_another_backbone_are_refused(task, tmp_path):
    recipe = Recipe(task=task, model="small", image_size=32, num_layers=1, seed=1)
    model = made(recipe)
    weights = str(tmp_path / "whole.keras")
    model.save(weights)
    again = made(dataclasses.replace(recipe, weights=weights, seed=2))
    for ours, theirs in zip(again.get_weights(), model.get_weights()):
        assert (ours == theirs).all()
    other = Recipe(task=task, model="small_bit", image_size=32, weights=weights)
    with pytest.raises(ValueError, match="on another backbone, of the family 'vit'"):
        made(other)
