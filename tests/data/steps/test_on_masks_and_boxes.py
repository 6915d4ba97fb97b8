"""Steps move masks and boxes as they move images."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vit.data import steps
from keras_vit.data.steps.base import Step

SEEDS = tf.constant([3, 2**63 + 5, 11], tf.uint64)
# What moves pixels only, on whole batches or one by one.
MOVES = {
    "flip": steps.Flip(),
    "random crop": steps.RandomCrop(9, 13),
    "central crop": steps.CentralCrop(9, 13, halves="even"),
    "border": steps.CentralCrop(30, 13, border=7),
    "pad": steps.Pad(3),
    "mirrored": steps.Pad(3, "reflect"),
    "inception": steps.InceptionCrop(12, 10, method="nearest"),
    "stretch": steps.Resize(31, 12, "nearest"),
    "contain": steps.Resize(31, 12, "nearest", fit="contain"),
    "smaller": steps.ResizeSmall(11, "nearest"),
}
SIZE = 17, 23


def one_by_one(step, function):
    """`function(step, seeds, place)` of three images, alone or together."""
    if step.batched:
        return function(slice(0, 3), SEEDS)
    return tf.concat([function(slice(i, i + 1), SEEDS[i : i + 1]) for i in range(3)], 0)


@pytest.mark.parametrize("name", MOVES)
def test_a_mask_is_what_its_pixels_alone_become(name):
    # Every pixel has a colour of its own, so the image says where each came from.
    step, (height, width) = MOVES[name], SIZE
    number = np.arange(1, height * width + 1)
    image = np.stack([number // 256, number % 256, 0 * number], -1)
    images = np.tile(image.reshape(1, height, width, 3), (3, 1, 1, 1)).astype(np.uint8)
    drawn = np.random.default_rng(0).integers(0, 5, (3, height, width), np.uint8)
    moved = one_by_one(step, lambda at, seeds: step(images[at], seeds))
    moved = moved.numpy().astype(int)
    masks = one_by_one(step, lambda at, seeds: step.on_masks(drawn[at], seeds)).numpy()
    came_from = (moved[..., 0] * 256 + moved[..., 1]).reshape(3, -1)
    outside = moved[..., 2] != 0 if name == "border" else moved.sum(-1) == 0
    places = np.where(outside.reshape(3, -1), 0, came_from - 1)
    wanted = np.take_along_axis(drawn.reshape(3, -1), places, 1)
    wanted = np.where(outside, 255, wanted.reshape(masks.shape))
    assert masks.dtype == np.uint8
    np.testing.assert_array_equal(masks, wanted)
    assert outside.any() == (name in ("pad", "border"))


def test_masks_of_a_batch_are_those_of_single_ones():
    masks = np.random.default_rng(1).integers(0, 9, (3, *SIZE), np.uint8)
    for name, step in MOVES.items():
        if step.batched:
            alone = [
                step.on_masks(masks[i : i + 1], SEEDS[i : i + 1])[0] for i in range(3)
            ]
            np.testing.assert_array_equal(step.on_masks(masks, SEEDS), alone, name)


def rectangles(count=6, seed=0):
    """Boxes with whole numbers, and a mask of each."""
    rng, (height, width) = np.random.default_rng(seed), SIZE
    left, top = rng.integers(0, width - 4, count), rng.integers(0, height - 4, count)
    right = left + rng.integers(3, width - left + 1)
    bottom = top + rng.integers(3, height - top + 1)
    boxes = np.stack([left, top, right, bottom], -1)
    masks = np.zeros((count, *SIZE), np.uint8)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes):
        mask[y0:y1, x0:x1] = 1
    return boxes.astype(np.float32), masks


@pytest.mark.parametrize("name", [name for name in MOVES if name != "mirrored"])
def test_boxes_are_those_of_the_moved_masks_within_a_pixel(name):
    step, (boxes, masks) = MOVES[name], rectangles()
    checked = 0
    for seed in SEEDS:
        moved = np.asarray(step.on_boxes(boxes[None], SIZE, seed[None])[0])
        for box, mask in zip(moved, masks):
            mask = step.on_masks(mask[None], seed[None])[0].numpy() == 1
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if not len(rows):  # less than a pixel is left of it, or nothing
                assert (box[2:] - box[:2]).min() < 1, name
                continue
            seen = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            # Of an enlarged image, a pixel is one of the image that is enlarged.
            size = np.array(mask.shape)
            np.testing.assert_allclose(box, seen, rtol=0, atol=max(1, *(size / SIZE)))
            checked += 1
    assert checked >= 6


def test_a_whole_pipeline_keeps_mask_and_boxes_together():
    boxes, masks = rectangles(seed=4)
    chain = [
        steps.ResizeSmall(20, "nearest"),
        steps.Pad(2),
        steps.RandomCrop(16, 16),
        steps.Flip(),
    ]
    for seed in range(8):
        seeds = tf.constant([seed], tf.uint64)
        for box, mask in zip(boxes, masks):
            box, mask, size = box[None, None], mask[None], SIZE
            for step in chain:
                box = step.on_boxes(box, size, seeds)
                mask = step.on_masks(mask, seeds)
                size = tuple(mask.shape[1:])
            x0, y0, x1, y1 = box[0, 0].numpy()
            rows, columns = (
                np.flatnonzero((mask[0].numpy() == 1).any(a)) for a in (1, 0)
            )
            if len(rows) and len(columns):
                seen = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
                np.testing.assert_allclose((x0, y0, x1, y1), seen, rtol=0, atol=1)
            else:
                assert min(x1 - x0, y1 - y0) < 1


def test_steps_on_values_leave_masks_and_boxes_alone():
    masks = np.random.default_rng(1).integers(0, 9, (1, *SIZE), np.uint8)
    boxes = rectangles()[0][None]
    for step in (steps.ValueRange(), steps.RandomErasing(1.0)):
        np.testing.assert_array_equal(step.on_masks(masks, SEEDS[:1]), masks)
        np.testing.assert_array_equal(step.on_boxes(boxes, SIZE, SEEDS[:1]), boxes)


def test_randaugment_turns_masks_as_images():
    # A coloured image of which the first channel is its mask, times 28.
    mask = np.kron(
        np.random.default_rng(2).integers(1, 9, (4, 4), np.uint8),
        np.ones((6, 6), np.uint8),
    )
    step, moved = steps.RandAugment(1, 20), 0
    for seed in range(40):
        seeds = tf.constant([seed], tf.uint64)
        found = step.on_masks(mask[None], seeds)[0].numpy()
        image = step(np.repeat(mask[None, ..., None], 3, -1), seeds)[0, ..., 0].numpy()
        if (found != mask).any():
            moved += 1
            # What the same operation brings in is 128 in images and 255 in masks.
            np.testing.assert_array_equal(np.where(found == 255, 128, found), image)
    assert 5 <= moved <= 25  # 5 of its 16 operations move pixels


def test_what_makes_no_sense_is_refused_by_name():
    boxes, masks = rectangles()[0][None], np.zeros((1, *SIZE), np.uint8)
    with pytest.raises(ValueError, match="RandAugment cannot be done on boxes"):
        steps.RandAugment(2, 10).on_boxes(boxes, SIZE, SEEDS[:1])
    with pytest.raises(ValueError, match="mode='reflect' mirrors objects"):
        steps.Pad(2, "reflect").on_boxes(boxes, SIZE, SEEDS[:1])
    with pytest.raises(ValueError, match="Step cannot be done on masks"):
        Step().on_masks(masks, SEEDS[:1])
