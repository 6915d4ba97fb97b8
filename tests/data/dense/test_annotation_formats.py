"""Every format of annotations against the truth."""

import formats
import numpy as np
import pytest

from keras_vit.data import load

MASKS = ["palette", "index", "colour", "binary", "coco", "yolo_segments", "labelme"]
BOXES = ["coco", "voc", "yolo", "labelme"]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "a set"


@pytest.mark.parametrize("name", MASKS)
def test_masks_are_the_truth(root, name):
    getattr(formats, name)(root)
    source = load(f"{root}:all", task="segmentation")
    assert source.class_names == ["background", *formats.CLASSES]
    truth, seen = formats.truth(), 0
    key = "semantic_255" if name == "palette" else "semantic"
    for image, mask, file in source.pairs():
        wanted = truth[file[-7:-4]][key]
        np.testing.assert_array_equal(mask, wanted, f"{name} {file}")
        assert mask.dtype == np.uint8 and image.shape[:2] == mask.shape
        seen += 1
    assert seen == len(truth) == 6


@pytest.mark.parametrize("name", BOXES)
def test_boxes_are_the_truth(root, name):
    getattr(formats, name)(root)
    source = load(f"{root}:all", task="detection")
    assert source.class_names == formats.CLASSES
    truth, seen = formats.truth(), 0
    # YOLO writes shares with six digits; it and LabelMe have no crowds.
    atol = {"yolo": 1e-4}.get(name, 0)
    for _, found, file in source.pairs():
        wanted = truth[file[-7:-4]]
        boxes, classes = found["boxes"], found["classes"]
        np.testing.assert_allclose(
            boxes, wanted["boxes"], rtol=0, atol=atol, err_msg=file
        )
        np.testing.assert_array_equal(classes, wanted["classes"], f"{name} {file}")
        crowd = wanted["crowd"] if name in ("coco", "voc") else 0 * wanted["crowd"]
        np.testing.assert_array_equal(found["crowd"], crowd, f"{name} {file}")
        assert boxes.dtype == np.float64 and boxes.shape[1:] == (4,)
        seen += 1
    assert seen == len(truth) == 6
