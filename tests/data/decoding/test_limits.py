"""One place decides how many pixels an image may have."""

import pytest
from PIL import Image

from keras_vit.data.decoding.limits import (
    check_pixels,
    max_pixels,
    our_limit,
)


def test_the_limit_is_two_hundred_million_pixels_or_the_users(monkeypatch):
    monkeypatch.delenv("KERAS_VIT_MAX_PIXELS", raising=False)
    check_pixels(9_000, 20_000)
    check_pixels(1, 200_000_000)
    with pytest.raises(ValueError, match=r"limit of 200,000,000.*KERAS_VIT_MAX_PIXELS"):
        check_pixels(20_001, 10_000)
    for text in ("1000", " 1_000 ", "1,000"):
        monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", text)
        assert max_pixels() == 1000
    with pytest.raises(ValueError, match=r"26 x 40 pixels .*1,040 in all, .* 1,000;"):
        check_pixels(26, 40)


@pytest.mark.parametrize("text", ["many", "0", "-5", "1e9", "1.5", "²", "9" * 40])
def test_a_limit_that_is_no_number_is_named(monkeypatch, text):
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", text)
    with pytest.raises(ValueError, match="KERAS_VIT_MAX_PIXELS must be a positive"):
        max_pixels()


def test_within_ours_pillow_has_our_limit_and_its_own_one_afterwards(monkeypatch):
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "1000")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 77)
    with our_limit():
        with our_limit():
            Image.new("L", (1200, 1)).crop((0, 0, 1000, 1))
        # Pillow alone would warn of these, and refuse from 2,001 pixels on.
        with pytest.raises(ValueError, match=r"an image of 1,001 pixels.* 1,000; set"):
            with our_limit():
                Image.new("L", (1200, 1)).crop((0, 0, 1001, 1))
    assert Image.MAX_IMAGE_PIXELS == 77
