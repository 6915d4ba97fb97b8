"""Evaluation steps, their JSON, and the augmentations made from them."""

import json

import numpy as np
import pytest

from keras_vit.data import (
    AUGMENTATIONS,
    Preprocessing,
    augmentation,
    augreg_name,
    from_arrays,
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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmented_batches_keep_shape_dtype_and_range(name, channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 20, 26, channels), np.uint8)
    source = from_arrays(images, np.arange(5) % 3)
    wanted = dict(image_size=(12, 16), num_channels=channels, training=True)
    for x, y in source.batches(4, augment=name, **wanted).take(1):
        assert x.shape == (4, 12, 16, channels) and x.dtype == "float32"
        assert -1 <= np.min(x) < -0.5 and 0.5 < np.max(x) <= 1
        mixed = "light2" in name or "medium" in name or "strong" in name
        assert (y.shape, y.dtype) == (((4, 3), "float32") if mixed else ((4,), "int32"))


def test_augreg_levels_are_those_of_the_paper():
    crop, flip = steps.InceptionCrop(224, 224), steps.Flip()

    def made(name):
        return augmentation(f"augreg_{name}", preprocessing(224)).steps

    assert made("none") == (crop, flip, steps.ValueRange())
    assert made("light1") == (
        *(crop, flip),
        *(steps.RandAugment(2, 0), steps.ValueRange()),
    )
    table = {
        "light2": (10, 0.2),
        "medium1": (15, 0.2),
        "medium2": (15, 0.5),
        "strong1": (20, 0.5),
        "strong2": (20, 0.8),
    }
    for name, (magnitude, alpha) in table.items():
        assert made(name) == (
            *(crop, flip, steps.RandAugment(2, magnitude)),
            *(steps.ValueRange(), steps.Mixup(alpha)),
        )


def test_file_names_count_the_light_levels_from_zero():
    assert augreg_name("light0") == "augreg_light1"
    assert augreg_name("light1") == "augreg_light2"
    for same in ("none", "medium1", "medium2", "strong1", "strong2"):
        assert augreg_name(same) == f"augreg_{same}"
    with pytest.raises(ValueError, match="light0, light1"):
        augreg_name("light2")


def test_crops_of_the_transfers():
    resmall = augmentation("resmall_crop", preprocessing(384)).steps
    assert resmall[:2] == (steps.ResizeSmall(448), steps.RandomCrop(384, 384))
    square = augmentation("resize_crop", preprocessing(384)).steps
    assert square[:2] == (steps.Resize(448, 448), steps.RandomCrop(384, 384))


def test_text_and_list_make_the_same_steps():
    evaluation = preprocessing((224, 192), value_range=(0.0, 1.0))
    text = "inception_crop(area_min=0.3)|flip|mixup(0.2)|label_smoothing(0.1)"
    expected = (
        steps.InceptionCrop(224, 192, area_min=0.3),
        steps.Flip(),
        steps.ValueRange(0.0, 1.0),
        steps.Mixup(0.2),
        steps.LabelSmoothing(0.1),
    )
    made = augmentation(text, evaluation)
    assert made.steps == expected
    assert made.image_steps == expected[:3] and made.batch_steps == expected[3:]
    own = [step for step in expected if not isinstance(step, steps.ValueRange)]
    assert augmentation(own, evaluation) == augmentation(list(expected), evaluation)
    assert augmentation(own, evaluation) == made
    assert Preprocessing.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_own_steps_replace_all_but_the_range():
    own = [steps.Resize(36, 36), steps.RandomCrop(32, 32)]
    assert augmentation(own, preprocessing(32)).steps == (*own, steps.ValueRange())


def test_steps_may_follow_on_a_name():
    evaluation = preprocessing(32, num_channels=1)
    named = augmentation("crop_flip", evaluation).steps
    mixed = augmentation("crop_flip | mixup(0.2)", evaluation).steps
    assert mixed == (*named, steps.Mixup(0.2))
    # A step of that name is the step, as it stands.
    first = augmentation("flip|inception_crop", evaluation).steps[0]
    assert first == steps.Flip()


def test_own_steps_that_leave_the_size_open_follow_the_evaluation():
    evaluation = preprocessing(224, resize="central_crop")
    made = augmentation("flip|mixup(0.2)", evaluation).steps
    assert made == (*evaluation.steps[:2], steps.Flip(), steps.ValueRange(), made[-1])
    flip = augmentation("flip", evaluation)
    assert augmentation([steps.Flip()], evaluation) == flip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocessing(0), "image_size=0"),
        (lambda: preprocessing("big"), "image_size='big'"),
        (lambda: preprocessing(28, num_channels=4), "num_channels=4"),
        (lambda: preprocessing(28, resize="crop"), "resize='crop'"),
        (lambda: augmentation("crop_flop", preprocessing(28)), "'crop_flip'"),
        (lambda: augmentation("augreg_ligth1", preprocessing(28)), "'augreg_light1'"),
        (lambda: augmentation("flip|flop", preprocessing(28)), "'flop' is no step"),
        (
            lambda: augmentation([steps.Mixup(1), steps.Flip()], preprocessing(28)),
            "come after",
        ),
        (
            lambda: augmentation(
                [steps.Resize(28, 28), steps.Mixup(1), steps.ValueRange()],
                preprocessing(28),
            ),
            "come after",
        ),
        (lambda: augmentation([steps.Resize(9, 9)], preprocessing(28)), "28x28"),
        (lambda: augmentation([1], preprocessing(28)), "string or list"),
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
