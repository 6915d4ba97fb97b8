"""A recipe that is cut short keeps its shares of warm-up and cool-down."""

import dataclasses
import types

import pytest
from tiny_runs import TINY, write_images

from keras_vit import cli
from keras_vit.training import Recipe, train
from keras_vit.training.choosing.resolve import keep_shares


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / "images", count=40)  # 64 of 80 are trained on


def parse(*words):
    call = cli.parse(["train", *map(str, words)])
    call.begin()
    return types.SimpleNamespace(recipe=call.resolved()[0])


@pytest.mark.parametrize(
    "name, length, warmup",
    [
        ("vit_finetune_pets", ("--total-steps", 50), 10),  # 100 of 500
        ("vit_finetune_pets", ("--total-steps", 2), 0),
        ("vit_finetune_pets", ("--total-steps", 5000), 1000),
        ("vit_finetune_pets", ("--epochs", 100), 140),  # of seven updates each
        ("plain_vit_s16_90ep", ("--epochs", 9), 1000),  # 10,000 of 90 epochs
        ("plain_vit_s16_90ep", ("--total-steps", 1251), 111),  # of one epoch
    ],
)
def test_a_published_recipe_of_another_length(name, length, warmup):
    assert parse("--recipe", name, *length).recipe.warmup_steps == warmup


def test_what_is_given_stays_and_so_does_a_recipe_of_its_own_length():
    words = ("--recipe", "vit_finetune_pets")
    assert parse(*words, "--seed", 3).recipe.warmup_steps == 100
    assert parse(*words, "--total-steps", 500).recipe.warmup_steps == 100
    found = parse(*words, "--total-steps", 200, "--warmup-steps", 70).recipe
    assert found.warmup_steps == 70
    found = parse(*words, "--total-steps=200", "--warmup_steps=None").recipe
    assert found.warmup_steps is None


def test_passes_over_images_of_ones_own_are_counted(images):
    words = ("--recipe", "vit_finetune_pets", "--data", images, "--batch-size", 8)
    found = parse(*words, "--epochs", 2).recipe
    assert found.warmup_steps == 3  # a fifth of 2 x 8 updates


def test_advice_of_another_length(images):
    words = ("--data", images, "--model", "ViT_Ti16", "--weights", "augreg")
    assert parse(*words, "--epochs", 30).recipe.warmup_steps == 6  # one update each
    assert parse(*words, "--epochs", 1).recipe.warmup_steps == 0


def test_cool_down_and_warm_up_fit_together():
    base = Recipe(total_steps=10, warmup_steps=5, cooldown_steps=5, decay="rsqrt")
    for total in range(1, 30):
        found, _ = keep_shares(dataclasses.replace(base, total_steps=total), base)
        assert found.warmup_steps + found.cooldown_steps <= total
    assert (found.warmup_steps, found.cooldown_steps) == (14, 14)


def test_a_warm_up_beyond_the_end_is_refused_before_anything_is_built(
    images, tmp_path, monkeypatch
):
    def build(*_):
        raise AssertionError("a model was built")

    monkeypatch.setattr("keras_vit.training.run.prepare.build_model", build)
    short = dataclasses.replace(TINY, data=str(images), epochs=1, warmup_steps=16)
    with pytest.raises(ValueError, match="the run has 16 updates"):
        train(short, tmp_path / "run")
