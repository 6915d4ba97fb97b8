"""Runs that learn a class for every pixel."""

import dataclasses

import keras
import numpy as np
import pytest
from tiny_runs import TINY, assert_same_bits, finished, write_masks

from keras_vit.training import Recipe, resolve
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.recipes.starts import SEGMENTATION
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run.build import build_model, check_model, compile_model
from keras_vit.training.run.kept import kept_row

TINY = dataclasses.replace(TINY, task="segmentation", augment="none")
SIZES = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
PLAIN = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "drop_path_rate": 0.0}


@pytest.mark.parametrize(
    "values, message",
    [
        ({"head": "mask"}, r"Only segmentation reads head\."),
        ({"pixel_loss": "dice"}, "Only segmentation reads pixel_loss"),
        ({"task": "segmentation", "pooling": "gap"}, "Only classification reads pool"),
        ({"task": "segmentation", "loss": "sigmoid"}, "Only classification reads loss"),
        ({"task": "segmentation", "masked_target": "pixels"}, "pretrain first"),
        ({"task": "segmentation", "head": "unet"}, "head='unet'"),
        (
            {
                "task": "segmentation",
                "pixel_loss": "crossentropy_dice",
                "accumulation_steps": 2,
            },
            "areas of the whole batch, which parts of a batch do not know",
        ),
        (
            {"task": "segmentation", "pixel_loss": "dice", "label_smoothing": 0.1},
            "for the cross-entropy only",
        ),
    ],
)
def test_a_recipe_that_contradicts_its_task_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"model": "UNet", "head": "mask"}, "without another head"),
        ({"model": "LeNet5"}, "needs a model with a feature map, of the families unet"),
        ({"model": "UNet", "task": "classification"}, "for the task segmentation"),
    ],
)
def test_a_model_without_a_map_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        check_model(Recipe(**{"task": "segmentation", **values}))


def test_the_best_weights_of_masks_are_those_of_the_best_mean_iou():
    rows = [
        {"val_accuracy": 0.9, "val_mean_iou": 0.3},
        {"val_accuracy": 0.8, "val_mean_iou": 0.4},
    ]
    recipe = dataclasses.replace(TINY, keep="best", validation_fraction=0.1)
    assert kept_row(recipe, rows) is rows[1]


def test_what_is_not_given_follows_from_task_and_weights():
    given = {"data": "x", "task": "segmentation"}
    recipe, reasons = resolve(given=given)
    parted = {"data": "x", "validation_fraction": 0.1}
    assert recipe == dataclasses.replace(SEGMENTATION, **parted) and len(reasons) == 1
    given |= {"model": "ViT_S16", "weights": "augreg"}
    recipe, reasons = resolve(given=given)
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == (
        *("sgd", 1e-3, 8),
    )
    assert "Segmenter" in reasons[0] and recipe.warmup_steps == 0
    given |= {"head": "upsampler", "batch_size": 4}
    recipe, reasons = resolve(given=given)
    assert (recipe.learning_rate, recipe.batch_size) == (1e-2, 4)
    assert "TransUNet" in reasons[0] and reasons[0].endswith("instead: batch_size=4.")
    with pytest.raises(ValueError, match="learns classes of images"):
        resolve("auto", given)


@pytest.mark.parametrize(
    "model, native, size, patch",
    [
        ("small", (40, 64), (40, 64), 8),
        ("small", (30, 61), (32, 64), 8),
        ("small", (300, 500), (128, 128), 8),
        ("small", None, (128, 128), 8),
        ("small_bit", (40, 100), (32, 96), None),
    ],
)
def test_a_small_model_cuts_images_into_fine_patches(model, native, size, patch):
    recipe = Recipe(task="segmentation", model=model)
    found = model_arguments(recipe, native_size=native, num_channels=3)
    assert tuple(found["image_size"]) == size and found.get("patch_size") == patch


@pytest.mark.slow
def test_a_unet_is_padded_and_gives_every_pixel_a_class():
    recipe = dataclasses.replace(SEGMENTATION, model="UNet", image_size=(16, 32))
    arguments = model_arguments(recipe, native_size=None, num_channels=1)
    arguments |= {"widths": (2, 3)}
    model = build_model(recipe, 3, arguments)
    assert model.output_shape == (None, 16, 32, 3)
    compile_model(model, recipe, total_steps=10)
    images = np.random.default_rng(0).normal(size=(2, 16, 32, 1)).astype("float32")
    loss, *_ = model.train_on_batch(images, np.zeros((2, 16, 32), "int32"))
    assert np.isfinite(loss)


def trainer_of(**changes):
    recipe = dataclasses.replace(TINY, optimizer="sgd", warmup_steps=0, **changes)
    model = build_model(recipe, 3, {**SIZES, **PLAIN})
    head = model.get_layer("head").kernel
    head.assign(np.random.default_rng(1).normal(size=head.shape))
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=20)
    return trainer


