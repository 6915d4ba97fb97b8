"""Where images and annotations may lie."""

import json
import os
import shutil

import formats
import numpy as np
import pytest
from masks import coded, mask, save, write_set

from keras_vit.common import regular
from keras_vit.data import describe, hold_out, load, load_splits, open_place, splits
from keras_vit.data.dense import folders

SEGMENTATION, DETECTION = {"task": "segmentation"}, {"task": "detection"}


def masks_in(root, folders, count=2):
    """Images and masks in pairs of folders; each mask has the seed of its number."""
    for part, (images, masks) in enumerate(folders):
        for number in range(count):
            array = mask(seed=count * part + number)
            save(root / images.format(number), coded(array))
            save(root / masks.format(number), array)


SPLITS = {"train": 2, "validation": 2}
LAYOUTS = {
    "split folders": (
        [("train/images/{}.png", "train/masks/{}.png")]
        + [("valid/images/{}.png", "valid/masks/{}.png")],
        SPLITS,
    ),
    "split folders inside": (
        [("images/training/{}.png", "annotations/training/{}.png")]
        + [("images/val/{}.png", "annotations/val/{}.png")],
        SPLITS,
    ),
    "endings": ([("imgs/{}.bmp", "masks/{}_mask.png")], {"all": 2}),
    "folders in folders": ([("images/a/{}.png", "masks/a/{}.png")], {"all": 2}),
    "capitals": ([("Images/{}.png", "Masks/{}.png")], {"all": 2}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_masks_are_matched_by_name(tmp_path, name):
    folders, wanted = LAYOUTS[name]
    masks_in(tmp_path, folders)
    (tmp_path / "classes.txt").write_text("a\nb\n\nc\n")
    assert splits(tmp_path, **SEGMENTATION) == wanted
    found = [m for _, m, _ in load(f"{tmp_path}:all", **SEGMENTATION).pairs()]
    for number, each in enumerate(found):
        np.testing.assert_array_equal(each, mask(seed=number))


def test_sets_of_voc_name_their_images(tmp_path):
    masks_in(tmp_path, [("JPEGImages/{}.png", "SegmentationClass/{}.png")], count=4)
    save(tmp_path / "JPEGImages" / "without.png", coded(mask()))
    for name, stems in (("train", "0\n2\n"), ("val", "3")):
        path = tmp_path / "ImageSets" / "Segmentation" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stems)
    train, test = load_splits(tmp_path, **SEGMENTATION)
    assert train.files == ["JPEGImages/0.png", "JPEGImages/2.png"]
    assert test.files == ["JPEGImages/3.png"]
    path.write_text("9")
    with pytest.raises(ValueError, match=r"names 1 image \(9\) without an annotation"):
        load(tmp_path, **SEGMENTATION)


def test_a_test_folder_without_masks_is_told(tmp_path):
    masks_in(tmp_path, [("train/images/{}.png", "train/masks/{}.png")], count=5)
    save(tmp_path / "test" / "images" / "0.png", coded(mask()))
    said = describe(tmp_path).notes
    assert "test holds images without masks, or masks without images: left" in said
    train, test = load_splits(tmp_path, **SEGMENTATION)
    assert (train.num_examples, test.num_examples) == (4, 1)


@pytest.mark.parametrize("lacking", ["images", "masks"])
def test_a_split_with_one_of_images_and_masks_is_told(tmp_path, lacking):
    pairs = [(f"images/{s}/{{}}.png", f"masks/{s}/{{}}.png") for s in ("train", "val")]
    masks_in(tmp_path, pairs)
    shutil.rmtree(tmp_path / lacking / "val")
    other = {"images": "masks", "masks": "images"}[lacking]
    assert splits(tmp_path, **SEGMENTATION) == {"train": 2}
    assert (
        f"{other}/val holds images without masks, or masks" in describe(tmp_path).notes
    )
    assert "train holds" not in describe(tmp_path).notes


def yolo_in_splits(root):
    """Images and labels in folders of two splits, without a data.yaml."""
    formats.yolo(root)
    (root / "data.yaml").unlink()
    formats.name_classes(root)
    for name in ("images", "labels"):
        os.replace(root / name, root / "files")
        for split in ("train", "val"):
            shutil.copytree(root / "files", root / name / split)
        shutil.rmtree(root / "files")


def test_a_split_of_yolo_without_labels_is_told_or_refused(tmp_path):
    yolo_in_splits(tmp_path / "set")
    shutil.rmtree(tmp_path / "set" / "labels" / "val")
    said = describe(tmp_path / "set", **DETECTION)
    assert said.splits == {"train": 6}
    assert "images/val holds images without labels: left aside" in said.notes
    yaml = "path: .\ntrain: images/train\nval: images/val\nnames: [a, b, c]"
    (tmp_path / "set" / "data.yaml").write_text(yaml)
    with pytest.raises(ValueError, match=r"no folder of labels for .*images/val"):
        load(tmp_path / "set", **DETECTION)


def test_a_split_of_labelme_and_coco_without_json_is_told(tmp_path):
    for name, lacks in (("labelme", "json files"), ("coco", "a json")):
        root, there = tmp_path / name, "train"
        getattr(formats, name)(root / there)
        for image in (root / there / "images").iterdir():
            shutil.copy(image, root / there / image.name)
        save(root / "val" / "a.png", coded(mask()))
        for file in (root / there / "annotations").glob("*.json"):
            entries = json.loads(file.read_text())
            entries["imagePath"] = os.path.basename(entries["imagePath"])
            (root / there / file.name).write_text(json.dumps(entries))
        said = describe(root, **DETECTION)
        assert said.splits == {"train": 6}
        assert f"val holds images without {lacks}" in said.notes


def test_a_file_can_be_named_itself(tmp_path):
    formats.coco(tmp_path / "coco")
    formats.yolo(tmp_path / "yolo")
    for file in ("coco/instances.json", "yolo/data.yaml"):
        assert load(f"{tmp_path / file}:all", **DETECTION).num_examples == 6
    with pytest.raises(ValueError, match="no images that are annotated"):
        load(tmp_path / "coco" / "images" / "000.png", **DETECTION)


def test_two_files_of_coco_for_one_part_are_refused(tmp_path):
    formats.coco(tmp_path / "set")
    shutil.copy(tmp_path / "set" / "instances.json", tmp_path / "set" / "other.json")
    with pytest.raises(
        ValueError, match=r"several files of COCO.*Name the file itself"
    ):
        load(tmp_path / "set", **DETECTION)


def test_roboflow_has_a_json_in_each_split(tmp_path):
    for split in ("train", "valid"):
        formats.coco(tmp_path / split)
        for image in (tmp_path / split / "images").iterdir():
            os.replace(image, tmp_path / split / image.name)
        (tmp_path / split / "images").rmdir()
        os.replace(
            tmp_path / split / "instances.json",
            tmp_path / split / "_annotations.coco.json",
        )
    assert splits(tmp_path, **DETECTION) == {"train": 6, "validation": 6}
    train, test = load_splits(tmp_path, **DETECTION)
    assert train.files[0] == "train/000.png" and test.files[0] == "valid/000.png"


def test_yolo_is_read_without_a_yaml(tmp_path):
    formats.yolo(tmp_path / "set")
    (tmp_path / "set" / "data.yaml").unlink()
    with pytest.raises(ValueError, match=r"no names of the classes.*classes.txt"):
        load(tmp_path / "set", **DETECTION)
    formats.name_classes(tmp_path / "set")
    assert load(f"{tmp_path / 'set'}:all", **DETECTION).class_names == formats.CLASSES


@pytest.mark.parametrize(
    "names",
    [
        "names: ['round', \"box\", two parts]  # three",
        "names: {0: round, 1: box, 2: two parts}",
        "names:\n- round\n- box\n- 'two parts'",
        "names:\n  0: round\n  # one\n  1: box\n  2: two parts",
    ],
)
def test_yaml_of_yolo_is_read_as_people_write_it(tmp_path, names):
    formats.yolo(tmp_path / "set")
    path = tmp_path / "set" / "data.yaml"
    path.write_text(f"# a set\ntrain: ../images\nval: images\nnc: 3\n{names}\n")
    source = load(f"{tmp_path / 'set'}:all", **DETECTION)
    assert source.class_names == formats.CLASSES and source.num_examples == 6


def test_labelme_lies_beside_its_images(tmp_path):
    formats.lay_out(tmp_path, images="set")
    labels = formats.golden.path("dense/formats/labelme")
    for path in labels.iterdir():
        entries = json.loads(path.read_text())
        entries["imagePath"] = os.path.basename(entries["imagePath"])
        (tmp_path / "set" / path.name).write_text(json.dumps(entries))
    source = load(f"{tmp_path / 'set'}:all", **DETECTION)
    assert source.class_names == sorted(formats.CLASSES)
    assert source.files == [
        f"00{n}.{'jpg' if n in (1, 5) else 'png'}" for n in range(6)
    ]


def test_rectangles_of_labelme_may_have_four_corners(tmp_path):
    points = [[2, 2], [8, 2], [8, 6], [2, 6]]
    shape = {"label": "cell", "points": points, "shape_type": "rectangle"}
    save(tmp_path / "a.png", np.zeros((12, 16), np.uint8))
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape]}))
    ((_, found, _),) = load(f"{tmp_path}:all", **DETECTION).pairs()
    np.testing.assert_array_equal(found["boxes"], [[2, 2, 8, 6]])
    ((_, drawn, _),) = load(f"{tmp_path}:all", **SEGMENTATION).pairs()
    shape.update(points=points[::2])
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape]}))
    ((_, wanted, _),) = load(f"{tmp_path}:all", **SEGMENTATION).pairs()
    assert drawn.any()
    np.testing.assert_array_equal(drawn, wanted)


