"""Arguments that no step can have: refused when it is made."""

import pytest
import tensorflow as tf

from keras_vit.data import augmentation, preprocessing, steps, steps_from_text
from keras_vit.data.steps.base import METHODS, MODES

WRONG = [
    ("flip(2)", r"`probability` of Flip must lie in \[0, 1\]\. Received: .*=2"),
    ("flip(-0.1)", "`probability` of Flip"),
    ("random_erasing(2.0)", r"`probability` of RandomErasing must lie in \[0, 1\]"),
    ("random_erasing(value=256.0)", r"`value` of RandomErasing must lie in \[0, 255\]"),
    ("resize(0)", r"`height` of Resize must be a positive integer, pixels.*=0"),
    ("resize(8, -1)", "`width` of Resize must be a positive integer, pixels"),
    ("resize(8.5)", "`height` of Resize must be a positive integer, pixels"),
    ("resize(8, method='bicubik')", "Received: method='bicubik'. Did you mean 'bicub"),
    ("resize(8, method='BICUBIC')", "`method` of Resize must be one of bilinear"),
    ("resize_small(0)", "`side` of ResizeSmall must be a positive integer"),
    ("resize_small(9, 'lanczos')", "one of bilinear, .* Did you mean 'lanczos"),
    ("central_crop(0)", "`height` of CentralCrop"),
    ("random_crop(4,0)", "`width` of RandomCrop"),
    ("inception_crop(0)", "`height` of InceptionCrop"),
    ("inception_crop(method='bilinaer')", "InceptionCrop .* Did you mean 'bilinear'"),
    ("pad(3,'reflct')", "`mode` of Pad must be one of .* Did you mean 'reflect'"),
    ("pad(-3)", "`pixels` of Pad must be an integer, 0 or more, pixels.*=-3"),
    ("pad(2,value=300)", r"`value` of Pad must lie in \[0, 255\].*value=300"),
    ("value_range(1,1)", "must be two different numbers. Received: low=1, high=1"),
    ("value_range(0,1e999)", "must be two different numbers"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_wrong_arguments_are_explained(text, message):
    with pytest.raises(ValueError, match=message):
        steps_from_text(text, (8, 8))
    with pytest.raises(ValueError, match=message):
        augmentation(text, preprocessing(8))


@pytest.mark.parametrize(
    "make",
    [
        lambda: steps.Flip("often"),
        lambda: steps.Resize("8", 8),
        lambda: steps.Resize(8, 8, None),
        lambda: steps.ValueRange(None, 1.0),
        lambda: steps.Pad(1, value=float("nan")),
    ],
)
def test_values_of_other_types_are_explained_too(make):
    with pytest.raises(ValueError, match="Received: "):
        make()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_one_of_tensorflow(method):
    image = tf.zeros((1, 4, 4, 3))
    assert steps.Resize(3, 5, method)(image).shape == (1, 3, 5, 3)


def test_no_method_of_tensorflow_is_forgotten():
    kinds = tf.image.ResizeMethod
    assert {value for name, value in vars(kinds).items() if name.isupper()} == {
        *METHODS
    }


@pytest.mark.parametrize("mode", [*MODES, "REFLECT"])
def test_every_mode_pads(mode):
    assert steps.Pad(2, mode)(tf.zeros((1, 4, 4, 3))).shape == (1, 8, 8, 3)


def test_the_ends_of_every_range_are_allowed():
    for text in (
        "flip(0)|flip(1)",
        "random_erasing(1.0,value=0.0)",
        "pad(0,value=255)",
    ):
        assert steps_from_text(text)
    assert steps_from_text("value_range(1,-1)") == (steps.ValueRange(1, -1),)
