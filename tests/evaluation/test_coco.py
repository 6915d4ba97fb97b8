import json

import golden
import numpy as np
import pytest

from keras_vit.boxes import convert_boxes
from keras_vit.evaluation import CocoTally

CASES = ["boxes", "crowd", "masks", "over_100"]


def records(truth, said):
    """COCO's json as records of images, and the categories in their order."""
    categories = sorted(row["id"] for row in truth["categories"])

    def of_image(rows, number):
        rows = [row for row in rows if row["image_id"] == number]
        boxes = np.reshape([row["bbox"] for row in rows], (-1, 4)).astype("float64")
        found = {
            "boxes": convert_boxes(boxes, "coco", "corners"),
            "classes": [categories.index(row["category_id"]) for row in rows],
            "rows": rows,
        }
        for name, key in (("scores", "score"), ("areas", "area"), ("crowd", "iscrowd")):
            if rows and key in rows[0]:
                found[name] = [row[key] for row in rows]
        found.setdefault("scores", [])
        return found

    for number in sorted(row["id"] for row in truth["images"]):
        yield of_image(truth["annotations"], number), of_image(said, number)


def tallied(truth, said):
    tally = CocoTally(len(truth["categories"]))
    for own, found in records(truth, said):
        tally.update(own, {key: found[key] for key in ("boxes", "classes", "scores")})
    return tally


def as_original(values):
    return [-1 if np.isnan(value) else value for value in values]


@pytest.mark.parametrize("name", CASES)
def test_all_numbers_equal_those_of_pycocotools(name):
    known = golden.config(f"dense/coco/{name}.result.json")
    truth = golden.config(f"dense/coco/{name}.ground_truth.json")
    said = golden.config(f"dense/coco/{name}.detections.json")
    scores = tallied(truth, said).scores()
    assert list(scores.stats) == known["stat_names"]
    expected = known["result"]["bbox"]
    np.testing.assert_allclose(
        as_original(scores.stats.values()), expected["stats"], atol=1e-9, rtol=0
    )
    categories = sorted(row["id"] for row in truth["categories"])
    for place, category in enumerate(categories):
        own = expected["by_class"][str(category)]
        for value, key in ((scores.ap[place], "ap"), (scores.ap50[place], "ap50")):
            if own[key] is None:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(own[key], abs=1e-9)
    counted = [row for row in truth["annotations"] if not row["iscrowd"]]
    assert scores.support.sum() == len(counted)


def test_masks_may_take_the_place_of_boxes():
    masks = pytest.importorskip("pycocotools.mask")
    known = golden.config("dense/coco/masks.result.json")["result"]["segm"]
    truth = golden.config("dense/coco/masks.ground_truth.json")
    said = golden.config("dense/coco/masks.detections.json")
    sizes = {row["id"]: (row["height"], row["width"]) for row in truth["images"]}

    def runs(row):
        shape = row["segmentation"]
        if isinstance(shape, list):
            return masks.merge(masks.frPyObjects(shape, *sizes[row["image_id"]]))
        if isinstance(shape["counts"], list):
            return masks.frPyObjects(shape, *shape["size"])
        return shape

    tally = CocoTally(len(truth["categories"]))
    for own, found in records(truth, said):
        ours, theirs = ([runs(row) for row in part["rows"]] for part in (found, own))
        crowd = own.get("crowd", [])

        def overlaps(some, others, ours=ours, theirs=theirs, crowd=crowd):
            if not (len(some) and len(others)):
                return np.zeros((len(some), len(others)))
            picked = [ours[i] for i in some], [theirs[i] for i in others]
            return masks.iou(*picked, [crowd[i] for i in others])

        tally.update(own, found, overlaps)
    found = as_original(tally.scores().stats.values())
    np.testing.assert_allclose(found, known["stats"], atol=1e-9, rtol=0)


