"""One call gives a Python user the recipe that the command line trains with."""

import dataclasses

import pytest
from tiny_runs import write_images

import keras_vit.data
from keras_vit import cli
from keras_vit.training import Recipe, recipe, resolve


@pytest.fixture
def images(tmp_path):
    return str(write_images(tmp_path / "images", count=40))


def of_command(*words):
    call = cli.parse(list(words))
    call.begin()
    return call.resolved()[:2]


def test_nothing_given_is_the_default_and_masking_that_of_pretraining():
    found, reasons = resolve()
    assert found == Recipe(validation_fraction=0.1)
    assert "10% of the training images" in reasons[0] and len(reasons) == 1
    for none in (0, None):  # as it was
        given = {"validation_fraction": none}
        assert resolve(given=given) == (Recipe(**given), [])
    masked, reasons = resolve(given={"masked_target": "pixels"})
    assert (masked.masked_target, masked.epochs, reasons) == ("pixels", 50, [])
    found = resolve(given={"masked_target": "mean_colour"})
    assert found == of_command("pretrain")


def test_published_weights_bring_their_recipe_and_reasons(images, monkeypatch):
    # Other programs may take memory between the two calls.
    module = "keras_vit.training.choosing.resolve"
    monkeypatch.setattr(f"{module}.available_memory", lambda: 2**34)
    given = {"data": images, "model": "ViT_Ti16", "weights": "augreg", "epochs": 3}
    found, reasons = resolve(given=given)
    assert (found.optimizer, found.image_size, found.epochs) == ("sgd", 384, 3)
    assert found.total_steps is None and found.warmup_steps == 0  # a fifth of 3
    assert reasons[0].endswith("Given instead: epochs=3, warmup_steps=0.")
    assert found.validation_fraction == 0.1
    assert reasons[-1].startswith("warmup_steps is 0 instead of 100")
    words = ["--data", images, "--model", "ViT_Ti16", "--weights", "augreg"]
    assert (found, reasons) == of_command("train", *words, "--epochs", "3")


def test_the_image_size_in_the_name_of_a_model_counts_as_given(images):
    given = {"data": images, "weights": "augreg", "model": "vit_tiny_patch16_224"}
    found, reasons = resolve(given=given)
    assert (found.model, found.image_size) == ("ViT_Ti16", 224)
    assert any("Given instead: image_size=224" in why for why in reasons)
    found, _ = resolve(given={**given, "image_size": 96})
    assert found.image_size == 96


def test_a_base_is_a_name_a_recipe_or_auto(images):
    base = recipe("vit_finetune_pets")
    for start in ("vit_finetune_pets", base):
        found, reasons = resolve(start, {"total_steps": 50})
        assert found == dataclasses.replace(base, total_steps=50, warmup_steps=10)
        assert len(reasons) == 1
    place = keras_vit.data.open_place(images)
    found, reasons = resolve("auto", {"data": images}, place=place)
    assert found.label_smoothing == 0.1 and "our own recipe" in reasons[0]


@pytest.mark.parametrize(
    "base, given, message",
    [
        (None, {"epochs": 0}, "`epochs` must be at least 1"),
        (None, {"epochs": 3, "total_steps": 9}, "epochs=3, total_steps=9"),
        ("vit_finetun", {}, "Did you mean 'vit_finetune'"),
        ("auto", {"masked_target": "pixels"}, "none for pretraining"),
        ("auto", {"data": "./nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(base, given, message):
    with pytest.raises(ValueError, match=message):
        resolve(base, given)
