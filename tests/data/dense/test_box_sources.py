"""Sources of images with boxes, and their batches."""

import json

import numpy as np
import pytest
from masks import save

from keras_vit.data import BoxSource, load, load_splits
from keras_vit.evaluation import evaluate_detection

SIZE = 24, 32


def write_boxes(root, count=5, objects=3):
    """Black images with a white rectangle for each box, as COCO json; the boxes."""
    entries = {"images": [], "annotations": [], "categories": [{"id": 7, "name": "a"}]}
    entries["categories"].append({"id": 3, "name": "b"})
    rng, all_boxes = np.random.default_rng(0), []
    for number in range(count):
        image, boxes = np.zeros((*SIZE, 3), np.uint8), []
        for _ in range(number % (objects + 1)):
            width, height = rng.integers(4, 9, 2)
            left, top = rng.integers(0, 32 - width), rng.integers(0, 24 - height)
            image[top : top + height, left : left + width] = 255
            box = [int(v) for v in (left, top, width, height)]
            row = {"id": 1, "image_id": number, "category_id": 7, "bbox": box}
            entries["annotations"].append(row)
            boxes.append((left, top, left + width, top + height))
        all_boxes.append(np.reshape(boxes, (-1, 4)))
        entries["images"].append({"id": number, "file_name": f"{number}.png"})
        save(root / "images" / f"{number}.png", image)
    (root / "boxes.json").write_text(json.dumps(entries))
    return all_boxes


def load_boxes(root):
    return load(f"{root}:all", task="detection")


def numpy(batches):
    return [
        (images.numpy(), {key: value.numpy() for key, value in objects.items()})
        for images, objects, *_ in batches
    ]


def test_evaluation_gives_all_boxes_and_fills_up_with_none(tmp_path):
    wanted = write_boxes(tmp_path)
    source = load_boxes(tmp_path)
    assert isinstance(source, BoxSource) and source.task == "detection"
    assert source.class_names == ["b", "a"] and source.labels is None
    batches = numpy(source.batches(2, image_size=(48, 32)))
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    boxes = np.concatenate([objects["boxes"] for _, objects in batches])
    classes = np.concatenate([objects["classes"] for _, objects in batches])
    assert boxes.shape == (5, 3, 4) and boxes.dtype == np.float32
    assert classes.dtype == np.int32 and batches[0][1]["crowd"].dtype == bool
    for row, found, each in zip(wanted, boxes, classes):
        np.testing.assert_array_equal(found[: len(row)], row * [1, 2, 1, 2])
        assert not found[len(row) :].any()
        np.testing.assert_array_equal(each, [1] * len(row) + [-1] * (3 - len(row)))


def test_boxes_lie_where_the_moved_images_show_their_objects(tmp_path):
    write_boxes(tmp_path, count=4)
    augment = "pad(4)|random_crop(20,20)|flip"
    batches = load_boxes(tmp_path).batches(
        2, image_size=20, training=True, augment=augment, epochs=8
    )
    seen = 0
    for images, objects in numpy(batches):
        for image, boxes, classes in zip(images, objects["boxes"], objects["classes"]):
            covered = np.zeros((20, 20), bool)
            for left, top, right, bottom in boxes[classes >= 0].astype(int):
                covered[top:bottom, left:right] = True
                seen += 1
            np.testing.assert_array_equal(image[..., 0] > 0, covered)
    assert seen > 8


def test_a_resumed_stream_and_parts_give_the_same_boxes(tmp_path):
    write_boxes(tmp_path)
    source = load_boxes(tmp_path)
    options = dict(image_size=20, training=True, augment="random_crop(20,20)|flip")
    whole = numpy(source.batches(2, seed=3, epochs=2, **options))
    rest = numpy(source.batches(2, seed=3, epochs=2, start_step=2, **options))
    part = numpy(source.batches(2, seed=3, epochs=2, part=(1, 2), **options))
    assert (len(whole), len(rest), len(part)) == (4, 2, 4)
    for (image, objects), (again, same) in zip(whole[2:], rest):
        np.testing.assert_array_equal(image, again)
        for key, value in objects.items():
            np.testing.assert_array_equal(value, same[key])
    for (image, objects), (own, mine) in zip(whole, part):
        np.testing.assert_array_equal(image[1:], own)
        for key, value in objects.items():
            np.testing.assert_array_equal(value[1:], mine[key])


