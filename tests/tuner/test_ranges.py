"""Ranges: what is written, drawn and kept is the same."""

import dataclasses
import json

import pytest

from keras_vit.tuner import Between, Choices
from keras_vit.tuner.ranges import around, range_from_json, range_from_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4..1e-2", Between(1e-4, 1e-2, log=True)),
        ("0.0..0.3", Between(0.0, 0.3, log=False)),
        ("2..8", Between(2, 8, log=False)),
        ("0.1..0.2", Between(0.1, 0.2, log=False)),
        ("64,96,128", Choices((64, 96, 128))),
        ("0,0.2", Choices((0.0, 0.2))),
        ("true,false", Choices((True, False))),
        ("crop_flip", Choices(("crop_flip",))),
        (
            "flip, inception_crop|randaugment(2,10)|mixup(0.2)",
            Choices(("flip", "inception_crop|randaugment(2,10)|mixup(0.2)")),
        ),
    ],
)
def test_a_range_is_read_as_it_is_written(text, expected):
    found = range_from_text(text)
    assert found == expected
    assert range_from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Between(2, 2), "below its high end.*low=2, high=2"),
        (lambda: Between(0.0, float("inf")), "below its high end"),
        (lambda: Between(0.0, 1.0, log=True), "begin above 0.*low=0.0"),
        (lambda: range_from_text("low..high"), r"LOW..HIGH.*'low..high'"),
        (lambda: Choices(()), "at least one.*\\[\\]"),
        (lambda: Choices((1, "two")), "all numbers, all strings"),
        (lambda: Choices((1, 1.0)), "must differ"),
        (lambda: Choices((None, 1.0)), "all numbers"),
    ],
)
def test_a_wrong_range_says_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_drawn_numbers_are_rounded_to_what_a_recipe_shows():
    assert Between(1e-4, 1e-2).value(0.00123456) == 0.00123
    assert Between(2, 8).value(5.0) == 5
    # Once rounded, single precision on the way to a worker changes nothing.
    import numpy as np

    for drawn in np.random.default_rng(0).uniform(1e-4, 1e-2, 500):
        value = Between(1e-4, 1e-2).value(drawn)
        assert Between(1e-4, 1e-2).value(float(np.float32(value))) == value


def test_around_a_value():
    assert around(3e-3, 5) == Between(6e-4, 0.015, log=True)
    assert 0.1 in around(0.1, 10) and 2.0 not in around(0.1, 10)