def drawn(seed, images=25, classes=4):
    """A ground truth and detections with ties, crowds, empty images and odd sizes."""
    random = np.random.default_rng(seed)
    truth = {
        "images": [{"id": i, "height": 300, "width": 300} for i in range(images)],
        "categories": [{"id": i} for i in range(classes)],
        "annotations": [],
    }
    said = []
    for image in range(images):
        for _ in range(random.integers(0, 12) * (image % 7 > 0)):
            start, sides = random.integers(0, 200, 2), random.integers(4, 130, 2)
            box = [*start.tolist(), *sides.tolist()]
            row = {"image_id": image, "category_id": int(random.integers(classes - 1))}
            crowd = {"iscrowd": int(random.random() < 0.1), "bbox": box}
            area = {"area": float(sides.prod() * random.uniform(0.3, 1))}
            number = {"id": 1 + len(truth["annotations"])}
            truth["annotations"].append({**row, **crowd, **area, **number})
            for _ in range(random.integers(0, 4)):
                near = np.array(box) + random.integers(-6, 7, 4)
                near[2:] = np.maximum(near[2:], 0)
                score = {"score": float(random.random().__round__(1))}
                said.append({**row, "bbox": near.tolist(), **score})
    return truth, said


@pytest.mark.parametrize("seed", range(3))
def test_sets_drawn_at_random_score_as_pycocotools_scores_them(seed, capsys):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, said = drawn(seed)
    original = COCO()
    original.dataset = json.loads(json.dumps(truth))
    original.createIndex()
    judge = COCOeval(original, original.loadRes(json.loads(json.dumps(said))), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    capsys.readouterr()
    scores = tallied(truth, said).scores()
    found = as_original(scores.stats.values())
    np.testing.assert_allclose(found, judge.stats, atol=1e-9, rtol=0)
    precision = judge.eval["precision"][:, :, :, 0, -1]
    ours = np.nan_to_num(scores.precision, nan=-1).transpose(0, 2, 1)
    np.testing.assert_allclose(ours, precision, atol=1e-9)


def test_an_image_says_which_boxes_were_right_and_what_found_each_object():
    truth = {
        "boxes": [[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 90, 90]],
        "classes": [0, 1, 0],
        "crowd": [False, False, True],
    }
    said = {
        "boxes": [[0, 0, 10, 9], [0, 0, 10, 10], [20, 20, 30, 30], [60, 60, 70, 70]],
        "classes": [0, 0, 0, 0],
        "scores": [0.9, 0.8, 0.7, 0.6],
    }
    right, finder = CocoTally(2).update(truth, said)
    # The second finds its object taken, the third is of the wrong class, the last on a
    # crowd.
    assert right.tolist() == [1, 0, 0, -1]
    assert finder[:2].tolist() == [0, -1]


def test_nothing_at_all_scores_nothing_and_only_false_boxes_zero():
    tally = CocoTally(2)
    nothing = {"boxes": [], "classes": [], "scores": []}
    tally.update(nothing, nothing)
    assert np.isnan(list(tally.scores().stats.values())).all()
    tally.update({"boxes": [[0, 0, 9, 9]], "classes": [0]}, nothing)
    scores = tally.scores()
    assert scores.stats["AP"] == scores.stats["AR_100"] == 0
    assert np.isnan(scores.ap[1]) and scores.support.tolist() == [1, 0]


def test_resampling_one_image_again_gives_the_same_scores():
    truth, said = drawn(0, images=2)  # of which the first is empty
    tally = tallied(truth, said)
    scores = tally.scores().stats
    values = tally.resampled(40, seed=1)
    known = values[~np.isnan(values[:, 0])]
    assert 0 < len(known) < 40  # some sets are the empty image twice
    np.testing.assert_allclose(known[:, 0], scores["AP"], atol=0.05)
    assert np.array_equal(tally.resampled(40, seed=1), values, equal_nan=True)


def test_what_does_not_fit_is_refused():
    box = {"boxes": [[0, 0, 1, 1]], "classes": [2], "scores": [1.0]}
    with pytest.raises(ValueError, match=r"from 0 to 1. Received: 2"):
        CocoTally(2).update(box, box)
    with pytest.raises(ValueError, match="one finite score"):
        CocoTally(3).update(box, {**box, "scores": [np.nan]})
    with pytest.raises(ValueError, match=r"one class. Received: 1 boxes"):
        CocoTally(3).update({**box, "classes": []}, box)