@pytest.mark.parametrize(
    "loss",
    [
        "crossentropy",
        pytest.param("focal", marks=pytest.mark.slow),
        pytest.param("dice", marks=pytest.mark.slow),
    ],
)
def test_parts_of_a_batch_with_unequal_labels_make_the_update_of_the_whole(loss):
    random = np.random.default_rng(0)
    images = random.normal(size=(8, 8, 8, 1)).astype("float32")
    masks = random.integers(0, 3, (8, 8, 8)).astype("int32")
    masks[:3] = 255  # the first part has one image with labels, a row of it
    masks[3, :7] = 255
    weights = () if loss == "dice" else ((masks != 255).astype("float32"),)
    found = []
    for parts in (1, 2):
        trainer = trainer_of(pixel_loss=loss, accumulation_steps=parts, batch_size=8)
        metrics = trainer.train_on_batch(images, masks, *weights)
        assert np.isfinite(metrics).all()
        found.append([metrics, *map(keras.ops.convert_to_numpy, trainer.weights)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_the_loss_of_a_batch_is_the_mean_over_its_labelled_pixels():
    trainer = trainer_of(pixel_loss="crossentropy")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    masks = np.full((2, 8, 8), 255)
    masks[0, 0, :2] = 0, 1
    logits = np.asarray(trainer(images, training=False), "float64")[0, 0, :2]
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(logits[0, 0] + logits[1, 1]) / 2
    weights = (masks != 255).astype("float32")
    loss, *_ = trainer.test_on_batch(images, masks, weights)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    nothing = np.full_like(masks, 255)
    loss, *_ = trainer.test_on_batch(images, nothing, np.zeros_like(weights))
    assert loss == 0.0


class PowerCut(Exception):
    pass


class After(keras.callbacks.Callback):
    """Raises after so many updates."""

    def __init__(self, updates):
        super().__init__()
        self.updates = updates

    def on_train_batch_end(self, batch, logs=None):
        self.updates -= 1
        if not self.updates:
            raise PowerCut


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    return write_masks(tmp_path_factory.mktemp("set") / "my masks")


@pytest.fixture(scope="module")
def recipe(masks):
    """Two updates an epoch, four in all; dropout and averages of the weights."""
    return dataclasses.replace(
        TINY, data=str(masks), augment="flip", ema_momentum=0.5, head="mask"
    )


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    return finished(recipe, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.slow
def test_a_run_says_what_it_learned(whole, masks):
    folder, row = whole.result.folder, whole.result.metrics
    assert 0 <= row["val_mean_iou"] <= row["val_accuracy"] <= 1
    model = whole.result.load_model()
    names = ["background", "left", "right"]
    assert model.metadata["task"] == "segmentation"
    assert model.metadata["class_names"] == names
    assert model.metadata["image_size"] == [8, 12]
    record = folder.read_record()
    assert record["data"]["class_names"] == names
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
def test_a_run_goes_on_with_other_masks_and_classes(whole, tmp_path):
    folder = whole.result.folder.path
    others = write_masks(tmp_path / "others", seed=1)
    given = {"data": str(others), "weights": str(folder), "epochs": 1}
    recipe, _ = resolve(given=given)
    assert (recipe.task, recipe.head, recipe.hidden_dim) == ("segmentation", "mask", 8)
    arguments = model_arguments(recipe, native_size=(8, 12), num_channels=1)
    again = build_model(recipe, 3, arguments)
    assert_same_bits(again.get_weights(), whole.result.load_model().get_weights())
    other = build_model(recipe, 5, arguments)
    assert other.output_shape == (None, 8, 12, 5)
    wrong = dataclasses.replace(recipe, head="linear")
    with pytest.raises(ValueError, match="mask_transformer"):
        build_model(wrong, 3, arguments)


def test_the_backbone_alone_can_be_frozen(recipe):
    frozen = dataclasses.replace(recipe, freeze=("backbone",))
    arguments = model_arguments(frozen, native_size=(8, 12), num_channels=1)
    model = build_model(frozen, 3, arguments)
    paths = [v.path for v in model.trainable_variables]
    assert paths and all(path.startswith("mask_transformer") for path in paths)


def test_half_precision_leaves_the_logits_in_full():
    recipe = dataclasses.replace(TINY, dtype="mixed_bfloat16", head="mask")
    model = build_model(recipe, 3, {**SIZES, "dtype": "mixed_bfloat16"})
    assert model.output.dtype == "float32"
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=20)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    masks = np.zeros((2, 8, 8), "int32")
    metrics = trainer.train_on_batch(images, masks, np.ones((2, 8, 8), "float32"))
    assert np.isfinite(metrics).all()


def test_a_model_of_images_gives_its_backbone(tmp_path):
    images = dataclasses.replace(TINY, task="classification", pooling="gap")
    first = build_model(images, 4, {**SIZES, "pooling": "gap"})
    first.save(tmp_path / "model.keras")
    options = {**SIZES, "weights": str(tmp_path / "model.keras")}
    model = build_model(dataclasses.replace(TINY, weights="x"), 3, options)
    for variable in model.variables:
        if variable.path.startswith(("block", "patch", "position")):
            (own,) = (v for v in first.variables if v.path == variable.path)
            np.testing.assert_array_equal(variable, own)