@pytest.mark.parametrize("name", ["colon_train", "stuffed_animals_train"])
def test_names_of_files_of_coco_may_begin_as_others_do(tmp_path, name):
    formats.coco(tmp_path / "set")
    folder = tmp_path / "set"
    os.replace(folder / "instances.json", folder / f"{name}.json")
    assert splits(folder, **DETECTION) == {"train": 6}


def test_background_and_ignored_shapes_of_labelme_are_no_objects(tmp_path):
    square = [[2, 2], [8, 2], [8, 8], [2, 8]]
    shapes = [
        {"label": "cell", "points": [[1, 1], [11, 9]], "shape_type": "rectangle"},
        {"label": "_background_", "points": square, "shape_type": "polygon"},
        {"label": "__ignore__", "points": [[13, 5], [13, 7]], "shape_type": "circle"},
    ]
    save(tmp_path / "a.png", np.zeros((12, 16), np.uint8))
    save(tmp_path / "b.png", np.zeros((12, 16), np.uint8))
    (tmp_path / "a.json").write_text(json.dumps({"shapes": shapes}))
    (tmp_path / "b.json").write_text(json.dumps({"shapes": []}))
    source = load(f"{tmp_path}:all", **SEGMENTATION)
    assert source.class_names == ["background", "cell"]
    (_, found, _), (_, empty, _) = source.pairs()
    assert found[1, 1] == 1 and found[8, 10] == 1 and found[4, 4] == 0
    assert found[5, 13] == 255 and not empty.any()
    (_, objects, _), _ = load(f"{tmp_path}:all", **DETECTION).pairs()
    np.testing.assert_array_equal(objects["boxes"], [[1, 1, 11, 9]])


