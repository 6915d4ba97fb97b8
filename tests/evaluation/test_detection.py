import json
import types

import numpy as np
import pytest
from pages import Reader

from keras_vit.evaluation import evaluate_detection, write_detection_report


def source(images=4, channels=3):
    """Images of other sides than each other; in each two objects and a crowd."""
    random = np.random.default_rng(0)
    truth = {
        "boxes": np.array([[5.0, 5, 25, 20], [30, 10, 45, 40], [50, 0, 60, 30]]),
        "classes": np.array([0, 1, 0]),
        "crowd": np.array([False, False, True]),
    }
    rows = [
        (
            random.integers(0, 255, (40 + i, 60, channels), dtype="uint8"),
            truth,
            f"{i}.png",
        )
        for i in range(images)
    ]
    return types.SimpleNamespace(
        name="made",
        split="test",
        class_names=["cat", "<dog>"],
        pairs=lambda: iter(rows),
    )


def right(score=0.9):
    boxes = [[5, 5, 25, 20], [30, 10, 45, 40], [52, 3, 58, 20]]
    return {"boxes": boxes, "classes": [0, 1, 0], "scores": [score, score, 0.99]}


def wrong():
    """The cat is found, the dog taken for a cat, and there is a box on nothing."""
    boxes = [[5, 5, 25, 20], [30, 10, 45, 40], [0, 30, 8, 38]]
    return {"boxes": boxes, "classes": [0, 0, 1], "scores": [0.8, 0.7, 0.95]}


def test_right_boxes_score_one_and_crowds_do_not_count():
    found = evaluate_detection([right()] * 4, source())
    assert found.scores.stats["AP"] == found.precision == found.recall == 1
    assert (found.num_images, found.num_objects, found.threshold) == (4, 8, 0.9)
    assert found.missed.sum() == found.false.sum() == 0
    assert found.examples == []
    assert found.intervals == {"AP": (1, 1), "AP50": (1, 1)}


def test_mistakes_are_counted_by_class_and_the_worst_images_kept():
    found = evaluate_detection([right(), wrong(), right(), wrong()], source())
    assert found.threshold == 0.8
    assert found.right.tolist() == [4, 2]
    assert found.missed.tolist() == [0, 2]
    assert found.false.tolist() == [0, 2]  # the dog that is called a cat scores less
    assert [each.name for each in found.examples] == ["1.png", "3.png"]
    example = found.examples[0]
    assert example.missed.tolist() == [False, True, False]
    assert example.false.tolist() == [False, True]
    low, high = found.intervals["AP50"]
    assert 0 <= low <= found.scores.stats["AP50"] <= high <= 1


def test_the_numbers_are_json_and_the_text_names_every_class():
    found = evaluate_detection(iter([right(), wrong()]), source(2))
    values = json.loads(json.dumps(found.to_json()))
    assert values["AP"] == found.scores.stats["AP"]
    assert values["AP_large"] is None
    assert [row["support"] for row in values["classes"]] == [2, 2]
    assert values["examples"] == [{"image": "1.png", "missed": 1, "false": 1}]
    text = str(found)
    assert "<dog>" in text and "mean" in text and "0.8" in text


@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_needs_no_other_file_and_names_what_is_wrong(tmp_path, channels):
    found = evaluate_detection([right(), wrong()], source(2, channels))
    write_detection_report(found, tmp_path / "report.html", "a & b")
    reader = Reader((tmp_path / "report.html").read_text())
    assert all(a.startswith(("data:", "#")) for a in reader.addresses)
    assert len(set(reader.ids)) == len(reader.ids)
    assert "<dog>" in reader.text and "a & b" in reader.text
    assert [image["alt"] for image in reader.all("img")] == [
        "1.png: 1 missed, 1 false, 1 found"
    ]


def test_sets_without_objects_or_without_boxes_have_a_page_too(tmp_path):
    nothing = {"boxes": np.zeros((0, 4)), "classes": [], "scores": []}
    none = evaluate_detection([nothing] * 4, source())
    assert none.scores.stats["AP"] == 0 and none.threshold is None
    assert none.missed.tolist() == [4, 4] and none.precision is None
    empty = source(1)
    pixels = next(empty.pairs())[0]
    empty.pairs = lambda: iter([(pixels, nothing, "empty.png")])
    blank = evaluate_detection([nothing], empty)
    assert np.isnan(blank.scores.stats["AP"]) and blank.recall is None
    for number, found in enumerate((none, blank)):
        str(found)
        assert json.dumps(found.to_json())
        write_detection_report(found, tmp_path / f"{number}.html")
        Reader((tmp_path / f"{number}.html").read_text())


def test_a_large_image_is_kept_smaller_with_its_boxes():
    big = source(1)
    pixels = np.zeros((500, 960, 3), "uint8")
    truth = {"boxes": [[100.0, 100, 300, 200]], "classes": [1]}
    big.pairs = lambda: iter([(pixels, truth, "big.png")])
    box = {"boxes": [[100.0, 100, 300, 180]], "classes": [1], "scores": [0.3]}
    false = {"boxes": [[0.0, 0, 50, 50]], "classes": [0], "scores": [0.4]}
    both = {key: [*box[key], *false[key]] for key in box}
    (example,) = evaluate_detection([both], big).examples
    assert example.image.shape == (250, 480, 3)
    assert example.objects.tolist() == [[50, 50, 150, 100]]
    assert example.boxes[example.false].tolist() == [[0, 0, 25, 25]]


def test_what_does_not_fit_is_refused_by_the_image():
    with pytest.raises(ValueError, match="fewer predictions than images, 1 of"):
        evaluate_detection([right()], source(2))
    with pytest.raises(ValueError, match="more predictions than images, 2 of"):
        evaluate_detection([right()] * 3, source(2))
    with pytest.raises(ValueError, match=r"1\.png: Classes must be from 0 to 1"):
        evaluate_detection([right(), {**right(), "classes": [0, 1, 2]}], source(2))
    with pytest.raises(ValueError, match="at least one image"):
        evaluate_detection([], source(0))
    with pytest.raises(ValueError, match="examples"):
        evaluate_detection([], source(0), examples=-1)
