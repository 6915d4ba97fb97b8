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
                "fit": "stretch",
                "pillow": False,
            },
            {"step": "value_range", "low": -1.0, "high": 1.0},
        ],
    }


def test_central_crop_takes_224_from_256():
    made = preprocessing((224, 160), resize="central_crop", num_channels=1)
    assert made.steps[0] == steps.ResizeSmall(256)
    assert made.image_size == (224, 160)


def test_augmentations_keep_size_channels_and_range():
    for name in AUGMENTATIONS:
        for size in ((28, 28), (160, 120)):
            evaluation = preprocessing(size, num_channels=1, value_range=(0.0, 1.0))
            training = augmentation(name, evaluation)
            assert (training.image_size, training.num_channels) == (size, 1), name
            assert training.image_steps[-1] == steps.ValueRange(0.0, 1.0), name


def test_auto_crops_small_images_and_zooms_large_ones():
    small = augmentation("auto", preprocessing(32)).steps
    assert steps.Pad(4) in small and steps.Flip() in small
    assert (
        steps.InceptionCrop(224, 224) in augmentation("auto", preprocessing(224)).steps
    )


SIZE = (12, 16)
IMAGES = np.random.default_rng(0).integers(0, 256, (16, 20, 26, 3), np.uint8)


def one_batch(augment, images=IMAGES, **options):
    """Images and labels as they are trained on, and the evaluation's, by label."""
    source = from_arrays(images, np.arange(len(images)))
    options |= dict(image_size=SIZE, num_channels=images.shape[-1])
    training = source.batches(len(images), training=True, augment=augment, **options)
    ((x, y),) = training.take(1).as_numpy_iterator()
    ((evaluation, _),) = source.batches(len(images), **options).as_numpy_iterator()
    assert x.shape == evaluation.shape and x.dtype == "float32"
    return x, y, evaluation


def test_without_augmentation_the_evaluation_is_trained_on():
    x, y, evaluation = one_batch("none")
    assert y.dtype == "int32" and sorted(y) == list(range(16))
    np.testing.assert_array_equal(x, evaluation[y])


def test_a_random_crop_is_a_window_of_the_padded_image_as_it_is_or_mirrored():
    x, y, evaluation = one_batch("crop_flip", IMAGES[..., :1])
    pad = augmentation("crop_flip", preprocessing(SIZE)).steps[1].pixels
    pads = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    black = np.pad(evaluation, pads, constant_values=-1.0)
    view = np.lib.stride_tricks.sliding_window_view(black, SIZE, axis=(1, 2))
    places, mirrored = set(), set()
    for image, label in zip(x[..., 0], y):
        for mirror in (False, True):
            wanted = image[:, ::-1] if mirror else image
            close = np.abs(view[label, :, :, 0] - wanted).max((-1, -2)) < 1e-5
            if close.any():
                places.add(tuple(np.argwhere(close)[0]))
                mirrored.add(mirror)
                break
        else:
            raise AssertionError(f"image {label} is no window of its own")
    assert len(places) > 4 and mirrored == {False, True}


def test_images_are_mixed_as_their_labels_are():
    values = np.linspace(0, 255, 16).astype("uint8")
    images = np.broadcast_to(values[:, None, None, None], (16, 20, 26, 3))
    x, y, evaluation = one_batch("inception|mixup(0.5)", np.ascontiguousarray(images))
    assert y.shape == (16, 16) and ((y > 0).sum(1) <= 2).all() and (y > 0).sum() > 20
    mixed = y @ evaluation[:, 0, 0, 0]  # every image has one value
    np.testing.assert_allclose(
        x, np.broadcast_to(mixed[:, None, None, None], x.shape), atol=1e-5
    )


def test_the_strongest_level_keeps_range_and_labels():
    x, y, evaluation = one_batch("augreg_strong2")
    assert -1 <= x.min() < -0.5 and 0.5 < x.max() <= 1
    np.testing.assert_allclose(y.sum(1), 1.0, atol=1e-6)
    assert ((y > 0).sum(1) <= 2).all()
    # Not the crop alone: the mean colours are others.
    assert np.abs(x.mean((1, 2)) - y @ evaluation.mean((1, 2))).max() > 0.2


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
        (lambda: augmentation("flip|flop", preprocessing(28)), "'flop' is not a step"),
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
        (lambda: augmentation("", preprocessing(28)), "A step is a name"),
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
