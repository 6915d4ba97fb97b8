import dataclasses
import json
import logging

import numpy as np
import pytest

from keras_vit.training import Recipe, recipe
from keras_vit.training.datasets import load_data
from keras_vit.training.recipes.text import GROUPS, fields_of


def test_a_recipe_survives_json():
    recipe = Recipe(data="cifar10", image_size=(24, 40), num_layers=2, epochs=3)
    text = json.dumps(recipe.to_json())
    assert Recipe.from_json(json.loads(text)) == recipe


def test_a_recipe_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3


def test_a_model_may_have_the_name_that_timm_or_hugging_face_gives_it():
    named = Recipe(model="vit_base_patch16_384.augreg_in21k")
    assert named == Recipe(model="ViT_B16", image_size=384)
    own_size = Recipe(model="google/vit-large-patch32-384", image_size=64)
    assert own_size == Recipe(model="ViT_L32", image_size=64)
    assert Recipe(model="resnetv2_50x1_bit") == Recipe(model="BiT_R50x1")


def test_a_difference_names_both_values():
    assert Recipe().diff(Recipe()) == {}
    difference = Recipe(epochs=3).diff(Recipe(epochs=4, seed=1))
    assert difference == {"epochs": (3, 4), "seed": (0, 1)}


def test_an_unknown_field_names_the_closest_one():
    with pytest.raises(ValueError, match=r"'epoch'.*Did you mean 'epochs'"):
        Recipe.from_json({"epoch": 3})


