import itertools

import golden
import keras
import numpy as np
import pytest

from keras_vit import boxes
from keras_vit.boxes import box_areas, box_giou, box_iou, convert_boxes, nms


def known():
    return golden.arrays("dense/boxes.npz")


@pytest.mark.parametrize("kind", [np.asarray, keras.ops.convert_to_tensor])
def test_conversions_areas_and_overlaps_equal_the_original_values(kind):
    values = known()
    a, b = kind(values["a_xyxy"]), kind(values["b_xyxy"])
    found = {
        "a_xywh": convert_boxes(a, "corners", "coco"),
        # Shares of an image of one pixel are pixels.
        "a_cxcywh": convert_boxes(a, "corners", "yolo", (1, 1)),
        "area": box_areas(a),
        "iou": box_iou(a[:, None], b),
        "giou": box_giou(a[:, None], b),
        "clipped_80x90": boxes.clip_boxes(a, (80, 90)),
    }
    for name, value in found.items():
        value = keras.ops.convert_to_numpy(value)
        expected = values[name]
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5, err_msg=name)
    back = convert_boxes(found["a_cxcywh"], "yolo", "corners", (1, 1))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(back), values["a_xyxy"], atol=1e-5
    )


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "0.7"])
def test_suppression_keeps_what_torchvision_keeps(threshold):
    values = known()
    given = values["nms.boxes"], values["nms.scores"], float(threshold)
    assert nms(*given).tolist() == values[f"nms.keep_{threshold}"].tolist()
    by_class = nms(*given, values["nms.classes"])
    assert by_class.tolist() == values[f"nms.keep_by_class_{threshold}"].tolist()


def test_each_form_says_one_box_as_its_project_writes_it():
    # The pixels of columns 10 to 29 and rows 20 to 59 of an image of 80 x 40.
    same = {
        "corners": [10, 20, 30, 60],
        "coco": [10, 20, 20, 40],
        "voc": [11, 21, 30, 60],
        "yolo": [20 / 40, 40 / 80, 20 / 40, 40 / 80],
        "tfds": [20 / 80, 10 / 40, 60 / 80, 30 / 40],
    }
    assert same.keys() == boxes.FORMS.keys()
    for source, target in itertools.product(same, same):
        found = convert_boxes([same[source]], source, target, (80, 40))
        np.testing.assert_allclose(found, [same[target]], err_msg=f"{source}-{target}")


def test_each_image_of_a_batch_may_have_its_size():
    sizes = np.array([[10.0], [20.0]]), np.array([[100.0], [50.0]])
    shares = np.full((2, 3, 4), 0.5)
    found = convert_boxes(shares, "yolo", "corners", sizes)
    assert found[0, 0].tolist() == [25, 2.5, 75, 7.5]
    assert found[1, 2].tolist() == [12.5, 5, 37.5, 15]


def test_no_box_at_all_is_an_empty_answer():
    assert convert_boxes([], "coco", "corners").shape == (0, 4)
    assert box_iou(np.zeros((0, 1, 4)), np.zeros((5, 4))).shape == (0, 5)
    assert nms([], [], 0.5).tolist() == []


def test_boxes_without_area_overlap_by_nothing_and_finitely():
    point = np.array([3.0, 3.0, 3.0, 3.0])
    assert box_iou(point, point) == box_giou(point, point) == 0
    assert box_giou(point, [0.0, 0.0, 2.0, 2.0]) == pytest.approx(4 / 9 - 1)


def test_of_equal_scores_the_first_box_is_kept():
    pair = [[0, 0, 4, 4], [0, 0, 4, 4], [9, 9, 12, 12]]
    assert nms(pair, [0.5, 0.5, 0.5], 0.5).tolist() == [0, 2]
    assert nms(pair, [0.5, 0.5, 0.5], 0.5, [0, 1, 0]).tolist() == [0, 1, 2]


def test_what_are_no_boxes_is_refused_by_name():
    with pytest.raises(ValueError, match=r"source.*Did you mean 'coco'"):
        convert_boxes([[0, 0, 1, 1]], "COCO", "corners")
    with pytest.raises(ValueError, match=r"image_size.*must be given"):
        convert_boxes([[0, 0, 1, 1]], "yolo", "corners")
    with pytest.raises(ValueError, match=r"\(\.\.\., 4\).*\(2, 3\)"):
        box_iou(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="1 boxes, scores of shape"):
        nms([[0, 0, 1, 1]], [0.1, 0.2], 0.5)
    with pytest.raises(ValueError, match="threshold=50"):
        nms([[0, 0, 1, 1]], [0.1], 50)
