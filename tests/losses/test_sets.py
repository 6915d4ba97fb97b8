import json
import subprocess
import sys
from pathlib import Path

import golden
import keras
import numpy as np
import pytest
from cases import array
from losses.test_objects import gradient

from keras_vit.boxes import convert_boxes
from keras_vit.losses import SetLoss
from keras_vit.losses.matching import match

CASES = ["plain", "empty_image", "all_empty", "more_objects", "one_query"]
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="needs the TensorFlow backend"
)


def golden_case(name, more=0):
    """The truth, filled up to one number of objects and `more`; the predictions."""
    known = golden.arrays("dense/set_loss.npz")
    known = {k.removeprefix(f"{name}."): v for k, v in known.items() if name in k}
    batch = len(known["logits"])
    most = more + max(len(known[f"target.{i}.classes"]) for i in range(batch))
    boxes, classes = np.zeros((batch, most, 4)), np.full((batch, most), -1)
    for i in range(batch):
        count = len(known[f"target.{i}.classes"])
        boxes[i, :count] = known[f"target.{i}.boxes"]
        classes[i, :count] = known[f"target.{i}.classes"]
    return known, {"boxes": boxes.astype("float32"), "classes": classes}


@pytest.mark.parametrize("name", CASES)
def test_loss_terms_pairs_and_gradients_equal_the_original_values(name):
    # One has room for objects that no image has, and is compiled by XLA.
    known, truth = golden_case(name, more=2 * (name == "empty_image"))
    loss, said = SetLoss(), {key: known[key] for key in ("logits", "boxes")}
    value, slopes = gradient(
        lambda logits, boxes: loss(truth, {"logits": logits, "boxes": boxes}),
        *(known["logits"], known["boxes"]),
        xla=name == "empty_image",
    )
    assert value == pytest.approx(float(known["loss"]), rel=1e-5)
    pairs, terms = loss.matched(*loss._read(truth, said)), loss.terms(truth, said)
    originals = {"class": "loss_ce", "box": "loss_bbox", "giou": "loss_giou"}
    for key, original in originals.items():
        expected = pytest.approx(float(known[original]), rel=1e-5, abs=1e-7)
        assert float(terms[key]) == expected
    for slope, key in zip(slopes, ("grad_logits", "grad_boxes")):
        largest = np.abs(known[key]).max() or 1.0
        np.testing.assert_allclose(slope, known[key], atol=1e-5 * largest)
    for i, row in enumerate(array(pairs)):
        queries = np.flatnonzero(row >= 0)
        ours = np.stack([queries, row[queries]], axis=1)
        expected = known[f"match.{i}"]
        expected = expected[np.argsort(expected[:, 0])]
        np.testing.assert_array_equal(ours, expected.reshape(-1, 2))


@pytest.mark.parametrize(("queries", "objects"), [(9, 4), (6, 6), (3, 7), (1, 5)])
def test_the_pairs_are_those_of_scipy(queries, objects):
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(queries)
    costs = random.normal(size=(40, queries, objects)).astype("float32")
    costs[20:] = costs[20:].round()  # with ties, of which only the sum is certain
    present = random.random((40, objects)) < 0.8
    found = array(match(*map(keras.ops.convert_to_tensor, (costs, present))))
    for i, (row, cost, there) in enumerate(zip(found, costs, present)):
        said = np.flatnonzero(row >= 0)
        assert len(said) == len({*row[said]}) == min(queries, there.sum())
        assert there[row[said]].all()
        places = np.flatnonzero(there)
        rows, columns = optimize.linear_sum_assignment(cost[:, places])
        best = cost[rows, places[columns]].sum()
        assert cost[said, row[said]].sum() == pytest.approx(best, abs=1e-5)
        if i < 20:
            assert (row[rows] == places[columns]).all()


def test_absent_objects_and_crowds_take_no_prediction():
    costs = np.array([[[5.0, 1.0], [0.0, 2.0]]], "float32")
    costs = keras.ops.convert_to_tensor(costs)
    there = keras.ops.convert_to_tensor(np.array([[False, True]]))
    assert array(match(costs, there)).tolist() == [[1, -1]]
    known, truth = golden_case("plain")
    said = {"logits": known["logits"], "boxes": known["boxes"]}
    crowd = np.zeros(truth["classes"].shape, bool)
    crowd[:, 0] = True
    without = {**truth, "classes": np.where(crowd, -1, truth["classes"])}
    loss = SetLoss()
    assert float(loss({**truth, "crowd": crowd}, said)) == float(loss(without, said))
    assert float(loss(without, said)) != float(loss(truth, said))


def test_boxes_in_pixels_are_those_of_shares():
    known, truth = golden_case("plain")
    said = {"logits": known["logits"], "boxes": known["boxes"]}
    pixels = convert_boxes(truth["boxes"], "yolo", "corners", (30, 50))
    found = SetLoss(image_size=(30, 50))({**truth, "boxes": pixels}, said)
    assert float(found) == pytest.approx(float(SetLoss()(truth, said)), rel=1e-5)


def test_a_diverged_model_has_a_loss_that_says_so():
    known, truth = golden_case("plain")
    said = {"logits": np.full_like(known["logits"], np.nan), "boxes": known["boxes"]}
    assert np.isnan(float(SetLoss()(truth, said)))


@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_class_that_the_model_lacks_makes_the_loss_nan(more):
    known, truth = golden_case("plain")
    said = {"logits": known["logits"], "boxes": known["boxes"]}
    classes = truth["classes"].copy()
    classes[0, 0] = known["logits"].shape[-1] - 2  # before "no object"
    assert np.isfinite(float(SetLoss()({**truth, "classes": classes}, said)))
    classes[0, 0] += 1 + more
    assert np.isnan(float(SetLoss()({**truth, "classes": classes}, said)))


@on_tensorflow
@pytest.mark.slow  # another process
def test_two_replicas_have_the_loss_and_gradients_of_one():
    job = Path(__file__).parent / "set_loss_on_replicas.py"
    known, truth = golden_case("empty_image")
    values = [known["logits"], known["boxes"], truth["boxes"], truth["classes"]]
    given = json.dumps([value.tolist() for value in values])
    done = subprocess.run(
        [sys.executable, job], input=given, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    alone, both = json.loads(done.stdout.splitlines()[-1])
    assert both[0] == pytest.approx(alone[0], rel=1e-6)
    for ours, one in zip(both[1:], alone[1:]):
        np.testing.assert_allclose(ours, one, atol=1e-7)


def test_the_loss_is_the_same_from_its_config():
    loss = SetLoss(box_weight=3.0, empty_weight=0.5, image_size=(9, 8), name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is SetLoss
    assert again.get_config() == loss.get_config()


def test_what_is_missing_is_named():
    known, truth = golden_case("one_query")
    with pytest.raises(ValueError, match=r"y_pred.*'boxes' and 'logits'.*\['boxes'\]"):
        SetLoss()(truth, {"boxes": known["boxes"]})
    with pytest.raises(ValueError, match=r"y_true.*dictionary"):
        SetLoss()(truth["boxes"], {"boxes": known["boxes"], "logits": known["logits"]})
    with pytest.raises(ValueError, match="empty_weight=0"):
        SetLoss(empty_weight=0)
    with pytest.raises(ValueError, match="box_weight=-1"):
        SetLoss(box_weight=-1)
