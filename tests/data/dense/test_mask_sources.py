"""Sources of images with masks, and their batches."""

import json

import numpy as np
import pytest
from masks import coded, mask, save, write_set
from PIL import Image

import keras_vit.data
from keras_vit.data import load, load_splits

STEPS = "resize(9,10)|pad(2)|random_crop(8,8)|flip"


def load_masks(root, split="all", **options):
    return load(f"{root}:{split}", task="segmentation", **options)


def numpy(batches):
    return [tuple(map(np.asarray, batch)) for batch in batches]


def test_pairs_are_the_files_at_their_own_sizes(tmp_path):
    masks = write_set(tmp_path)
    pairs = list(load_masks(tmp_path).pairs())
    assert [name for *_, name in pairs] == [f"images/{stem}.png" for stem in masks]
    for (image, found, _), wanted in zip(pairs, masks.values()):
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(image, coded(wanted))


@pytest.mark.parametrize("mode", ["P", None])
def test_evaluation_gives_images_and_masks_in_order_with_a_short_last_batch(
    tmp_path, mode
):
    masks = list(write_set(tmp_path, count=5, mode=mode).values())
    source = load_masks(tmp_path)
    batches = numpy(source.batches(2, image_size=(12, 16)))
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    found = np.concatenate([both[1] for both in batches])
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, masks)
    images = np.concatenate([both[0] for both in batches])
    np.testing.assert_allclose(
        images, np.stack(list(map(coded, masks))) / 127.5 - 1, atol=1e-6
    )


def test_colours_of_a_palette_are_looked_up_in_the_table(tmp_path):
    table = {"background": [0, 0, 0], "cell": [255, 0, 0], "edge": [0, 255, 0]}
    (tmp_path / "colours.json").write_text(json.dumps(table))
    colours, wanted = np.uint8(list(table.values())), mask() % 3
    for stem in "ab":
        save(tmp_path / "images" / f"{stem}.png", coded(wanted))
        path = tmp_path / "masks" / f"{stem}.png"
        save(path, colours[wanted])
        # Pillow's palette has an order of its own.
        quantized = Image.open(path).quantize()
        assert not np.array_equal(np.asarray(quantized), wanted)
        quantized.save(path)
    for _, found, _ in load_masks(tmp_path).pairs():
        np.testing.assert_array_equal(found, wanted)
    save(path, wanted, "P")
    with pytest.raises(ValueError, match=r"(?s)b.png has .*\[0, 128, 0\].*classes.txt"):
        load_masks(tmp_path)


def test_white_of_a_palette_is_the_class_of_a_binary_mask(tmp_path):
    wanted = np.eye(12, 16, dtype=np.uint8)
    save(tmp_path / "images" / "a.png", coded(wanted))
    image = Image.fromarray(1 - wanted)  # 0 is white here, as most writers never do
    image.putpalette([255, 255, 255, 0, 0, 0])
    path = tmp_path / "masks" / "cell" / "a.png"
    path.parent.mkdir(parents=True)
    image.save(path)
    ((_, found, _),) = load_masks(tmp_path).pairs()
    np.testing.assert_array_equal(found, wanted)


def test_marks_tell_that_the_table_of_colours_was_changed(tmp_path):
    write_set(tmp_path, mode=None)
    marks = []
    for order in ([0, 1, 2], [0, 2, 1]):
        table = {f"class {n}": [k, k, k] for n, k in enumerate(order)}
        table["void"] = [255, 255, 255]
        (tmp_path / "colours.json").write_text(json.dumps(table))
        marks.append(load_masks(tmp_path).annotation_marks())
    assert (marks[0] != marks[1]).all()


def test_images_and_masks_move_together(tmp_path):
    # Every pixel of an image says its class, so each mask can be read from its image.
    write_set(tmp_path, size=(24, 20))
    source = load_masks(tmp_path)
    augment = (
        "inception_crop(16,16,0.3,method='nearest')|flip|pad(3)|random_crop(16,16)"
    )
    batches = source.batches(2, image_size=16, training=True, augment=augment, epochs=3)
    for images, masks in numpy(batches):
        codes = np.round((images[..., 0] + 1) * 127.5).astype(np.uint8)
        counted = masks != 255
        np.testing.assert_array_equal(codes[counted], masks[counted] * 40)
        # What is not counted came from outside, or is the column of 255 (40 * 255).
        assert set(np.unique(codes[~counted])) <= {0, 40 * 255 % 256}


