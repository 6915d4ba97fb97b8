"""Evaluation steps, their JSON, and the augmentations made from them."""

import json

import pytest

from keras_vit.data import (
    AUGMENTATIONS,
    Preprocessing,
    augmentation,
    preprocessing,
    steps,
)

EVERY_STEP = (
    steps.ResizeSmall(40, "bicubic"),
    steps.CentralCrop(36, 32),
    steps.Pad(2, "reflect"),
    steps.RandomCrop(34, 30),
    steps.InceptionCrop(20, 22, area_min=0.3),
    steps.Resize(16, 24, antialias=True),
    steps.Flip(0.25),
    steps.ValueRange(0.0, 1.0),
)


def test_json_gives_the_same_steps_back():
    before = Preprocessing(EVERY_STEP, 1)
    after = Preprocessing.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert after.image_size == (16, 24)


def test_default_is_the_official_evaluation():
    assert preprocessing(224).to_json() == {
        "num_channels": 3,
        "steps": [
            {
                "step": "resize",
                "height": 224,
                "width": 224,
                "method": "bilinear",
                "antialias": False,
            },
            {"step": "value_range", "low": -1.0, "high": 1.0},
        ],
    }


def test_central_crop_takes_224_from_256():
    made = preprocessing((224, 160), resize="central_crop", num_channels=1)
    assert made.steps[0] == steps.ResizeSmall(256)
    assert made.image_size == (224, 160)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("size", [(28, 28), (160, 120)])
def test_augmentations_keep_size_channels_and_range(name, size):
    evaluation = preprocessing(size, num_channels=1, value_range=(0.0, 1.0))
    training = augmentation(name, evaluation)
    assert training.image_size == size
    assert training.num_channels == 1
    assert training.image_steps[-1] == steps.ValueRange(0.0, 1.0)


def test_auto_crops_small_images_and_zooms_large_ones():
    small = augmentation("auto", preprocessing(32)).steps
    assert steps.Pad(4) in small and steps.Flip() in small
    assert (
        steps.InceptionCrop(224, 224) in augmentation("auto", preprocessing(224)).steps
    )


def test_own_steps_replace_all_but_the_range():
    own = [steps.Resize(36, 36), steps.RandomCrop(32, 32)]
    assert augmentation(own, preprocessing(32)).steps == (*own, steps.ValueRange())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocessing(0), "image_size=0"),
        (lambda: preprocessing("big"), "image_size='big'"),
        (lambda: preprocessing(28, num_channels=4), "num_channels=4"),
        (lambda: preprocessing(28, resize="crop"), "resize='crop'"),
        (lambda: augmentation("crop_flop", preprocessing(28)), "'crop_flip'"),
        (lambda: augmentation([steps.Resize(9, 9)], preprocessing(28)), "28x28"),
        (lambda: augmentation([1], preprocessing(28)), "list of steps"),
        (lambda: Preprocessing((steps.Flip(),)), "fix the size"),
        (
            lambda: Preprocessing((steps.Resize(8, 8), steps.CentralCrop(9, 4))),
            "can't be larger",
        ),
        (lambda: Preprocessing.from_json({"steps": []}), "num_channels"),
        (
            lambda: Preprocessing.from_json(
                {"num_channels": 3, "steps": [{"step": "x"}]}
            ),
            "step='x'",
        ),
        (
            lambda: Preprocessing.from_json(
                {"num_channels": 3, "steps": [{"step": "flip", "p": 1}]}
            ),
            "probability",
        ),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
