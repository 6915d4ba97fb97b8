"""The background is the first class of masks, whoever names it."""

import json

import formats
import numpy as np
import pytest
from masks import coded, mask, save

from keras_vit.data import load

SEGMENTATION = {"task": "segmentation"}


@pytest.mark.parametrize(
    ("listed", "first"),
    [
        ("cell\nnucleus", "background"),
        ("cell\nbackground\nnucleus", "background"),
        ("_background_\ncell\nnucleus", "_background_"),
        ("other\ncell\nnucleus", "other"),
        (None, "background"),
    ],
)
def test_binary_masks_leave_number_0_to_the_background(tmp_path, listed, first):
    for split in ("train", "val"):
        save(tmp_path / split / "images" / "a.png", coded(mask()))
        for number, name in enumerate(("cell", "nucleus")):
            shown = np.zeros((12, 16), np.uint8)
            shown[3 * number : 3 * number + 3] = 255
            save(tmp_path / split / "masks" / name / "a.png", shown)
    if listed is not None:
        (tmp_path / "classes.txt").write_text(listed)
    for split in ("train", "validation"):
        source = load(f"{tmp_path}:{split}", **SEGMENTATION)
        assert source.class_names == [first, "cell", "nucleus"]
        ((_, found, _),) = source.pairs()
        assert found[:, 0].tolist() == 3 * [1] + 3 * [2] + 6 * [0]


def box_named_background(entries):
    entries["categories"][1]["name"] = "Background"


def test_a_category_called_background_is_no_object_of_masks(tmp_path):
    formats.coco(tmp_path / "plain")
    formats.coco_with(tmp_path / "set", box_named_background)
    plain = load(f"{tmp_path / 'plain'}:all", **SEGMENTATION)
    source = load(f"{tmp_path / 'set'}:all", **SEGMENTATION)
    assert source.class_names == ["background", "round", "two parts"]
    for (_, found, _), (_, before, _) in zip(source.pairs(), plain.pairs()):
        np.testing.assert_array_equal(
            found, np.array([0, 1, 0, 2] + 252 * [255])[before]
        )


def test_a_class_of_yolo_called_background_is_no_object_of_masks(tmp_path):
    formats.yolo_segments(tmp_path / "set")
    path = tmp_path / "set" / "data.yaml"
    path.write_text("path: .\ntrain: images\nval: images\nnames: [background, b, c]")
    source = load(f"{tmp_path / 'set'}:all", **SEGMENTATION)
    assert source.class_names == ["background", "b", "c"]
    seen = {value for _, found, _ in source.pairs() for value in np.unique(found)}
    assert seen == {0, 1, 2}


def test_the_background_alone_is_refused(tmp_path):
    save(tmp_path / "a.png", coded(mask()))
    square = [2, 2, 8, 2, 8, 8, 2, 8]
    entries = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "segmentation": [square]}],
        "categories": [{"id": 1, "name": "background"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match="no class but the background"):
        load(f"{tmp_path}:all", **SEGMENTATION)
