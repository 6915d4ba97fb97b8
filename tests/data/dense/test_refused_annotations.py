"""Wrong annotations are refused before training, with what to do."""

import json
import logging

import formats
import numpy as np
import pytest
from masks import coded, mask, save, write_set
from pictures import encode
from PIL import Image

from keras_vit.data import describe, load, load_splits


def masks_of(array, mode=None):
    def change(root):
        for path in (root / "masks").iterdir():
            path.unlink()
            image = (
                Image.fromarray(array) if mode is None else Image.fromarray(array, mode)
            )
            image.save(path)

    return change


def grey_alpha(root):
    image = Image.fromarray(mask()).convert("LA")
    image.save(root / "masks" / "02.png")


def another_size(root):
    save(root / "masks" / "02.png", mask(16, 16))


def turned_by_exif(root, orientation=6):
    """The mask lies as the pixels of the JPEG are stored, which EXIF turns."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    (root / "images" / "02.png").unlink()
    jpeg = root / "images" / "02.jpg"
    Image.fromarray(coded(mask())).save(jpeg, exif=exif)


def beyond_the_list(root):
    (root / "classes.txt").write_text("other\ncell\n")


def without_mask(root):
    (root / "masks" / "03.png").unlink()


def without_image(root):
    (root / "images" / "03.png").unlink()


def empty_masks(root):
    for path in (root / "masks").iterdir():
        path.unlink()


def two_of_one_name(root):
    save(root / "images" / "03.bmp", coded(mask()))


def broken_mask(root):
    path = root / "masks" / "04.png"
    path.write_bytes(path.read_bytes()[:60])


def broken_image(root):
    (root / "images" / "04.png").write_bytes(b"no image")


def jpeg_masks(root):
    (root / "masks" / "01.png").unlink()
    save(root / "masks" / "01.jpg", np.zeros((12, 16), np.uint8))


def sixteen_bits(root):
    Image.fromarray(mask().astype(np.uint16) * 40).save(root / "masks" / "01.png")


def unknown_colour(root):
    table = {"background": [0, 0, 0], "cell": [0, 0, 40], "void": [9, 9, 9]}
    (root / "colours.json").write_text(json.dumps(table))
    for path in (root / "masks").iterdir():
        save(
            path,
            np.uint8([0, 0, 40]) * (np.arange(192).reshape(12, 16, 1) % 2 == 0)
            + np.uint8([1, 0, 0]) * (path.stem == "05"),
        )


def broken_table(root):
    (root / "colours.json").write_text('{"background": [0, 0]}')


GREY_LEVELS = np.kron([[0, 128], [64, 192]], np.ones((6, 8))).astype(np.uint8)
WRONG_MASKS = {
    grey_alpha: r"02.png has an alpha channel.*mode LA.*getchannel\(0\)",
    masks_of(np.eye(12, 16, dtype=np.uint8) * 255): "hold only 0 and 255.*colours.json",
    masks_of(coded(mask())): r"in colour, and no table.*colours.json.*\[0, 0, 0\]",
    masks_of(GREY_LEVELS): "values of the masks are 0, 64, 128, 192: not the numbers",
    masks_of(np.zeros((12, 16), np.uint8)): "all pixels of the masks are of one value",
    another_size: "masks/02.png is of 16x16 pixels.*its image has 12x16",
    turned_by_exif: "02.png is of 12x16 pixels.*has 16x12. EXIF turns this image",
    beyond_the_list: "has the values 2, and there are 2 classes, 0 to 1.*classes.txt",
    without_mask: r"1 image \(03\) in .*images without a mask",
    without_image: r"1 mask \(03\) in .*masks without an image",
    empty_masks: "masks holds no images. Put the files in",
    two_of_one_name: "two files named 03: 03.bmp and 03.png",
    broken_mask: "1 image cannot be used: the mask .*04.png.*corrupt='skip'",
    broken_image: "1 image cannot be used: the image .*04.png: not an image",
    jpeg_masks: "01.jpg is a JPEG, which changes class numbers",
    sixteen_bits: "01.png has values from .* number objects",
    unknown_colour: r"05.png has \d+ pixels of colours that.*lacks: \[1, 0, 0\]",
    broken_table: "colours.json must give each class a colour",
}


@pytest.mark.parametrize("change", WRONG_MASKS, ids=lambda change: change.__name__)
def test_wrong_masks_are_refused_before_training(tmp_path, change):
    write_set(tmp_path)
    change(tmp_path)
    with pytest.raises(ValueError, match=f"(?s){WRONG_MASKS[change]}"):
        load(tmp_path, task="segmentation")


def annotation(number, **values):
    """A change of one annotation of COCO; `None` takes a part away."""

    def change(entries):
        entries["annotations"][number].update(values)
        entries["annotations"][number] = {
            k: v for k, v in entries["annotations"][number].items() if v is not None
        }

    return change


WRONG_COCO = {
    "outside": (annotation(0, bbox=[50, 22, 17, 12]), "1000 reaches outside.*48x64"),
    "shares": (annotation(0, bbox=[-9, 0.2, 0.5, 0.1]), "1000 reaches outside"),
    "empty": (annotation(0, bbox=[5, 22, 0, 12]), "1000 is empty.*Remove it"),
    "nan": (annotation(0, bbox=[float("nan"), 2, 3, 4]), "1000 reaches outside"),
    "class": (annotation(0, category_id=5), "1000 is of the category 5.*not listed"),
    "three numbers": (annotation(0, bbox=[1, 2, 3]), "a bbox of 3 numbers"),
    "two corners": (annotation(0, segmentation=[[1, 2, 3, 4]]), "three corners"),
    "no image": (annotation(0, image_id=None), "1000 has no 'image_id'"),
    "missing file": (
        lambda entries: entries["images"][2].update(file_name="none.png"),
        r"1 image \(none.png\) that are not in",
    ),
    "other size": (
        lambda entries: entries["images"][0].update(width=640),
        "is of 48x640 pixels.*has 48x64",
    ),
    "as stored": (
        lambda entries: entries["images"][5].update(width=64, height=48),
        "005.jpg is of 48x64 .*EXIF turns this image",
    ),
    "id": (
        lambda entries: entries["categories"][0].update(id=float("inf")),
        "every category must have an id",
    ),
    "no categories": (
        lambda entries: entries.update(categories=[]),
        "names no classes",
    ),
}


@pytest.mark.parametrize("name", WRONG_COCO)
def test_wrong_json_of_coco_is_refused(tmp_path, name):
    change, text = WRONG_COCO[name]
    root = formats.coco_with(tmp_path / "set", change)
    with pytest.raises(ValueError, match=f"(?s){text}"):
        load(root, task="detection")


def test_a_missing_bbox_is_that_of_the_segmentation(tmp_path):
    def change(entries):
        for entry in entries["annotations"]:
            del entry["bbox"], entry["iscrowd"], entry["area"]

    root = formats.coco_with(tmp_path / "set", change)
    for _, found, file in load(f"{root}:all", task="detection").pairs():
        wanted = formats.truth()[file[-7:-4]]["boxes"]
        np.testing.assert_array_equal(found["boxes"], wanted)


def test_boxes_without_segmentation_are_no_masks(tmp_path):
    root = formats.coco_with(tmp_path / "set", annotation(1, segmentation=[]))
    with pytest.raises(ValueError, match=r"only a box.*task='detection'"):
        load(root, task="segmentation")
    assert load(f"{root}:all", task="detection").num_examples == 6


def test_a_box_that_is_a_little_outside_is_cut(tmp_path):
    root = formats.coco_with(tmp_path / "set", annotation(0, bbox=[50, 22, 14.6, 12]))
    _, found, _ = next(load(f"{root}:all", task="detection").pairs())
    np.testing.assert_array_equal(found["boxes"][0], [50, 22, 64, 34])


YOLO_LINES = {
    "0 33 12 8 9": "line 1.*shares of its width",
    "3 .5 .5 .1 .1": "class 3 is beyond the 3 classes",
    "0 .5 .5 .1": "Received: 3 numbers",
    "0 a b c d": "a class and numbers",
    "0 .5 .5 0 .1": "is empty",
    "inf .5 .5 .1 .1": "class inf is beyond the 3 classes",
}


@pytest.mark.parametrize("line", YOLO_LINES)
def test_wrong_lines_of_yolo_are_refused(tmp_path, line):
    formats.yolo(tmp_path / "set")
    (tmp_path / "set" / "labels" / "000.txt").write_text(line)
    with pytest.raises(ValueError, match=f"(?s)000.txt.*{YOLO_LINES[line]}"):
        load(tmp_path / "set", task="detection")


def test_xml_with_entities_is_not_read(tmp_path):
    formats.voc(tmp_path / "set")
    path = tmp_path / "set" / "Annotations" / "000.xml"
    text = path.read_text()
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]>' + text)
    with pytest.raises(ValueError, match="document type or entities"):
        load(tmp_path / "set", task="detection")
    path.write_text(text.replace("</annotation>", ""))
    with pytest.raises(ValueError, match=r"000.xml: no element found|000.xml: "):
        load(tmp_path / "set", task="detection")
    path.write_text(text.replace("<width>", "<width>inf</width><width>"))
    with pytest.raises(ValueError, match=r"000.xml: .*infinity"):
        load(tmp_path / "set", task="detection")


def test_other_shapes_of_labelme_are_refused(tmp_path):
    formats.labelme(tmp_path / "set")
    path = tmp_path / "set" / "annotations" / "001.json"
    entries = json.loads(path.read_text())
    entries["shapes"][1]["shape_type"] = "linestrip"
    path.write_text(json.dumps(entries))
    with pytest.raises(
        ValueError, match="shape 2: the shape 'linestrip' is no polygon"
    ):
        load(tmp_path / "set", task="segmentation")
    entries["imageHeight"] = float("inf")
    path.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"001.json is no file of LabelMe: .*infinity"):
        load(tmp_path / "set", task="segmentation")


def test_what_cannot_be_used_can_be_left_out(tmp_path):
    write_set(tmp_path)
    broken_mask(tmp_path)
    another_size(tmp_path)
    source = load(f"{tmp_path}:all", task="segmentation", corrupt="skip")
    assert source.num_examples == 4 and len(source.skipped) == 2
    assert [name for name, _ in source.skipped] == ["images/02.png", "images/04.png"]
    assert len(list(source.pairs())) == 4


def test_a_mask_that_breaks_later_is_named(tmp_path):
    write_set(tmp_path)
    source = load(f"{tmp_path}:all", task="segmentation")
    another_size(tmp_path)
    text = r"Image with a wrong annotation: .*images/02.png.*masks/02.png is of 16x16"
    with pytest.raises(Exception, match=text):
        list(source.batches(2, image_size=8))


def test_white_can_be_a_class_by_a_table(tmp_path):
    write_set(tmp_path)
    masks_of(np.eye(12, 16, dtype=np.uint8) * 255)(tmp_path)
    table = {"background": [0, 0, 0], "cell": [255, 255, 255]}
    (tmp_path / "colours.json").write_text(json.dumps(table))
    source = load(f"{tmp_path}:all", task="segmentation")
    assert source.class_names == ["background", "cell"]
    _, found, _ = next(source.pairs())
    np.testing.assert_array_equal(found, np.eye(12, 16))


def test_what_was_found_is_said(tmp_path, caplog):
    write_set(tmp_path, parts=("train", "test"))
    save(tmp_path / "train" / "images" / "00.png", np.uint8(7) * mask())
    with caplog.at_level(logging.INFO):
        load_splits(tmp_path, task="segmentation")
    text = caplog.text
    assert text.count("images and masks, 6 images, 3 classes") == 1
    assert "255, not counted: 6.25 %" in text  # one column of 16
    assert "1 images are grey and 5 in colour" in text
    said = describe(tmp_path)
    assert said.kind == "folder for segmentation: images and masks"
    assert said.splits == {"train": 3, "test": 3}
    assert said.image_size == (12, 16) and said.num_grey == 1


def test_a_set_of_boxes_is_described(tmp_path):
    formats.coco(tmp_path / "set")
    said = describe(tmp_path / "set")
    assert said.kind == "folder for detection: COCO json"
    assert said.class_names == tuple(formats.CLASSES)
    # By the truth: images 1, 3 and 5 have round ones.
    assert said.examples_per_class == {"round": 3, "box": 3, "two parts": 4}
    assert "1 are crowds or difficult; 1 images have none, and one has 5" in said.notes
    assert "EXIF turns or mirrors 1 of the images" in said.notes


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_images_that_exif_mirrors_are_told(tmp_path, orientation):
    write_set(tmp_path)
    turned_by_exif(tmp_path, orientation)
    text = "EXIF turns or mirrors 1 of the images; sizes and annotations must be"
    assert text in describe(tmp_path).notes


def test_annotated_sets_are_no_folders_of_classes(tmp_path):
    write_set(tmp_path / "a")
    with pytest.raises(ValueError, match=r"task='segmentation'.*--task segmentation"):
        load(tmp_path / "a")
    formats.coco(tmp_path / "b")
    with pytest.raises(ValueError, match=r"holds COCO json.*task='detection'"):
        load(tmp_path / "b")


def test_folders_without_annotations_say_what_is_read(tmp_path):
    (tmp_path / "a.png").write_bytes(encode(mask()))
    with pytest.raises(
        ValueError, match=r"no images that are annotated.*images/ and masks/"
    ):
        load(tmp_path, task="segmentation")
    with pytest.raises(ValueError, match="COCO json, VOC xml, YOLO txt"):
        load(tmp_path, task="detection")
    with pytest.raises(ValueError, match="`task` must be one of"):
        load(tmp_path, task="segment")