def test_a_resumed_stream_gives_the_same_images_and_masks(tmp_path):
    write_set(tmp_path, count=5)
    source, options = (
        load_masks(tmp_path),
        dict(image_size=8, training=True, augment=STEPS),
    )
    whole = numpy(source.batches(2, seed=3, epochs=3, **options))
    rest = numpy(source.batches(2, seed=3, epochs=3, start_step=3, **options))
    assert len(whole) == 6 and len(rest) == 3
    for wanted, found in zip(whole[3:], rest):
        for a, b in zip(wanted, found):
            np.testing.assert_array_equal(a, b)


def test_processes_get_their_parts_of_every_batch(tmp_path):
    write_set(tmp_path, count=5)
    source, options = (
        load_masks(tmp_path),
        dict(image_size=8, training=True, augment=STEPS),
    )
    whole = numpy(source.batches(4, epochs=2, **options))
    for index in range(2):
        part = numpy(source.batches(4, epochs=2, part=(index, 2), **options))
        rows = slice(2 * index, 2 * index + 2)
        for wanted, found in zip(whole, part, strict=True):
            for a, b in zip(wanted, found):
                np.testing.assert_array_equal(a[rows], b)


def test_weights_of_parts_count_every_mask_once(tmp_path):
    masks = list(write_set(tmp_path, count=5).values())
    source, seen = load_masks(tmp_path), []
    for index in range(2):
        for _, found, weights in source.batches(
            4, image_size=(12, 16), part=(index, 2)
        ):
            seen += [m for m, w in zip(found.numpy(), weights.numpy()) if w > 0]
    assert sorted(m.tobytes() for m in seen) == sorted(
        m.astype(np.int32).tobytes() for m in masks
    )


def test_the_source_says_what_it_holds(tmp_path):
    write_set(tmp_path, parts=("train", "test"))
    train, test = load_splits(tmp_path, task="segmentation")
    assert (train.task, train.labels) == ("segmentation", None)
    assert train.class_names == test.class_names == ["0", "1", "2"]
    assert (train.num_examples, test.num_examples) == (3, 3)
    assert train.image_size == (12, 16)
    assert train.steps_per_epoch(2) == 1
    assert train.files == [f"train/images/{n:02d}.png" for n in (0, 2, 4)]
    assert len(train.files_sha256) == 64
    assert "MaskSource" in repr(train)
    assert isinstance(train, keras_vit.data.MaskSource)


def test_a_part_is_drawn_where_there_is_none_for_the_test(tmp_path):
    write_set(tmp_path, count=10)
    train, test = load_splits(tmp_path, task="segmentation")
    assert (train.num_examples, test.num_examples) == (8, 2)
    assert not set(train.files) & set(test.files)
    again = load(tmp_path, task="segmentation")
    assert again.files == train.files


def test_parts_of_the_training_images_keep_their_masks(tmp_path):
    masks = write_set(tmp_path, count=8)
    part = load_masks(tmp_path).take_fraction(0.5)
    assert part.num_examples == 4
    for _, found, name in part.pairs():
        np.testing.assert_array_equal(found, masks[name[-6:-4]])
    with pytest.raises(ValueError, match="take_fraction"):
        load_masks(tmp_path).take_per_class(2)


def test_mixed_images_are_refused_by_name(tmp_path):
    write_set(tmp_path)
    with pytest.raises(ValueError, match="Mixup cannot be done on masks"):
        load_masks(tmp_path).batches(
            2, image_size=8, training=True, augment="mixup(0.2)"
        )


def test_a_grey_image_and_one_in_colour_are_both_read(tmp_path):
    save(tmp_path / "images" / "a.png", mask(seed=1))
    save(tmp_path / "images" / "b.png", coded(mask(seed=2)))
    for stem in "ab":
        save(tmp_path / "masks" / f"{stem}.png", mask())
    images, _ = next(iter(load_masks(tmp_path).batches(2, image_size=8)))
    assert images.shape == (2, 8, 8, 3)
    images, _ = next(
        iter(load_masks(tmp_path).batches(2, image_size=8, num_channels=1))
    )
    assert images.shape == (2, 8, 8, 1)
