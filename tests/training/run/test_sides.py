"""A run says when its augmentation makes left of right."""

import dataclasses

import pytest
from tiny_runs import TINY, write_masks

from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.run.first_look import look_at_sides
from keras_vit.training.run.prepare import prepare

HANDS = ["left_hand", "right_hand"]


def warned(caplog, recipe, names):
    caplog.clear()
    look_at_sides(recipe, names, (32, 48))
    return "differ in their side" in caplog.text


@pytest.mark.parametrize(
    "names",
    [
        HANDS,
        ["Right-Hippocampus", "none", "Left-Hippocampus"],
        ["kidney L", "kidney R"],
        ["ctx-lh-cuneus", "ctx-rh-cuneus"],
        ["turnleft", "turnright"],
    ],
)
def test_classes_of_two_sides_are_told_by_their_names(caplog, names):
    assert warned(caplog, Recipe(), names)


def test_other_names_and_steps_that_mirror_nothing_bring_no_warning(caplog):
    for names in (["left", "centre"], ["bell", "berr"], ["lamp", "ramp"], [*"LRS"]):
        assert not warned(caplog, Recipe(), names)
    for augment, mirrors in (("none", 0), ("crop", 0), ("auto", 1), ("inception", 1)):
        assert warned(caplog, Recipe(augment=augment), HANDS) == mirrors
    assert not warned(caplog, Recipe(masked_target="mean_colour"), HANDS)


def test_a_run_of_segmentation_warns_before_it_starts(caplog, tmp_path):
    data = str(write_masks(tmp_path / "set"))
    recipe = dataclasses.replace(TINY, task="segmentation", data=data, epochs=1)
    prepare(recipe, RunFolder(tmp_path / "run"))
    assert "The classes left and right differ in their side" in caplog.text