def test_weights_of_parts_count_every_image_once(tmp_path):
    write_boxes(tmp_path)
    total = 0.0
    for index in range(2):
        batches = load_boxes(tmp_path).batches(2, image_size=20, part=(index, 2))
        total += sum(float(weights.numpy().sum()) for *_, weights in batches)
    # Three batches of two, such that their mean is that over the five images.
    assert total == pytest.approx(6)


def test_areas_are_those_of_the_annotations_and_else_of_the_boxes(tmp_path):
    (box,) = write_boxes(tmp_path, count=2)[1].tolist()
    entries = json.loads((tmp_path / "boxes.json").read_text())
    entries["annotations"].append({**entries["annotations"][0], "area": 5.5})
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    empty, both = (objects for _, objects, _ in load_boxes(tmp_path).pairs())
    left, top, right, bottom = box
    assert empty["areas"].shape == (0,)
    assert both["areas"].tolist() == [(right - left) * (bottom - top), 5.5]
    entries["annotations"][1]["area"] = -1
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match="the annotation 1 has an area of -1"):
        load_boxes(tmp_path)


def test_scores_by_size_go_by_the_areas_of_the_annotations(tmp_path):
    box = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 40, 40], "iscrowd": 0}
    entries = {
        "images": [{"id": 1, "file_name": "1.png"}],
        "annotations": [{"id": 1, "area": 1000, **box}],  # small is up to 1024
        "categories": [{"id": 1, "name": "cat"}],
    }
    save(tmp_path / "1.png", np.zeros((50, 50, 3), np.uint8))
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    said = {"boxes": [[0, 0, 40, 40]], "classes": [0], "scores": [0.9]}
    stats = evaluate_detection([said], load_boxes(tmp_path)).scores.stats
    assert stats["AP_small"] == 1 and np.isnan(stats["AP_medium"])


def test_splits_are_those_of_the_files(tmp_path):
    write_boxes(tmp_path, count=4)
    entries = json.loads((tmp_path / "boxes.json").read_text())
    (tmp_path / "boxes.json").unlink()
    for split, rows in (("train", [0, 1, 2]), ("val", [3])):
        images = [row for row in entries["images"] if row["id"] in rows]
        own = [row for row in entries["annotations"] if row["image_id"] in rows]
        part = {**entries, "images": images, "annotations": own}
        path = tmp_path / "annotations" / f"instances_{split}2017.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(part))
    train, test = load_splits(tmp_path, task="detection")
    assert (train.split, test.split) == ("train", "validation")
    assert (train.num_examples, test.num_examples) == (3, 1)
    # As many rows in both, so that one model's loss takes both.
    shapes = {
        next(iter(s.batches(1, image_size=8)))[1]["boxes"].shape for s in (train, test)
    }
    assert shapes == {(1, 3, 4)}


def test_a_set_without_any_object_is_refused(tmp_path):
    write_boxes(tmp_path, count=2, objects=0)
    with pytest.raises(ValueError, match="no image has an object"):
        load_boxes(tmp_path)


def test_what_makes_no_sense_for_boxes_is_refused_by_name(tmp_path):
    write_boxes(tmp_path)
    source = load_boxes(tmp_path)
    for steps, name in (
        ("randaugment(2,10)", "RandAugment"),
        ("cutmix(1.0)", "CutMix"),
    ):
        with pytest.raises(ValueError, match=f"{name} cannot be done on boxes"):
            source.batches(2, image_size=8, training=True, augment=steps)
