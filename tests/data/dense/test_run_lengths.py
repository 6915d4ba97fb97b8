"""Run lengths and polygons against what COCO's own code makes of them."""

import json

import golden
import numpy as np
import pytest

from keras_vit.data.dense import run_lengths
from keras_vit.data.dense.polygons import fill


@pytest.fixture(scope="module")
def cases():
    rows = json.loads(golden.path("dense/run_lengths.json").read_text())["rows"]
    arrays = np.load(golden.path("dense/run_lengths.npz"))
    return rows, {key: arrays[key] for key in arrays}


def test_masks_are_written_and_read_as_coco_does(cases):
    rows, arrays = cases
    masks = {key[5:]: mask for key, mask in arrays.items() if key.startswith("mask.")}
    assert len(masks) == 7
    for name, mask in masks.items():
        row = rows[name]
        runs = {"size": row["size"], "counts": row["counts"]}
        plain = {"size": row["size"], "counts": row["uncompressed"]}
        assert run_lengths.encode(mask) == runs, name
        assert run_lengths.encode(mask, compressed=False) == plain, name
        for each in (runs, plain, {**runs, "counts": runs["counts"].encode()}):
            np.testing.assert_array_equal(run_lengths.decode(each), mask, name)
        assert run_lengths.area(runs) == row["area"], name
        left, top, right, bottom = run_lengths.bounding_box(runs)
        assert [left, top, right - left, bottom - top] == row["bbox"], name


def test_polygons_are_filled_as_coco_does(cases):
    rows, arrays = cases
    names = [key for key in arrays if key.startswith("polygon.")]
    assert len(names) == 4
    for name in names:
        row = rows[name]
        found = fill(row["polygon"], row["size"])
        np.testing.assert_array_equal(found, arrays[name], name)
        assert run_lengths.encode(found)["counts"] == row["counts"], name


def test_a_polygon_in_the_other_direction_is_the_same():
    points = np.array([[2, 2], [14, 4], [6, 13]])
    np.testing.assert_array_equal(
        fill([points], (17, 25)), fill([points[::-1]], (17, 25))
    )


@pytest.mark.parametrize(
    "runs",
    [
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5]},
        {"size": [2, 2], "counts": [-1, 5]},
        {"size": [2, 2], "counts": "\x00"},
        {"size": [2, 2], "counts": "X"},
        {"size": [2, 2], "counts": "o" * 40},
        {"size": [2, 2], "counts": None},
        {"size": [2, 2], "counts": [[4]]},
        {"size": [2**20, 2**20], "counts": [2**40]},
        {"size": [2], "counts": [2]},
        {"counts": [4]},
    ],
)
def test_run_lengths_that_are_wrong_are_refused(runs):
    with pytest.raises(ValueError, match="run lengths"):
        run_lengths.decode(runs)


def test_an_endless_outline_is_refused():
    there_and_back = [[0, 0], [10**5, 10**5]] * 40
    with pytest.raises(ValueError, match="outline of a polygon is 8,000,000 pixels"):
        fill([there_and_back], (8, 8))


def test_run_lengths_of_another_size_are_refused():
    runs = run_lengths.encode(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"2x3 pixels.*has 3x2"):
        run_lengths.decode(runs, (3, 2))


@pytest.mark.parametrize(
    "polygon",
    [
        [1, 1, 2, 2],
        [1, 1, 2, 2, 3],
        [0, 0, 1e9, 0, 0, 5],
        [0, 0, 1, 0, np.nan, 1],
        "abc",
    ],
)
def test_polygons_that_are_wrong_are_refused(polygon):
    with pytest.raises(ValueError, match="polygon"):
        fill([polygon], (8, 8))
