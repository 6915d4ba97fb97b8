"""What `--devices` takes."""

import pytest

from keras_vit.devices.request import Request, parse_devices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", Request()),
        ("cpu", Request("cpu")),
        (" CPU:8 ", Request("cpu", 8)),
        ("gpu:2", Request("gpu", 2)),
        ("tpu", Request("tpu")),
    ],
)
def test_devices_are_a_kind_and_a_number(text, expected):
    assert parse_devices(text) == expected


@pytest.mark.parametrize(
    "text", ["", "cpu:", "cpu:0", "cpu:-1", "cpu:two", "cpus", "4", "auto:2", None]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"must be auto, cpu, gpu or tpu.*Received: "):
        parse_devices(text)


def test_the_nearest_kind_is_named():
    with pytest.raises(ValueError, match="Did you mean 'gpu'"):
        parse_devices("gpus:2")