def test_images_can_be_held_out_for_validation(tmp_path):
    write_set(tmp_path, count=6)
    rest, held = hold_out(load(f"{tmp_path}:all", **SEGMENTATION), 1 / 3)
    assert (rest.num_examples, held.num_examples) == (4, 2)
    assert not set(rest.files) & set(held.files)
    assert held.task == "segmentation"


def test_a_truncated_image_is_named_or_left_out(tmp_path):
    write_set(tmp_path)
    path = tmp_path / "images" / "02.png"
    path.write_bytes(path.read_bytes()[:-30])
    source = load(f"{tmp_path}:all", **SEGMENTATION)
    with pytest.raises(Exception, match=r"Corrupt image: .*02.png"):
        list(source.batches(2, image_size=8))
    left = load(f"{tmp_path}:all", **SEGMENTATION, corrupt="skip")
    assert left.num_examples == 5 and "02.png" in left.skipped[0][0]


@pytest.mark.parametrize("name", ["palette", "binary", "coco", "voc", "labelme"])
def test_marks_tell_which_annotation_was_changed(tmp_path, name):
    getattr(formats, name)(tmp_path / "set")
    task = DETECTION if name == "voc" else SEGMENTATION
    before = load(f"{tmp_path / 'set'}:all", **task).annotation_marks()
    assert len(set(before.tolist())) >= 5 and before.dtype == np.int64
    again = load(f"{tmp_path / 'set'}:all", **task).annotation_marks()
    np.testing.assert_array_equal(before, again)
    _change_the_fourth(tmp_path / "set", name)
    after = load(f"{tmp_path / 'set'}:all", **task).annotation_marks()
    assert np.flatnonzero(before != after).tolist() == [3]


