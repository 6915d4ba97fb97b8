"""RandAugment: its operations against the originals, and how they are drawn."""

import golden
import numpy as np
import pytest
import tensorflow as tf
from pictures import picture
from PIL import Image, ImageEnhance, ImageOps

from keras_vit.data import randomness, steps
from keras_vit.data.steps import colour_ops, geometry_ops
from keras_vit.data.steps.randaugment import operations

SEEDS = randomness.image_seeds(0, 0, tf.range(4))


def noisy(height=40, width=56, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, channels), np.uint8)


def original(number, op):
    """Every image of a golden input with what tensorflow-addons made of it."""
    arrays = golden.arrays("tfa/image_ops.npz")
    call = golden.config("tfa/image_ops.json")["calls"][number]
    given, made = arrays[call["input"].split("[")[0]], arrays[call["output"]]
    assert call["op"] == op
    given = given[:1] if "[" in call["input"] else given
    made = made[None] if made.ndim < given.ndim else made
    return zip(given, made, strict=True)


GOLDEN = {
    "rotate": (0, lambda x: geometry_ops.rotate(x, 0.3, 0)),
    "translate": (4, lambda x: geometry_ops.translate(x, 2, 3, 0)),
    "shear_x": (6, lambda x: geometry_ops.shear_x(x, 0.3, 0)),
    "shear_y": (7, lambda x: geometry_ops.shear_y(x, 0.3, 128)),
    "shear_x back": (8, lambda x: geometry_ops.shear_x(x, -0.5, 200)),
    "equalize": (9, colour_ops.equalize),
    "equalize large": (10, colour_ops.equalize),
    "equalize low contrast": (11, colour_ops.equalize),
    "equalize grey": (12, colour_ops.equalize),
    "sharpness 0": (13, lambda x: colour_ops.sharpness(x, 0.0)),
    "sharpness 0.5": (14, lambda x: colour_ops.sharpness(x, 0.5)),
    "sharpness 1.9": (15, lambda x: colour_ops.sharpness(x, 1.9)),
    "cutout": (16, lambda x: geometry_ops.cutout(x, 2, [5, 5], 0)),
    "translate_xy": (22, lambda x: geometry_ops.translate(x, 2, -3, 50)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_operation_is_that_of_tensorflow_addons(name):
    number, operation = GOLDEN[name]
    # The official code truncates where tensorflow-addons rounds what it blends.
    rounded = name in ("sharpness 0.5", "sharpness 1.9")
    for image, made in original(number, name.split()[0]):
        ours = operation(tf.constant(image)).numpy().astype(int)
        assert set(np.unique(made - ours)) <= ({0, 1} if rounded else {0})


@pytest.mark.parametrize(("number", "factor"), [(19, 0.4), (20, 1.5), (21, -0.3)])
def test_blend_truncates_what_tensorflow_addons_rounds(number, factor):
    seconds = golden.arrays("tfa/image_ops.npz")["low_contrast"]
    pairs = zip(original(number, "blend"), seconds, strict=True)
    for (image, made), second in pairs:
        ours = colour_ops.blend(image, second, factor).numpy()
        exact = image + factor * (second.astype(float) - image)
        np.testing.assert_array_equal(ours, np.floor(np.clip(exact, 0, 255)))
        assert np.abs(ours - np.clip(made, 0, 255)).max() <= 1


ENHANCED = {
    "brightness": (colour_ops.brightness, ImageEnhance.Brightness),
    "color": (colour_ops.color, ImageEnhance.Color),
    "sharpness": (colour_ops.sharpness, ImageEnhance.Sharpness),
}


@pytest.mark.parametrize("factor", [0.0, 0.1, 1.0, 1.9, 3.7])
@pytest.mark.parametrize("name", ENHANCED)
def test_enhancements_are_those_of_pillow(name, factor):
    ours, theirs = ENHANCED[name]
    image = picture(40, 56)
    expected = np.asarray(theirs(Image.fromarray(image)).enhance(factor), int)
    # Pillow rounds the grey and the blurred image, whose errors are blended too.
    allowed = 1 + np.ceil(abs(1 - factor))
    made = ours(tf.constant(image), factor).numpy().astype(int)
    assert np.abs(made - expected).max() <= allowed


@pytest.mark.parametrize("channels", [1, 3])
def test_simple_operations_are_those_of_pillow(channels):
    image = (picture(40, 56, channels).reshape(40, 56, -1) * 0.6 + 20).astype(np.uint8)
    pillow, given = Image.fromarray(image.squeeze()), tf.constant(image)

    def check(ours, theirs, allowed=0):
        theirs = np.asarray(theirs, int).reshape(image.shape)
        assert np.abs(ours.numpy().astype(int) - theirs).max() <= allowed

    check(colour_ops.invert(given), ImageOps.invert(pillow))
    check(colour_ops.posterize(given, 4), ImageOps.posterize(pillow, 4))
    check(colour_ops.solarize(given, 100), ImageOps.solarize(pillow, 100))
    check(colour_ops.equalize(given), ImageOps.equalize(pillow))
    check(colour_ops.auto_contrast(given), ImageOps.autocontrast(pillow), allowed=1)


def test_sharpness_in_a_graph_is_that_got_eagerly():
    # At this size TensorFlow has two convolutions to choose from.
    image, place = tf.constant(picture(224, 224)), tf.zeros([2])
    sharpness = operations(10)["sharpness"]
    dataset = tf.data.Dataset.from_tensors(image)
    (made,) = dataset.map(lambda x: sharpness(x, place, 1))
    assert (made == sharpness(image, place, 1)).numpy().all()
    step, seeds = steps.RandAugment(1, 10), randomness.image_seeds(0, 0, tf.range(99))
    drawn = randomness.uniform(seeds, 4)[:, 0].numpy()
    which = int(np.flatnonzero((drawn * 16).astype(int) == 9)[0])  # sharpness
    seed = seeds[which : which + 1]
    (drawn,) = dataset.map(lambda x: step(x[None], seed)[0])
    assert (drawn == made).numpy().all()


def test_grey_of_color_is_tensorflows():
    image = tf.constant(noisy())
    ours = tf.cast(colour_ops.color(image, 0.0), tf.int32)
    difference = ours - tf.cast(tf.image.rgb_to_grayscale(image), tf.int32)
    assert np.abs(difference).max() <= 1  # where the sum is a whole number
    assert np.mean(difference != 0) < 0.01


def test_images_of_one_value_stay():
    image = tf.fill([8, 8, 3], tf.constant(77, tf.uint8))
    for operation in (colour_ops.auto_contrast, colour_ops.equalize):
        assert (operation(image) == image).numpy().all()


def test_contrast_takes_the_published_grey():
    # The number of pixels over 256, at most 255, and not the mean.
    for size, grey in ((16, 1), (224, 196), (384, 255)):
        image = tf.constant(noisy(size, size))
        assert set(np.unique(colour_ops.contrast(image, 0.0))) == {grey}
    assert (colour_ops.contrast(image, 1.0) == image).numpy().all()


def test_extreme_levels_do_what_uint8_does_officially():
    values = tf.constant(np.arange(256, dtype=np.uint8).reshape(16, 16, 1))
    x = values.numpy().astype(int)
    # Magnitudes 10, 15 and 20; 256 and 512 are 0 in uint8, 384 is 128.
    for threshold, at in ((256, 0), (384, 128), (512, 0), (25, 25)):
        expected = np.where(x < at, x, 255 - x)
        assert (colour_ops.solarize(values, threshold) == expected).numpy().all()
    assert (colour_ops.posterize(values, 0) == x // 128 * 128).numpy().all()
    assert (colour_ops.posterize(values, 8) == x).numpy().all()
    for addition in (0, 110, 165, 330):
        expected = np.where(x < 128, np.minimum(x + addition, 255), x)
        assert (colour_ops.solarize_add(values, addition) == expected).numpy().all()


def test_affine_is_the_nearest_pixel_of_tensorflows_transform():
    image = noisy(31, 44)
    for radians in (0.5236, -1.1, 3.0):
        cosine, sine = np.cos(radians), np.sin(radians)
        matrix = [cosine, -sine, 3.2, sine, cosine, -4.7]
        expected = tf.raw_ops.ImageProjectiveTransformV3(
            images=image[None],
            transforms=tf.constant([[*matrix, 0, 0]], tf.float32),
            output_shape=[31, 44],
            fill_value=128.0,
            interpolation="NEAREST",
            fill_mode="CONSTANT",
        )[0]
        ours = geometry_ops.affine(tf.constant(image), matrix, 128)
        assert (ours == expected).numpy().all()


@pytest.mark.parametrize("by", [(3, -2), (0, 60), (-100, 0), (44, 31)])
def test_translate_moves_and_fills(by):
    image = noisy(31, 44)
    right, down = by
    expected = np.full_like(image, 128)
    for y in range(31):
        for x in range(44):
            if 0 <= y - down < 31 and 0 <= x - right < 44:
                expected[y, x] = image[y - down, x - right]
    moved = geometry_ops.translate(tf.constant(image), right, down, 128)
    assert (moved == expected).numpy().all()


def test_cutout_covers_twice_its_size_within_the_image():
    image = tf.zeros([31, 44, 3], tf.uint8)
    expected = np.zeros((31, 44, 3), np.uint8)
    expected[1:11, 37:44] = 128
    assert (geometry_ops.cutout(image, 5, [6, 42], 128) == expected).numpy().all()


# The step ---------------------------------------------------------------------------

CHANGES = ("auto_contrast", "equalize", "invert", "rotate", "posterize", "solarize")
CHANGES += ("color", "contrast", "brightness", "sharpness", "shear_x", "shear_y")
CHANGES += ("translate_x", "translate_y", "cutout", "solarize_add")


@pytest.mark.parametrize("magnitude", [0, 10, 15, 20])
def test_all_sixteen_operations_keep_shape_and_dtype(magnitude):
    made = operations(magnitude)
    assert tuple(made) == CHANGES
    place = tf.constant([0.99, 0.0])
    for channels in (1, 3):
        image = tf.constant(noisy(20, 36, channels))
        for name, operation in made.items():
            result = operation(image, place, -1)
            assert result.dtype == tf.uint8 and result.shape == image.shape, name


def test_every_operation_is_drawn_and_signs_are_even(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "keras_vit.data.steps.randaugment.operations",
        lambda magnitude: {
            name: lambda image, place, sign, name=name: (
                calls.append((name, sign)) or image
            )
            for name in CHANGES
        },
    )
    step, image = steps.RandAugment(2, 10), tf.zeros([1, 4, 4, 3], tf.uint8)
    seeds = randomness.image_seeds(0, 0, tf.range(200))
    for i in range(200):
        step(image, seeds[i : i + 1])
    counts = {name: sum(call[0] == name for call in calls) for name in CHANGES}
    assert len(calls) == 400 and min(counts.values()) > 8 and max(counts.values()) < 45
    assert 160 < sum(sign > 0 for _, sign in calls) < 240


def test_images_draw_for_themselves():
    image = tf.constant(noisy())[None]
    step = steps.RandAugment(2, 10)
    made = [step(image, SEEDS[i : i + 1]).numpy() for i in range(4)]
    again = [step(image, SEEDS[i : i + 1]).numpy() for i in range(4)]
    assert len({array.tobytes() for array in made}) == 4
    np.testing.assert_array_equal(made, again)


def test_level_zero_is_not_nothing():
    image = tf.constant(noisy())[None]
    seeds = randomness.image_seeds(0, 0, tf.range(20))
    step = steps.RandAugment(2, 0)
    made = [step(image, seeds[i : i + 1]) for i in range(20)]
    assert sum(bool((x != image).numpy().any()) for x in made) > 12


def test_floats_are_truncated_to_uint8():
    image = tf.constant(noisy())[None]
    step, nothing = steps.RandAugment(2, 10), steps.RandAugment(0, 10)
    given = tf.cast(image, tf.float32) + 0.9
    assert (step(given, SEEDS[:1]) == step(image, SEEDS[:1])).numpy().all()
    assert (nothing(given, SEEDS[:1]) == image).numpy().all()


@pytest.mark.parametrize("arguments", [(-1, 10), (1.5, 10), (2, 31), (2, -1)])
def test_mistakes_are_explained(arguments):
    with pytest.raises(ValueError, match="of RandAugment must"):
        steps.RandAugment(*arguments)
