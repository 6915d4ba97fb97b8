"""Steps against Pillow itself, as torchvision, timm and Hugging Face call it."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_vit.data import Preprocessing, load_image, steps

SIZES = [(1, 1), (1, 40), (37, 1), (2, 3), (70, 110), (64, 64), (33, 90), (300, 11)]
METHODS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


def picture(height, width, channels=3, seed=0):
    """Noise, and a ramp with hard edges, which bicubic and Lanczos overshoot."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width, channels))
    ramp = np.arange(width)[None, :, None] * 16 % 512
    return np.where(rng.random((height, width, 1)) < 0.3, noise, ramp.clip(0, 255))


def of_pillow(array, height, width, method):
    """Resized by Pillow, rows first: from version 13 on it may begin with columns."""
    array = array.astype("uint8")
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    image = image.resize((width, len(array)), METHODS[method])
    image = np.asarray(image.resize((width, height), METHODS[method]))
    return image[..., None] if array.shape[-1] == 1 else image


def assert_same(found, expected, share=0.1):
    """Whole numbers that differ by one level in few pixels.

    Of a few pixels, enlarged, many are the half of a whole number, of which the last
    digit decides, and that depends on the processor.
    """
    found = np.asarray(found)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    off = np.abs(found.astype(int) - expected)
    assert off.max() <= 1 and (off > 0).mean() <= share


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_to_a_size_is_pillows(method, channels):
    for number, size in enumerate(SIZES):
        array = picture(*size, channels, seed=number).astype("uint8")
        for height, width in ((16, 16), (7, 50), (1, 3), (90, 41)):
            step = steps.Resize(height, width, method, pillow=True)
            expected = of_pillow(array, height, width, method)
            share = 0.03 if size == (70, 110) else 0.1
            assert_same(step(tf.constant(array[None]))[0], expected, share)


@pytest.mark.parametrize("size", SIZES)
def test_the_longer_side_is_rounded_down_as_torchvision_does(size):
    array, side = picture(*size).astype("uint8"), 23
    height, width = (int(side * length / min(size)) for length in size)
    found = steps.ResizeSmall(side, "bicubic", pillow=True)(tf.constant(array[None]))
    assert_same(found[0], of_pillow(array, height, width, "bicubic"))


def test_floats_are_rounded_before_pillow_would_see_them():
    array = picture(20, 30).astype("float32") + 0.3
    found = steps.Resize(8, 9, "bilinear", pillow=True)(tf.constant(array[None]))
    assert_same(found[0], of_pillow(np.floor(array + 0.5), 8, 9, "bilinear"))


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        # By hand: ratios 2 and 4 of (40, 120) to (20, 30), 0.5 and 0.4 of (10, 12).
        ("cover", (40, 120), (20, 60)),
        ("contain", (40, 120), (10, 30)),
        ("cover", (10, 12), (25, 30)),
        ("contain", (10, 12), (20, 24)),
        ("cover", (20, 30), (20, 30)),
        ("contain", (1, 500), (1, 30)),
        ("cover", (1, 500), (20, 10000)),
    ],
)
def test_an_image_covers_a_size_or_is_contained_in_it(fit, size, expected):
    step = steps.Resize(20, 30, "bilinear", fit=fit, pillow=True)
    found = step(tf.constant(picture(*size).astype("uint8")[None]))
    assert tuple(found.shape[1:3]) == expected
    other = steps.Resize(20, 30, fit=fit)
    assert tuple(other(tf.constant(picture(*size)[None])).shape[1:3]) == expected
    assert step.output_size(size) is None


def torchvisions_crop(array, height, width, border):
    """torchvision's `center_crop`, by its rules: a border, then Python's `round`."""
    border = np.asarray(border, "uint8")
    rest = [max(0, n - m) for n, m in zip((height, width), array.shape)]
    canvas = np.empty([m + n for m, n in zip(array.shape, rest)] + [3], "uint8")
    canvas[:] = border
    top, left = (n // 2 for n in rest)
    canvas[top : top + array.shape[0], left : left + array.shape[1]] = array
    top, left = (round((m - n) / 2) for m, n in zip(canvas.shape, (height, width)))
    return canvas[top : top + height, left : left + width]


@pytest.mark.parametrize("border", [0, (3, 200, 77)])
def test_the_middle_is_cut_out_as_torchvision_does(border):
    for height in (1, 3, 10, 11, 12, 13, 14, 15, 40):
        for width in (1, 9, 12, 23):
            array = picture(height, width, seed=height).astype("uint8")
            step = steps.CentralCrop(12, 12, border, "even")
            expected = torchvisions_crop(array, 12, 12, border)
            batch = tf.constant(array[None])
            assert (step(batch)[0].numpy() == expected).all()
            top, left, *size = step.window(height, width, None).numpy()
            cut = batch[:, top : top + size[0], left : left + size[1]]
            assert (step.finish(cut)[0].numpy() == expected).all()


def test_halves_are_rounded_down_by_default():
    row = tf.reshape(tf.range(9), [1, 1, 9, 1])
    assert steps.CentralCrop(1, 6)(row).numpy().ravel()[0] == 1
    assert steps.CentralCrop(1, 6, halves="even")(row).numpy().ravel()[0] == 2


def test_without_a_border_a_smaller_image_is_an_error():
    with pytest.raises(ValueError):
        steps.CentralCrop(5, 5)(tf.zeros([1, 4, 9, 3], tf.uint8))
    with pytest.raises(ValueError, match="A crop can't be larger"):
        Preprocessing((steps.Resize(4, 9), steps.CentralCrop(5, 5)))
    framed = (steps.Resize(4, 9), steps.CentralCrop(5, 5, border=0))
    assert Preprocessing(framed).image_size == (5, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steps.Resize(5, 5, "area", pillow=True), "pillow=True must be one"),
        (lambda: steps.ResizeSmall(5, pillow=True), "Received: method='area'"),
        (lambda: steps.Resize(5, 5, fit="crop"), "`fit` of Resize must be one of"),
        (lambda: steps.CentralCrop(5, 5, 256), r"border=256"),
        (lambda: steps.CentralCrop(5, 5, (1, 2)), r"border=\(1, 2\)"),
        (lambda: steps.CentralCrop(5, 5, 0.5), r"border=0.5"),
        (lambda: steps.CentralCrop(5, 5, halves="up"), "`halves` of CentralCrop"),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_border_of_three_colours_needs_three_channels():
    step = steps.CentralCrop(5, 5, border=(1, 2, 3))
    with pytest.raises(ValueError, match="a number for each channel"):
        step(tf.zeros([1, 4, 4, 1], tf.uint8))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "RGB"])
def test_every_kind_of_image_is_prepared(mode):
    image = Image.fromarray(picture(19, 7).astype("uint8")).convert(mode)
    made = Preprocessing(
        (
            steps.ResizeSmall(6, "lanczos3", pillow=True),
            steps.CentralCrop(9, 8, border=(9, 8, 7), halves="even"),
            steps.ValueRange(0.0, 255.0),
        )
    )
    whole = np.asarray(image.convert("RGB")).astype("uint8")
    if mode in ("LA", "RGBA"):  # opaque, so white does not show
        assert np.asarray(image)[..., -1].min() == 255
    expected = of_pillow(whole, 6 * 19 // 7, 6, "lanczos3")
    expected = torchvisions_crop(expected, 9, 8, (9, 8, 7))
    assert_same(load_image(image, made).astype("uint8"), expected)
