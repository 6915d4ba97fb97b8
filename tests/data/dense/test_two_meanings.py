"""Sets that say two things of one image are refused, naming both."""

import json
import shutil

import formats
import numpy as np
import pytest
from masks import mask, save, write_set

from keras_vit.data import load

SEGMENTATION, DETECTION = {"task": "segmentation"}, {"task": "detection"}

COCO = {
    "an id of two images": (
        lambda entries: entries["images"][1].update(id=entries["images"][0]["id"]),
        "two images of the id",
    ),
    "a file of two images": (
        lambda entries: entries["images"][1].update(file_name="./000.png"),
        "two images of the file_name 000.png",
    ),
    "an id of two categories": (
        lambda entries: entries["categories"][1].update(
            id=entries["categories"][0]["id"]
        ),
        "two categories of the id",
    ),
}


@pytest.mark.parametrize("name", COCO)
@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_a_json_of_coco_lists_everything_once(tmp_path, name, task):
    change, text = COCO[name]
    formats.coco_with(tmp_path / "set", change)
    with pytest.raises(ValueError, match=f"instances.json lists {text}"):
        load(tmp_path / "set", task=task)


def test_two_splits_of_coco_share_no_image(tmp_path):
    formats.coco(tmp_path / "set")
    for split in ("train", "val"):
        shutil.copy(tmp_path / "set/instances.json", tmp_path / f"set/{split}.json")
    (tmp_path / "set" / "instances.json").unlink()
    with pytest.raises(ValueError, match=r"train.json and .*val.json.*6 images \(im"):
        load(tmp_path / "set", **DETECTION)


def test_two_files_of_labelme_for_one_image_are_refused(tmp_path):
    formats.labelme(tmp_path / "set")
    folder = tmp_path / "set" / "annotations"
    entries = json.loads((folder / "001.json").read_text())
    entries["imagePath"] = json.loads((folder / "000.json").read_text())["imagePath"]
    (folder / "001.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"000.json and .*001.json.*000.png"):
        load(tmp_path / "set", **DETECTION)


def test_two_images_for_one_file_of_yolo_are_refused(tmp_path):
    formats.yolo(tmp_path / "set")
    save(tmp_path / "set" / "images" / "000.bmp", np.zeros((48, 64), np.uint8))
    with pytest.raises(ValueError, match=r"two images named 000: 000.bmp and 000.png"):
        load(tmp_path / "set", **DETECTION)


def test_two_masks_for_one_image_are_refused(tmp_path):
    write_set(tmp_path)
    save(tmp_path / "masks" / "03_seg.png", mask(seed=9))
    with pytest.raises(ValueError, match=r"two masks for .*03.png: 03.png and 03_seg"):
        load(tmp_path, **SEGMENTATION)


def test_masks_of_classes_with_two_endings_are_refused(tmp_path):
    save(tmp_path / "images" / "a.png", mask())
    for name, file in (("cell", "a"), ("nucleus", "a_mask")):
        save(tmp_path / "masks" / name / f"{file}.png", np.eye(12, 16, dtype=np.uint8))
    with pytest.raises(
        ValueError, match=r"two masks for .*a.png: a.png and a_mask.png"
    ):
        load(tmp_path, **SEGMENTATION)
