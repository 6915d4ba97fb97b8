"""Each step: what it does, in a batch as alone, eagerly as in a graph."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vit.data import randomness, steps

STEPS = [
    steps.Resize(5, 9),
    steps.Resize(16, 20),
    steps.Resize(24, 30, "bicubic", antialias=True),
    steps.Resize(24, 10, "bicubic", pillow=True),
    steps.Resize(9, 30, fit="cover"),
    steps.Resize(9, 30, "nearest", fit="contain", pillow=True),
    steps.ResizeSmall(8),
    steps.ResizeSmall(8, "lanczos3", pillow=True),
    steps.CentralCrop(10, 12),
    steps.CentralCrop(11, 24, border=7, halves="even"),
    steps.InceptionCrop(12, 10),
    steps.Pad(2),
    steps.Pad(3, "reflect"),
    steps.RandomCrop(9, 11),
    steps.Flip(),
    steps.RandAugment(2, 10),
    steps.RandAugment(3, 20),
    steps.RandomErasing(1.0),
    steps.RandomErasing(0.5, value=128),
    steps.ValueRange(),
]
SEEDS = randomness.image_seeds(0, 0, tf.range(6))


def images(channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 16, 20, channels), np.uint8)


def one_by_one(step, batch):
    parts = [step(batch[i : i + 1], SEEDS[i : i + 1]) for i in range(len(batch))]
    return tf.concat(parts, 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step_agrees_eagerly_in_tf_data_and_alone(step, channels):
    batch = images(channels)
    eager = one_by_one(step, batch).numpy()
    if step.batched:
        assert (step(tf.constant(batch), SEEDS).numpy() == eager).all()
    dataset = tf.data.Dataset.from_tensor_slices((batch, SEEDS))
    dataset = dataset.map(lambda x, seed: step(x[None], seed[None])[0])
    assert (np.stack(list(dataset.as_numpy_iterator())) == eager).all()


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step_says_what_size_it_makes(step):
    size = step.output_size((16, 20))
    if size is not None:
        assert one_by_one(step, images()).shape[1:3] == size
    unknown = step.output_size(None)
    assert unknown is None or unknown == size


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step_works_on_images_of_unknown_size(step):
    signature = [
        tf.TensorSpec([1, None, None, 3], tf.uint8),
        tf.TensorSpec([1], "uint64"),
    ]
    traced = tf.function(step, input_signature=signature)
    batch = tf.constant(images()[:1])
    assert (traced(batch, SEEDS[:1]).numpy() == step(batch, SEEDS[:1]).numpy()).all()


def test_resize_is_bilinear_with_half_pixel_centres():
    row = tf.constant([[[[0.0], [100.0]]]])
    resized = steps.Resize(1, 4)(row).numpy().ravel()
    np.testing.assert_allclose(resized, [0, 25, 75, 100])


def test_resize_leaves_the_right_size_alone():
    assert steps.Resize(16, 20)(tf.constant(images())).dtype == tf.uint8


def test_resize_small_keeps_the_aspect_ratio():
    assert steps.ResizeSmall(8)(tf.constant(images())).shape == (6, 8, 10, 3)


def test_flip_mirrors_half_of_the_images():
    batch = np.tile(images()[:1], (400, 1, 1, 1))
    seeds = randomness.image_seeds(1, 0, tf.range(400))
    flipped = steps.Flip()(tf.constant(batch), seeds).numpy()
    mirrored = (flipped == batch[:, :, ::-1]).all((1, 2, 3))
    assert ((flipped == batch).all((1, 2, 3)) ^ mirrored).all()
    assert 160 < mirrored.sum() < 240
    assert (steps.Flip(0.0)(batch, seeds) == batch).numpy().all()
    assert (steps.Flip(1.0)(batch, seeds) == batch[:, :, ::-1]).numpy().all()


def test_random_crop_reaches_every_corner():
    place = np.arange(16).reshape(1, 4, 4, 1).astype(np.uint8)
    batch = np.tile(place, (300, 1, 1, 1))
    seeds = randomness.image_seeds(1, 0, tf.range(300))
    cropped = steps.RandomCrop(3, 2)(tf.constant(batch), seeds).numpy()
    corners = {int(image[0, 0, 0]) for image in cropped}
    assert corners == {0, 1, 2, 4, 5, 6}
    assert (cropped[:, 2, 1, 0] == cropped[:, 0, 0, 0] + 9).all()


def test_inception_crop_keeps_to_area_and_aspect_ratio():
    step = steps.InceptionCrop(64, 64, area_min=0.25, area_max=0.5)
    y, x = np.mgrid[:64, :64].astype(np.float32)
    batch = tf.constant(np.stack([y, x], -1)[None])
    for i in range(20):
        seed = randomness.image_seeds(0, 0, tf.constant([i]))
        cut = step(batch, seed).numpy()[0]
        height = np.ptp(cut[..., 0]) + 1
        width = np.ptp(cut[..., 1]) + 1
        assert 0.2 < height * width / 64**2 < 0.55
        assert 0.7 < width / height < 1.45


@pytest.mark.parametrize(
    "step",
    [
        steps.CentralCrop(9, 8),
        steps.CentralCrop(9, 30, border=1),
        steps.InceptionCrop(9, 8),
        steps.RandomCrop(9, 8),
    ],
)
def test_a_crop_says_beforehand_what_it_cuts(step):
    batch = tf.constant(images()[:1])
    for i in range(4):
        seeds = SEEDS[i : i + 1]
        top, left, height, width = step.window(16, 20, seeds).numpy()
        cut = batch[:, top : top + height, left : left + width]
        assert (step.finish(cut) == step(batch, seeds)).numpy().all()


def test_random_erasing_keeps_to_area_and_aspect_ratio():
    seeds = randomness.image_seeds(0, 0, tf.range(300))
    black = tf.zeros([300, 60, 40, 1], tf.uint8)
    covered = steps.RandomErasing(0.5, value=255)(black, seeds).numpy()[..., 0] > 0
    erased = covered[covered.any((1, 2))]
    assert 110 < len(erased) < 190
    heights, widths = erased.any(2).sum(1), erased.any(1).sum(1)
    assert (erased.sum((1, 2)) == heights * widths).all()  # rectangles, and whole ones
    area = (heights + 1) * (widths + 1) / 2400
    assert area.min() > 0.02 and (heights * widths).max() / 2400 <= 0.4
    ratio = heights / widths
    assert ratio.min() > 0.2 and ratio.max() < 5 and (ratio > 1).any()


def test_random_erasing_fills_with_noise():
    black = tf.zeros([1, 64, 64, 3], tf.float32)
    step = steps.RandomErasing(1.0, area_min=0.3)
    noise = step(black, SEEDS[:1]).numpy()
    noise = noise[noise.any(-1)]
    assert noise.shape[0] > 1000 and len(np.unique(noise)) == 256
    assert abs(noise.mean() - 127.5) < 5 and abs(noise.std() - 73.9) < 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steps.InceptionCrop(8, 8, area_min=0.5, area_max=0.2), "area_min=0.5"),
        (lambda: steps.InceptionCrop(8, 8, aspect_min=0), "aspect_min=0"),
        (lambda: steps.RandomErasing(area_max=2), "area_max=2"),
        (lambda: steps.RandomErasing(value=256), "value=256"),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_value_range_ends_are_exact():
    ends = tf.constant([[[[0.0], [127.5], [255.0]]]])
    assert steps.ValueRange()(ends).numpy().ravel().tolist() == [-1, 0, 1]
    assert steps.ValueRange(0.0, 1.0)(ends).numpy().ravel().tolist() == [0, 0.5, 1]
