"""What files say of images, as steps: against Pillow, as the projects call it."""

import numpy as np
import pytest
from PIL import Image

from keras_vit.checkpoints.preparation import Preparation, evaluation_json
from keras_vit.data import Preprocessing, load_image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PHOTOS = [(70, 110), (110, 70), (64, 64), (9, 8), (1, 30)]


def photo(height, width):
    rng = np.random.default_rng(height + width)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), "uint8"))


def resized(image, sides, interpolation):
    """By Pillow, rows first: from version 13 on it may begin with columns."""
    image = image.resize((sides[1], image.height), FILTERS[interpolation])
    return image.resize(sides[::-1], FILTERS[interpolation])


def cropped(image, height, width, border=(0, 0, 0)):
    """The middle as torchvision cuts it out."""
    framed = Image.new("RGB", (max(image.width, width), max(image.height, height)))
    framed.paste(border, (0, 0, *framed.size))
    corner = [(n - m) // 2 for n, m in zip(framed.size, image.size)]
    framed.paste(image, tuple(corner))
    left, top = (round((n - m) / 2) for n, m in zip(framed.size, (width, height)))
    return framed.crop((left, top, left + width, top + height))


def timms(image, size, crop_pct, crop_mode, interpolation):
    """timm's evaluation transform up to the pixels, from its description."""
    to = [int(n / crop_pct) for n in size]
    if crop_mode == "squash":
        return cropped(resized(image, to, interpolation), *size)
    sides = (image.height, image.width)
    if crop_mode == "border" or size[0] != size[1]:
        ratios = [n / m for n, m in zip(sides, to)]
        ratio = max(ratios) if crop_mode == "border" else min(ratios)
        sides = [round(n / ratio) for n in sides]
    else:
        sides = [int(to[0] * n / min(sides)) for n in sides]
    image = resized(image, sides, interpolation)
    border = (0, 0, 0)
    if crop_mode == "border":
        border = tuple(round(255 * value) for value in IMAGENET[0])
    return cropped(image, *size, border)


@pytest.mark.parametrize("crop_mode", ["squash", "center", "border"])
@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize(
    ("size", "crop_pct"), [((32, 32), 0.9), ((32, 48), 0.9), ((16, 16), 1.0)]
)
def test_a_preparation_is_timms_transform(crop_mode, interpolation, size, crop_pct):
    resize = {"center": "crop"}.get(crop_mode, crop_mode)
    to = [int(n / crop_pct) for n in size]
    square = resize == "crop" and size[0] == size[1]
    preparation = Preparation(
        *IMAGENET,
        image_size=size,
        resize=resize,
        resize_to=to[0] if square else tuple(to),
        interpolation=interpolation,
        halves="even",
    )
    steps = evaluation_json(preparation, value_range=(0, 255))
    for sides in PHOTOS[:4]:
        image = photo(*sides)
        expected = timms(image, size, crop_pct, crop_mode, interpolation)
        off = np.abs(load_image(image, steps) - np.asarray(expected, "float32"))
        assert off.max() <= 1 and (off > 0).mean() < 0.05


@pytest.mark.parametrize("sides", PHOTOS)
def test_a_preparation_is_that_of_hugging_faces_processors(sides):
    # `do_center_crop` of 32 from `shortest_edge` 36, and larger than what it cuts.
    for side in (36, 20):
        preparation = Preparation(
            image_size=(32, 32), resize="crop", resize_to=side, interpolation="bicubic"
        )
        image = photo(*sides)
        height, width = (int(side * n / min(sides)) for n in sides)
        pixels = np.asarray(resized(image, (height, width), "bicubic"))
        top, left = ((n - 32) // 2 for n in (height, width))
        expected = np.zeros((32, 32, 3))
        for y in range(32):
            for x in range(32):
                if 0 <= y + top < height and 0 <= x + left < width:
                    expected[y, x] = pixels[y + top, x + left]
        steps = evaluation_json(preparation, value_range=(0, 255))
        off = np.abs(load_image(image, steps) - expected)
        # Where it is larger, an odd pixel of border may stand on the other side.
        if side >= 32 or (32 - height) % 2 == 0 == (32 - width) % 2:
            assert off.max() <= 1 and (off > 0).mean() < 0.05


def test_the_steps_load_as_a_preprocessing_and_end_in_the_models_range():
    for resize in ("squash", "crop", "border", "none"):
        for num_channels in (1, 3):
            preparation = Preparation(*IMAGENET, resize=resize, resize_to=256)
            made = evaluation_json(
                preparation, num_channels=num_channels, value_range=(0, 255)
            )
            steps = Preprocessing.from_json(made)
            assert steps.image_size == (224, 224)
            assert steps.num_channels == num_channels
            assert Preprocessing.from_json(steps.to_json()) == steps
            last = steps.image_steps[-1]
            assert (last.low, last.high) == (0.0, 255.0)
            image = load_image(photo(30, 40), steps)
            assert image.shape == (224, 224, num_channels)


def test_another_size_of_the_model_is_prepared_in_proportion():
    preparation = Preparation(resize="crop", resize_to=256)
    made = evaluation_json(preparation, (112, 112))
    assert made["steps"][0]["side"] == 128
    assert Preprocessing.from_json(made).image_size == (112, 112)
    squashed = evaluation_json(Preparation(), (384, 192))["steps"]
    assert [step["step"] for step in squashed] == ["resize", "value_range"]
    assert (squashed[0]["height"], squashed[0]["width"]) == (384, 192)
    of_any_size = evaluation_json(preparation, (None, None))
    assert Preprocessing.from_json(of_any_size).image_size == (224, 224)


@pytest.mark.parametrize(
    "wrong", [{"resize": "stretch"}, {"interpolation": "box"}, {"halves": "up"}]
)
def test_an_unknown_word_is_refused(wrong):
    with pytest.raises(ValueError, match="must be one of"):
        Preparation(**wrong)
