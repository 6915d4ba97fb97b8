"""What `predict` writes takes no place of an image, or of what else it writes."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_vit.commands.judging.box_files import BoxFiles
from keras_vit.commands.judging.mask_files import MaskFiles, picture_names
from keras_vit.inference.detecting import Detections
from keras_vit.inference.segmenting import Segmentation

WRITERS = [MaskFiles, BoxFiles]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (6, 4)).save(folder / name)
    return sorted(folder.iterdir())


def content(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "writer, places",
    [
        (MaskFiles, {"out": "photos"}),
        (MaskFiles, {"overlay": "photos"}),
        (BoxFiles, {"overlay": "photos"}),
        (MaskFiles, {"out": "link"}),
        (MaskFiles, {"coco": "photos/a.png"}),
        (BoxFiles, {"coco": "photos/b.jpg"}),
        (BoxFiles, {"coco": "model.keras"}),
        (MaskFiles, {"out": "masks", "coco": "masks/b.png"}),
    ],
)
def test_no_file_is_written_over_another(writer, places, photos, tmp_path):
    (tmp_path / "link").symlink_to("photos")
    (tmp_path / "masks").mkdir()
    (tmp_path / "model.keras").write_bytes(b"model")
    before = content(tmp_path)
    places = {name: tmp_path / place for name, place in places.items()}
    with pytest.raises(ValueError, match="would be replaced"):
        writer(photos, **places, kept=[tmp_path / "model.keras"])
    assert content(tmp_path) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_masks_and_pictures_are_not_written_into_one_folder(writer, photos, tmp_path):
    for one, other in (("new", "new"), ("new", "photos/../new")):
        with pytest.raises(ValueError, match="must be different folders"):
            writer(photos, out=tmp_path / one, overlay=tmp_path / other)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_json_does_not_take_the_place_of_a_folder(writer, photos, tmp_path):
    before = content(tmp_path)
    with pytest.raises(ValueError, match="is a file, not a folder"):
        writer(photos, coco=tmp_path / "photos")
    assert content(tmp_path) == before


def test_numbers_of_equal_names_never_take_the_name_of_another_image():
    files = ["x/a.jpg", "y/a.jpg", "z/a-2.jpg", "z/A.png", "x/a.jpg", "b/c.tif"]
    assert picture_names(files) == {
        "x/a.jpg": "a.png",
        "y/a.jpg": "a-3.png",
        "z/a-2.jpg": "a-2.png",
        "z/A.png": "A-4.png",
        "b/c.tif": "c.png",
    }


def test_what_takes_no_place_is_written_beside_the_images(photos, tmp_path):
    places = {name: tmp_path / "photos" / name for name in ("out", "overlay")}
    before, mask = content(tmp_path), np.ones((4, 6), "uint8")
    picture = np.zeros((4, 6, 3), "uint8")
    found = [Segmentation(str(p), ["sky", "cell"], mask, picture) for p in photos]
    MaskFiles(photos, **places, coco=tmp_path / "all.json").write(found)
    for place in places.values():
        assert sorted(p.name for p in place.iterdir()) == ["a.png", "b.png"]
    assert len(json.loads((tmp_path / "all.json").read_text())["images"]) == 2
    assert before.items() <= content(tmp_path).items()
    again = [*photos, *places["out"].iterdir()]  # now masks would be read as images
    with pytest.raises(ValueError, match="of an earlier prediction"):
        MaskFiles(again, **places)


def test_pictures_of_boxes_have_names_of_their_own(tmp_path):
    none = {"boxes": np.zeros((0, 4)), "classes": np.zeros(0, int)}
    none |= {"scores": np.zeros(0), "image": np.zeros((4, 6, 3), "uint8")}
    found = [Detections(name, ["cell"], **none) for name in ("x/a.jpg", "y/a.jpg")]
    BoxFiles([each.file for each in found], overlay=tmp_path / "seen").write(found)
    assert sorted(p.name for p in (tmp_path / "seen").iterdir()) == ["a-2.png", "a.png"]