@pytest.mark.parametrize(
    "values, message",
    [
        ({"epochs": 0}, r"`epochs` must be at least 1\. Received: epochs=0"),
        ({"batch_size": -1}, "batch_size=-1"),
        ({"image_size": 0}, "`image_size` must be positive"),
        ({"image_size": (32, 0)}, "`image_size` must be positive"),
        ({"image_size": (32, 32, 3)}, r"pair \(height, width\).*\(32, 32, 3\)"),
        ({"image_size": 32.5}, "image_size=32.5"),
        ({"image_size": (32, 1.5)}, r"image_size=\(32, 1.5\)"),
        ({"epochs": 1.5}, r"`epochs` must be an integer\. Received: epochs=1.5"),
        ({"batch_size": 2.5, "accumulation_steps": 1}, "`batch_size` must be an int"),
        ({"total_steps": "9"}, "total_steps='9'"),
        ({"seed": 0.5}, "`seed` must be an integer"),
        ({"batch_size": None}, "batch_size=None"),
        ({"warmup_steps": 0.1}, "`warmup_steps` must be an integer"),
        ({"learning_rate": "fast"}, "`learning_rate` must be a number"),
        ({"freeze": "backbone"}, r"\('backbone',\)\. Received: freeze='backbone'"),
        ({"decay_at": 0.5}, "`decay_at` must be a tuple"),
        ({"dropout_rate": 1.0}, r"`dropout_rate` must be in \[0, 1\)"),
        ({"drop_path_rate": -0.1}, "drop_path_rate=-0.1"),
        ({"label_smoothing": 1}, "label_smoothing=1"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0"),
        ({"test_fraction": 1.0}, "test_fraction=1.0"),
        ({"seed": -1}, "seed=-1"),
        ({"pooling": "gaps"}, "Did you mean 'gap'"),
        ({"optimizer": "adam"}, "Did you mean 'adamw'"),
        ({"decay": "rsqr"}, "Did you mean 'rsqrt'"),
        ({"epochs": 3, "total_steps": 9}, r"epochs=3, total_steps=9"),
        ({"total_steps": 0}, "`total_steps` must be at least 1"),
        ({"accumulation_steps": 3}, "batch_size=64, accumulation_steps=3"),
        ({"layer_decay": 0.0}, r"`layer_decay` must be in \(0, 1\]"),
        ({"ema_momentum": 1.0}, r"`ema_momentum` must be in \[0, 1\)"),
        ({"decay_at": (0.6, 0.3)}, "ascending shares"),
        ({"decay_at": (0.6, 1.0)}, "ascending shares"),
        ({"decay_to": (0.0,)}, r"each in \(0, 1\]"),
        ({"decay_to": (0.5, 0.1)}, r"decay_at=\(0.3, 0.6, 0.9\), decay_to=\(0.5, 0.1"),
        ({"decay_every": 1.0}, r"`decay_every` must be in \(0, 1\)"),
        ({"weight_decay_on": "norms"}, "weight_decay_on='norms'"),
        ({"loss": "sigmoid", "label_smoothing": 0.1}, "softmax loss only"),
        ({"loss": "focal", "label_smoothing": 0.1}, "softmax loss only"),
        ({"lora_rank": 0, "weights": "a.npz"}, "`lora_rank` must be at least 1"),
        ({"lora_rank": 4}, "adapts pretrained weights"),
        ({"lora_rank": 4, "weights": "a", "freeze": ("head",)}, "leave `freeze` out"),
        ({"focal_gamma": 1.0}, "belongs to the focal losses.*focal_gamma=1.0"),
        (
            {"class_weights": "balanced", "sampling": "balanced"},
            "corrected twice. Give one of them",
        ),
        (
            {"class_weights": "balanced", "masked_target": "mean_colour"},
            "Pretraining reads no labels",
        ),
        ({"sampling": "balanced", "task": "segmentation"}, "class_weights='balanced'"),
        (
            {
                "class_weights": "balanced",
                "task": "segmentation",
                "pixel_loss": "dice",
            },
            "Dice is a mean over classes already",
        ),
        ({"dtype": "mixed_bf16"}, "Did you mean 'mixed_bfloat16'"),
        ({"model": "ViT_B16", "hidden_dim": 64}, "sizes of ViT_B16 are fixed"),
    ],
)
def test_a_mistake_is_refused_with_its_value(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


def test_numbers_of_numpy_and_integers_for_fractions_are_taken():
    found = Recipe(epochs=np.int64(3), learning_rate=np.float32(0.5), weight_decay=0)
    assert (found.epochs, found.learning_rate, found.weight_decay) == (3, 0.5, 0)
    assert Recipe(freeze=["backbone"]).freeze == ("backbone",)


def test_warmup_is_a_tenth_of_the_run_or_what_was_asked():
    assert Recipe().resolve_warmup(1000) == 100
    assert Recipe(warmup_steps=7).resolve_warmup(1000) == 7
    with pytest.raises(ValueError, match="while the run has 5 updates"):
        Recipe(warmup_steps=5).resolve_warmup(5)


def test_a_run_is_so_many_epochs_or_so_many_updates():
    assert Recipe().epochs == 24 and Recipe().resolve_steps(10) == 240
    recipe = Recipe(total_steps=7)
    assert recipe.epochs is None and recipe.resolve_steps(10) == 7
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_the_recipe_of_an_old_run_is_read():
    # As version 0.1 wrote it.
    old = {
        **{"data": "fashion_mnist_mini", "data_dir": None, "test_fraction": 0.2},
        **{"split_seed": 0, "corrupt": "error", "model": "small", "num_layers": None},
        **{"hidden_dim": None, "mlp_dim": None, "num_heads": None, "image_size": None},
        **{"patch_size": None, "num_channels": None, "pooling": "token"},
        **{"dropout_rate": None, "attention_dropout_rate": 0.0, "dtype": "float32"},
        **{"drop_path_rate": None, "epochs": 24, "batch_size": 64, "decay": "cosine"},
        **{"learning_rate": 0.001, "warmup_steps": None, "weight_decay": 0.1},
        **{"global_clipnorm": 1.0, "label_smoothing": 0.0, "augment": "flip"},
        **{"seed": 0, "jit_compile": "auto"},
    }
    # What it trained in was not yet left to the devices.
    assert Recipe.from_json(old) == Recipe(dtype="float32")


def test_a_recipe_prints_every_field_that_says_something():
    fields = [field.name for field in dataclasses.fields(Recipe)]
    printed = [field.name for group in GROUPS for field in fields_of(Recipe, group)]
    assert sorted(printed) == sorted(fields)
    text = str(Recipe(freeze=("backbone", "head"), layer_decay=0.75))
    assert "backbone head" in text and "0.75" in text
    assert "None" not in text and "decay_timescale" not in text
    assert "decay_timescale" in str(Recipe(decay="rsqrt"))


def test_a_difference_prints_as_a_table_and_takes_a_name():
    found = recipe("vit_finetune_cifar10").diff("vit_finetune")
    assert found["total_steps"] == (10_000, 20_000)
    assert "total_steps    10,000   20,000" in str(found).splitlines()
    assert str(Recipe().diff("small")) == "no difference"
    with pytest.raises(ValueError, match="Did you mean 'vit_finetune_pets'"):
        Recipe().diff("vit_finetune_pet")


def test_scaling_follows_the_source_and_says_so(caplog):
    caplog.set_level(logging.INFO)
    rule = Recipe(
        batch_size=512, learning_rate=0.003, total_steps=500, warmup_steps=100,
        batch_scaling="rate_and_steps",
    )  # fmt: skip
    small = rule.scaled_to(128)
    assert (small.learning_rate, small.total_steps, small.warmup_steps) == (
        0.00075,
        2000,
        400,
    )
    assert "0.00075" in caplog.text and "notebooks of BiT" in caplog.text
    rate = Recipe(batch_scaling="rate", epochs=3).scaled_to(128)
    assert (rate.learning_rate, rate.epochs) == (0.002, 3)
    caplog.clear()
    kept = recipe("vit_finetune").scaled_to(64)
    assert recipe("vit_finetune").diff(kept) == {"batch_size": (512, 64)}
    assert "rate and length stay" in caplog.text
    with pytest.raises(ValueError, match="multiple of `accumulation_steps`"):
        recipe("vit_finetune").scaled_to(4)


def test_the_split_for_the_test_can_be_named():
    data = "fashion_mnist_mini:train[:10]"
    found = Recipe(data=data, test_split="train[10:16]")
    parts = load_data(found)
    assert [part.num_examples for part in parts] == [10, 6]
    assert "test_split" in str(found) and "test_split" not in str(Recipe())
    # Of older runs, whose recipes do not have the field.
    values = found.to_json()
    del values["test_split"]
    assert Recipe.from_json(values) == dataclasses.replace(found, test_split=None)
