import json

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.common.class_colours import class_colours
from keras_vit.inference.segmenting import Segmentation

NAMES = ["background", "cat", "dog with a long name"]


def test_a_mask_is_read_back_as_numbers_and_shown_in_the_colours_of_voc(
    tmp_path,
):
    mask = np.arange(256, dtype="int64").reshape(16, 16)
    keras_vit.write_mask(tmp_path / "mask.png", mask)
    with Image.open(tmp_path / "mask.png") as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), mask)
        shown = np.asarray(picture.convert("RGB"))
    assert shown[0, 1].tolist() == [128, 0, 0] and shown[0, 0].tolist() == [0, 0, 0]
    assert shown[15, 15].tolist() == [224, 224, 192]
    assert [p.name for p in tmp_path.iterdir()] == ["mask.png"]


def test_an_overlay_is_half_image_half_colour_with_a_legend_below():
    image = np.full((40, 300, 1), 100, "uint8")
    mask = np.zeros((40, 300), "uint8")
    mask[:, 100:200], mask[:, 200:] = 2, 255
    picture = keras_vit.overlay(image, mask, NAMES)
    pixels = np.asarray(picture)
    assert pixels.shape[1] == 300 and pixels.shape[0] > 40
    assert (pixels[:40, :100] == 100).all() and (pixels[:40, 200:] == 100).all()
    half = (100 + class_colours(3)[2].astype(float)) / 2
    np.testing.assert_allclose(pixels[20, 150], half, atol=0.5)
    legend = pixels[40:].reshape(-1, 3)
    assert (legend == class_colours(3)[2]).all(axis=1).any()  # whom it names
    assert not (legend == class_colours(3)[1]).all(axis=1).any()  # who is not there
    assert (legend == 0).all(axis=1).sum() > 50  # letters
    bare = np.asarray(keras_vit.overlay(image, mask * 0, NAMES))
    assert (bare == 100).all() and bare.shape == (40, 300, 3)


def test_a_legend_fits_below_a_tiny_image():
    image = np.zeros((4, 4, 3), "uint8")
    mask = np.array([[0, 1, 2, 2]] * 4)
    picture = keras_vit.overlay(image, mask, ["car", *NAMES[1:]], alpha=1)
    assert picture.width > 100 and picture.height > 4 + 3 * 12
    np.testing.assert_array_equal(np.asarray(picture)[:4, :4], class_colours(3)[mask])


def test_what_is_no_mask_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "mask.png"
    path.write_text("old")
    image, mask = np.zeros((2, 2, 3), "uint8"), np.zeros((2, 2), int)
    for wrong in (mask + 256, mask - 1, mask + 0.5, np.zeros((2, 2, 3), int)):
        with pytest.raises(ValueError, match="from 0 to 255"):
            keras_vit.write_mask(path, wrong)
    assert path.read_text() == "old"
    with pytest.raises(ValueError, match="must name every value"):
        keras_vit.overlay(image, mask + 3, NAMES)
    with pytest.raises(ValueError, match="as its mask"):
        keras_vit.overlay(image[:1], mask, NAMES)
    with pytest.raises(ValueError, match=r"`alpha` must lie in \[0, 1\]"):
        keras_vit.overlay(image, mask, NAMES, alpha=2)


def masks_of(folder, names=NAMES):
    """Two files with masks, and one that could not be read."""
    random, found = np.random.default_rng(0), []
    (folder / "images").mkdir()
    for place, size in enumerate([(9, 14), (30, 7)]):
        file = str(folder / "images" / f"{place}.png")
        Image.fromarray(np.zeros((*size, 3), "uint8")).save(file)
        mask = random.integers(0, 3, size).astype("uint8")
        mask[:3] = place  # without 2 there, and a run from the first pixel on
        found.append(Segmentation(file, names, mask, np.zeros((*size, 3), "uint8")))
    return [*found, Segmentation("broken.png", names, error="is broken")]


def test_coco_json_is_read_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    found = masks_of(tmp_path)
    keras_vit.write_coco_masks(tmp_path / "masks.json", iter(found))
    read = coco.COCO(str(tmp_path / "masks.json"))
    assert [row["name"] for row in read.loadCats(read.getCatIds())] == NAMES[1:]
    assert len(read.getImgIds()) == 2
    for number, each in zip(read.getImgIds(), found):
        (image,) = read.loadImgs(number)
        assert (tmp_path / image["file_name"]).samefile(each.file)
        mask = np.zeros_like(each.mask)
        for row in read.loadAnns(read.getAnnIds(number)):
            where = read.annToMask(row) > 0
            mask[where] = row["category_id"]
            left, top, width, height = row["bbox"]
            inside = where[top : top + height, left : left + width]
            assert row["area"] == where.sum() == inside.sum()
            for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert edge.any()
        np.testing.assert_array_equal(mask, each.mask)


def test_coco_json_is_a_data_set_of_masks(tmp_path):
    found = masks_of(tmp_path)
    keras_vit.write_coco_masks(tmp_path / "masks.json", found)
    source = keras_vit.data.load(str(tmp_path / "masks.json"), task="segmentation")
    assert source.class_names == NAMES
    for (_, mask, _), each in zip(source.pairs(), found):
        np.testing.assert_array_equal(mask, each.mask)


def test_a_first_class_that_is_no_background_is_written(tmp_path):
    names = ["road", "car", "sky"]
    keras_vit.write_coco_masks(tmp_path / "masks.json", masks_of(tmp_path, names))
    text = json.loads((tmp_path / "masks.json").read_text())
    assert [row["name"] for row in text["categories"]] == names
    area = sum(row["area"] for row in text["annotations"])
    assert area == 9 * 14 + 30 * 7
    with pytest.raises(ValueError, match="at least one image"):
        keras_vit.write_coco_masks(tmp_path / "other.json", [])
    both = [Segmentation(n, [n], np.zeros((2, 2), "uint8")) for n in ("a", "b")]
    with pytest.raises(ValueError, match="the same classes"):
        keras_vit.write_coco_masks(tmp_path / "masks.json", both)
    assert json.loads((tmp_path / "masks.json").read_text()) == text
