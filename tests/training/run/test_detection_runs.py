"""Runs that learn classes and boxes of objects."""

import dataclasses

import keras
import numpy as np
import pytest
from test_segmentation_runs import After, PowerCut
from tiny_runs import TINY, assert_same_bits, finished, write_boxes

from keras_vit.training import Recipe, resolve
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.recipes.starts import DETECTION
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run.build import build_model, check_model, compile_model
from keras_vit.training.run.kept import kept_row

TINY = dataclasses.replace(TINY, task="detection", augment="none")
SIZES = {"image_size": (16, 24), "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
PLAIN = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "drop_path_rate": 0.0}


@pytest.mark.parametrize(
    "values, message",
    [
        ({"head": "mask"}, "Only segmentation reads head"),
        ({"pixel_loss": "dice"}, "Only segmentation reads pixel_loss"),
        ({"pooling": "gap"}, "Only classification reads pooling"),
        ({"label_smoothing": 0.1}, "learned by the focal loss"),
        ({"masked_target": "pixels"}, "pretrain first.* run for detection"),
    ],
)
def test_a_recipe_that_contradicts_its_task_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(task="detection", **values)


@pytest.mark.parametrize("model", ["LeNet5", "UNet", "YOLOS_Ti"])
def test_a_model_that_is_no_backbone_is_refused(model):
    with pytest.raises(ValueError, match="needs a model with a feature map"):
        check_model(Recipe(task="detection", model=model))


def test_the_best_weights_of_boxes_are_those_of_the_lowest_loss():
    rows = [{"val_loss": 0.9}, {"val_loss": 0.4}, {"val_loss": 0.5}]
    recipe = dataclasses.replace(TINY, keep="best", validation_fraction=0.1)
    assert kept_row(recipe, rows) is rows[1]


def test_what_is_not_given_follows_from_task_and_weights():
    given = {"data": "x", "task": "detection"}
    recipe, reasons = resolve(given=given)
    parted = {"data": "x", "validation_fraction": 0.1}
    assert recipe == dataclasses.replace(DETECTION, **parted) and len(reasons) == 1
    given |= {"model": "ViT_S16", "weights": "augreg", "epochs": 9}
    recipe, reasons = resolve(given=given)
    assert (recipe.optimizer, recipe.learning_rate) == ("adamw", 1e-4)
    assert "ViTDet" in reasons[0] and reasons[0].endswith("instead: epochs=9.")
    with pytest.raises(ValueError, match="learns classes of images"):
        resolve("auto", given)


def objects_of(count):
    """Images and objects: none in the first image, a crowd in the last."""
    random = np.random.default_rng(0)
    images = random.normal(size=(count, 16, 24, 1)).astype("float32")
    corner = random.uniform(0, 8, (count, 2, 2))
    boxes = np.concatenate([corner, corner + random.uniform(5, 8, corner.shape)], -1)
    classes = random.integers(0, 2, (count, 2)).astype("int32")
    classes[0] = -1
    classes[1, 1] = -1
    crowd = np.zeros((count, 2), bool)
    crowd[-1, 0] = True
    return images, {
        "boxes": boxes.astype("float32"),
        "classes": classes,
        "crowd": crowd,
    }


def trainer_of(**changes):
    recipe = dataclasses.replace(TINY, optimizer="sgd", warmup_steps=0, **changes)
    dtype = {} if recipe.dtype == "auto" else {"dtype": recipe.dtype}
    model = build_model(recipe, 2, {**SIZES, **PLAIN, **dtype})
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=20)
    return trainer


def test_parts_of_a_batch_with_unequal_objects_make_the_update_of_the_whole():
    found = []
    for parts in (1, 2):
        trainer = trainer_of(accumulation_steps=parts, batch_size=4)
        metrics = trainer.train_on_batch(*objects_of(4))
        assert np.isfinite(metrics).all()
        found.append([metrics, *map(keras.ops.convert_to_numpy, trainer.weights)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_half_precision_learns_from_finite_numbers():
    trainer = trainer_of(dtype="mixed_bfloat16")
    assert np.isfinite(trainer.train_on_batch(*objects_of(4))).all()
    outputs = trainer(objects_of(2)[0])
    assert {keras.backend.standardize_dtype(v.dtype) for v in outputs.values()} == {
        "float32"
    }


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return write_boxes(tmp_path_factory.mktemp("set") / "my boxes")


@pytest.fixture(scope="module")
def recipe(boxes):
    """Two updates an epoch, four in all; dropout and averages of the weights."""
    return dataclasses.replace(TINY, data=str(boxes), augment="flip", ema_momentum=0.5)


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    return finished(recipe, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.slow
def test_a_run_says_what_it_learned(whole):
    folder, row = whole.result.folder, whole.result.metrics
    assert 0 < row["val_loss"] < np.inf
    model = whole.result.load_model()
    assert model.metadata["task"] == "detection"
    assert model.metadata["class_names"] == ["grey", "light"]
    assert model.metadata["image_size"] == [16, 24]
    record = folder.read_record()
    assert record["data"]["train"]["num_examples"] == 9
    assert folder.curves.exists()


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_bits(recipe, whole, tmp_path):
    with pytest.raises(PowerCut):
        finished(recipe, tmp_path / "run", After(3), save_steps=1)
    rest = finished(recipe, tmp_path / "run", resume=True)
    assert_same_bits(rest.variables, whole.variables)
    assert rest.history_text == whole.history_text


@pytest.mark.slow
def test_a_run_goes_on_with_other_boxes_and_classes(whole, tmp_path):
    folder = whole.result.folder.path
    others = write_boxes(tmp_path / "others", seed=1)
    given = {"data": str(others), "weights": str(folder), "epochs": 1}
    recipe, _ = resolve(given=given)
    assert (recipe.task, recipe.hidden_dim) == ("detection", 8)
    arguments = model_arguments(recipe, native_size=(16, 24), num_channels=1)
    again = build_model(recipe, 2, arguments)
    assert_same_bits(again.get_weights(), whole.result.load_model().get_weights())
    other = build_model(recipe, 5, arguments)
    assert other.output["logits"].shape == (None, 24, 5)


def test_the_backbone_alone_can_be_frozen():
    model = build_model(dataclasses.replace(TINY, freeze=("backbone",)), 2, SIZES)
    names = {v.path.split("/")[0] for v in model.trainable_variables}
    assert names and all(
        name.startswith(("stride", "class_", "box_", "centre")) for name in names
    )
    frozen = {v.path.split("/")[0] for v in model.non_trainable_variables}
    assert any(name.startswith("block") for name in frozen)


def test_a_model_of_images_gives_its_backbone(tmp_path):
    images = dataclasses.replace(TINY, task="classification", pooling="gap")
    first = build_model(images, 4, {**SIZES, "pooling": "gap"})
    first.save(tmp_path / "model.keras")
    options = {**SIZES, "weights": str(tmp_path / "model.keras")}
    model = build_model(dataclasses.replace(TINY, weights="x"), 3, options)
    of_backbone = [v for v in model.variables if v.path.startswith("block")]
    assert of_backbone
    for variable in of_backbone:
        (own,) = (v for v in first.variables if v.path == variable.path)
        np.testing.assert_array_equal(variable, own)