def _change_the_fourth(root, name):
    if name in ("palette", "binary"):
        folder = root / "masks" / ("round" if name == "binary" else "")
        save(folder / "003.png", np.zeros((52, 70), np.uint8))
    elif name == "coco":
        path = root / "instances.json"
        entries = json.loads(path.read_text())
        entries["annotations"][9]["segmentation"][0][0] += 1
        assert entries["annotations"][9]["image_id"] == 37
        path.write_text(json.dumps(entries))
    else:
        path = root / "Annotations" / "003.xml" if name == "voc" else None
        path = path or root / "annotations" / "003.json"
        text = path.read_text()
        path.write_text(text.replace("<ymin>11", "<ymin>12").replace("11.06", "12.06"))
        assert path.read_text() != text


def test_both_unicode_forms_of_a_name_match(tmp_path):
    save(tmp_path / "images" / "e\u0301.png", coded(mask()))
    save(tmp_path / "masks" / "\u00e9.png", mask())
    ((_, found, _),) = load(f"{tmp_path}:all", **SEGMENTATION).pairs()
    np.testing.assert_array_equal(found, mask())


@pytest.mark.parametrize("name", ["coco", "voc", "labelme"])
def test_images_without_annotation_are_told(tmp_path, name):
    getattr(formats, name)(tmp_path / "set")
    images = tmp_path / "set" / ("JPEGImages" if name == "voc" else "images")
    save(images / "new.png", coded(mask()))
    notes = describe(tmp_path / "set", task="detection").notes
    assert "1 image (" in notes and "new.png) without an annotation" in notes
    assert load(f"{tmp_path / 'set'}:all", **DETECTION).num_examples == 6


def test_a_folder_is_looked_through_once(tmp_path, monkeypatch):
    for number in range(3):
        save(tmp_path / "images" / f"{number}.jpg", coded(mask(seed=number)))
        save(tmp_path / "masks" / f"{number}.png", mask(seed=number))
    opened, scanned, colours_in = [], [], folders.colours_in

    def counted(path, *arguments, **options):
        opened.append(path)
        return open(path, *arguments, **options)

    monkeypatch.setattr(regular, "open", counted, raising=False)
    monkeypatch.setattr(
        folders, "colours_in", lambda root: scanned.append(root) or colours_in(root)
    )
    place = open_place(tmp_path)
    describe(place)
    load_splits(place, **SEGMENTATION)
    assert sorted(opened) == sorted(map(str, tmp_path.rglob("*.*")))
    assert scanned == [str(tmp_path)]
