"""The recipe that is chosen for somebody's images, and the options that change it."""

import dataclasses
import json
import types

import pytest
from tiny_runs import write_images

from keras_vit import cli
from keras_vit.data.readers import folders
from keras_vit.training import Recipe
from keras_vit.training.choosing.choose import choose
from keras_vit.training.choosing.resolve import advise


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / "images", count=40)


def test_little_data_gets_the_short_published_run(images):
    given = Recipe(str(images), model="ViT_Ti16", weights="augreg")
    fields, reasons = advise(given)
    assert fields["optimizer"] == "sgd" and fields["image_size"] == 384
    assert fields["batch_size"] == 64  # there are 64 training images
    assert any("only 64 images" in reason for reason in reasons)


def test_little_memory_splits_the_batch(images, monkeypatch):
    given = Recipe(str(images), model="ViT_Ti16", weights="augreg")
    parts = {}
    for memory in (2**30, 2**36):
        name = "keras_vit.training.choosing.resolve.available_memory"
        monkeypatch.setattr(name, lambda memory=memory: memory)
        fields, _ = advise(given)
        parts[memory] = fields.get("accumulation_steps", 1)
    assert parts[2**30] > 1 and parts[2**36] == 1


def parse(*words):
    call = cli.parse(["train", *words])
    call.begin()
    recipe, reasons, _ = call.resolved()
    return types.SimpleNamespace(recipe=recipe, reasons=reasons)


def test_weights_call_for_advice_and_options_win(images, caplog):
    words = ["--data", str(images), "--model", "ViT_Ti16", "--weights", "augreg"]
    call = parse(*words, "--learning-rate", "0.5", "--epochs", "3")
    assert call.recipe.weights == "augreg" and call.recipe.optimizer == "sgd"
    assert call.recipe.learning_rate == 0.5
    assert call.recipe.epochs == 3 and call.recipe.total_steps is None
    assert call.reasons
    assert parse(*words).recipe.total_steps == 500


def test_a_named_recipe_is_not_replaced_by_advice(images):
    words = ["--data", str(images), "--model", "ViT_Ti16", "--weights", "augreg"]
    call = parse(*words, "--recipe", "vit_finetune_cifar10")
    assert call.recipe.total_steps == 10_000 and call.reasons == []


def test_auto_advises_on_random_weights_too(images):
    call = parse("--data", str(images), "--recipe", "auto")
    assert call.recipe.label_smoothing == 0.1
    assert any("our own recipe" in reason for reason in call.reasons)
    assert parse("--data", str(images)).recipe.label_smoothing == 0.0


def test_reasons_say_what_was_given_instead(images, caplog):
    caplog.set_level("INFO")
    call = parse("--data", str(images), "--recipe", "auto", "--epochs", "1")
    own, optimizer, augment, _ = call.reasons
    assert own.endswith("section 4.3). Given instead: epochs=1.")
    assert "instead" not in optimizer and "instead" not in augment
    assert "Given instead: epochs=1." in caplog.text
    words = ["--data", str(images), "--model", "ViT_Ti16", "--weights", "augreg"]
    given = ["--image-size", "32", "--learning-rate", "0.003", "--total-steps", "10"]
    reasons = parse(*words, *given, "--weight-decay", "0.1").reasons
    changes = [reason.partition(" Given instead: ")[2] for reason in reasons]
    expected = ["total_steps=10, warmup_steps=2.", "weight_decay=0.1.", ""]
    assert changes[:5] == [*expected, "image_size=32.", ""]
    assert json.loads(json.dumps(reasons)) == list(reasons)


def test_every_field_of_a_reason_is_one_of_a_recipe(images):
    names = {field.name for field in dataclasses.fields(Recipe)}
    for model, weights, count, memory in (
        ("ViT_B16", "augreg", 40, 2),
        ("BiT_R50x1", "bit-m", 40, 2),
        ("small", None, 40, 2),
        ("ViT_S16", None, 10**6, 2),
    ):
        _, reasons = choose(count, 2, 32, model, weights, at_once=memory)
        assert all(fields and names >= {*fields} for _, fields in reasons)


@pytest.mark.parametrize("start", ["auto", "vit_finetune_pets"])
def test_a_folder_is_scanned_once_before_the_model_is_built(
    start, images, tmp_path, monkeypatch
):
    scans = []
    scan = folders.scan
    monkeypatch.setattr(
        folders, "scan", lambda path, *few: scans.append(path) or scan(path, *few)
    )

    def stop(*_):
        raise ValueError("stopped here")

    monkeypatch.setattr("keras_vit.training.run.prepare.build_model", stop)
    words = ["train", "--data", str(images), "--recipe", start, "--epochs", "2"]
    words += ["--model", "small", "--weights", "None", "--image-size", "28"]
    assert cli.main([*words, "--run", str(tmp_path / "run"), "--no-check"]) == 1
    assert scans == [str(images)]
