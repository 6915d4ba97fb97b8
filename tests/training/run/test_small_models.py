"""The small models: a ViT, a BiT, a hybrid and a U-Net, of a recipe's sizes."""

import dataclasses
import json

import pytest
from test_train import At, PowerCut, cut_power
from tiny_runs import assert_same_bits, finished, write_images

import keras_vit
from keras_vit.cli import main, parse
from keras_vit.training import Recipe, train
from keras_vit.training.model_arguments import SMALL, SMALL_FAMILIES, model_arguments
from keras_vit.training.recipes.checks import SIZES
from keras_vit.training.recipes.files import find_recipe, model_of_run
from keras_vit.training.run.build import build_model, check_model

TINY = Recipe(
    model="small_bit", num_blocks=(1, 1), epochs=2, batch_size=4, jit_compile="no"
)


def made(native, **fields):
    recipe = Recipe(**fields)
    given = model_arguments(recipe, native_size=native, num_channels=1)
    return build_model(recipe, 3, given)


def test_a_small_model_is_what_its_builder_makes_of_the_sizes():
    model = made((28, 20), model="small_bit", num_blocks=(2, 1), width_factor=1)
    assert (model.settings["family"], model.name) == ("bit", "bit_small")
    assert model.input_shape == (None, 28, 20, 1)  # the images as they come
    assert model.settings["arguments"]["num_blocks"] == [2, 1]
    alone = keras_vit.BiT(
        3, num_blocks=(2, 1), width_factor=1, image_size=(28, 20), num_channels=1
    )
    assert model.count_params() == alone.count_params()
    hybrid = made(None, model="small_hybrid", num_layers=1)
    assert hybrid.settings["family"] == "hybrid"
    assert hybrid.input_shape == (None, 64, 64, 1)  # of images of many sizes
    assert hybrid.get_layer("patches").output.shape[1] == 8 * 8
    for model, family in SMALL_FAMILIES.items():
        assert set(SMALL[model]) & set(SIZES), model
        assert f"{family}_small" == made((16, 16), model=model).name


def test_a_small_unet_has_a_class_for_every_pixel_and_a_fourth_of_the_channels():
    fields = {"task": "segmentation", "model": "small_unet"}
    model = made((70, 40), **fields)  # rounded to what can be halved four times
    assert model.output_shape == (None, 64, 32, 3)
    sizes = {"padding": "same", "batch_norm": True, "skip_first": True}
    widths = (16, 32, 64, 128, 256)
    alone = keras_vit.UNet(3, widths=widths, image_size=(64, 32), **sizes)
    assert model.count_params() == alone.count_params()
    assert made(None, **fields, width_factor=1).get_layer("down0_conv1").filters == 32
    for wrong in ({"head": "linear"}, {"task": "classification"}):
        with pytest.raises(ValueError, match="UNet gives a class to every pixel"):
            check_model(Recipe(**{**fields, **wrong}))


def test_a_hybrid_can_be_pretrained_and_a_resnet_cannot():
    check_model(Recipe(model="small_hybrid", masked_target="pixels"))
    with pytest.raises(ValueError, match="small_bit has none"):
        check_model(Recipe(model="small_bit", masked_target="pixels"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "small_bit", "hidden_dim": 64}, "has the sizes num_blocks, width"),
        ({"width_factor": 1}, r"'small' has the sizes .*width_factor=1"),
        ({"model": "small_bit", "num_blocks": ()}, "numbers of units in each stage"),
        ({"model": "small_bit", "num_blocks": (1, 0)}, "numbers of units"),
        ({"model": "small_bit", "num_blocks": 3}, "numbers of units"),
        ({"model": "small_bit", "width_factor": 0.75}, "multiple of 0.5"),
        ({"model": "small_bit", "width_factor": 0}, "multiple of 0.5"),
        ({"model": "small_bit", "width_factor": "1"}, "must be a number"),
        ({"model": "BiT_R50x1", "num_blocks": (1,)}, "sizes of BiT_R50x1 are fixed"),
    ],
)
def test_sizes_that_a_model_does_not_have_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**fields)


def test_the_sizes_come_from_files_and_from_the_command_line(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(TINY.to_json()))
    assert find_recipe(str(tmp_path / "mine.json")) == TINY
    words = "train --model small_bit --num-blocks 2 1 --width-factor 1.5"
    call = parse([*words.split(), "--recipe", str(tmp_path / "mine.json")])
    call.begin()
    found = call.resolved()[0]
    assert (found.num_blocks, found.width_factor) == ((2, 1), 1.5)
    assert found.epochs == TINY.epochs


def test_a_small_bit_is_trained_evaluated_and_trained_further(tmp_path, capsys):
    data, run = write_images(tmp_path / "photos"), tmp_path / "run"
    words = ["train", "--data", str(data), "--model", "small_bit", "--epochs", "1"]
    words += ["--num-blocks", "1", "--batch-size", "4", "--jit-compile", "no"]
    assert main([*words, "--run", str(run), "--no-check"]) == 0
    assert "test accuracy: " in capsys.readouterr().out
    record = json.loads((run / "run.json").read_text())
    assert record["resolved"]["model"]["num_blocks"] == [1]
    # What was counted before the run, for ten classes, and after it.
    before = dataclasses.replace(find_recipe(str(run)), image_size=8, num_channels=1)
    cost = before.cost(record["data"]["train"]["num_examples"])
    extra = 3 * cost.images * 2 * 128 * (10 - 2)
    assert cost.flops == pytest.approx(record["cost"]["flops"] + extra)
    # The model of a run's weights is that of the run.
    found = model_of_run(run)
    assert found["position_scope"] == "input"
    assert (found["model"], found["num_blocks"]) == ("small_bit", (1,))
    call = parse(["train", "--weights", str(run), "--data", str(data)])
    call.begin()
    assert call.resolved()[0].num_blocks == (1,)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["small_bit", "small_hybrid"])
def test_a_small_model_that_was_stopped_ends_with_the_same_bits(model, tmp_path):
    data = str(write_images(tmp_path / "photos"))
    recipe = dataclasses.replace(TINY, model=model, data=data)
    whole = finished(recipe, tmp_path / "whole")
    with pytest.raises(PowerCut):
        train(recipe, tmp_path / "run", save_steps=1, callbacks=[At(6, cut_power)])
    rest = finished(recipe, tmp_path / "run", resume=True)
    assert_same_bits(rest.variables, whole.variables)
    assert rest.history_text == whole.history_text
