"""The page of a segmentation."""

import re

import numpy as np
import pytest
from pages import Reader
from segmented import Masks, drawn, shades

from keras_vit.evaluation import evaluate_segmentation, write_segmentation_report
from keras_vit.evaluation.report.segmentation_page import (
    FALSE,
    MISSED,
    OTHER,
    _error_map,
    segmentation_page,
)

pytest.importorskip("matplotlib")
NAMES = ["background", "<cat> & 'co'", "dog $1$"]


@pytest.fixture(scope="module")
def result():
    data = Masks(*drawn(), class_names=NAMES)
    return evaluate_segmentation(shades(NAMES), data, spacing=1, examples=2)


def test_the_page_holds_the_numbers_and_needs_no_other_file(result, tmp_path):
    write_segmentation_report(result, tmp_path / "report.html", "my <run>")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader(page)
    assert all(a.startswith(("data:image/", "#")) for a in reader.addresses)
    bare = re.sub(
        r'xmlns(:\w+)?="[^"]*"|<metadata>.*?</metadata>', "", page, flags=re.S
    )
    assert "http" not in bare and "<script" not in page
    assert "my <run>" in reader.text and "<cat> & 'co'" in reader.text
    for value in (result.scores.mean_iou, result.foreground["foreground_dice"]):
        assert f"{100 * value:.1f} %" in reader.text
    low, high = result.intervals["mean_iou"]
    assert f"{100 * low:.1f} – {100 * high:.1f}" in reader.text
    assert page.count("<div class='panels'>") == 4 and page.count("<figure") == 16
    assert all(image["alt"] for image in reader.all("img"))
    assert len(reader.ids) == len(set(reader.ids))
    assert "Slices of one volume" in reader.text and "HD95" in reader.text
    assert page == segmentation_page(result, "my <run>")


def test_a_page_without_anything_counted_is_a_page():
    mask = np.full((4, 4), 255, "uint8")
    empty = evaluate_segmentation(shades(), Masks([mask], [mask * 0]))
    text = Reader(segmentation_page(empty)).text
    assert "None were kept" in text and "no interval" in text
    assert "Not in the truth of these images: background, cat, dog." in text


def test_many_classes_can_be_searched(result):
    names = [f"class {k}" for k in range(40)]
    mask = np.arange(40, dtype="uint8").reshape(5, 8)
    model = shades()
    import keras

    wide = keras.layers.Conv2D(40, 1)(model.output)
    found = evaluate_segmentation(
        keras.Model(model.input, wide), Masks([mask], [mask % 3], class_names=names)
    )
    page = segmentation_page(found)
    assert "type='search'" in page and "40 classes, those with the lowest IoU" in page
    assert "There are 24 colours" in page


def test_an_error_map_tells_missed_from_false_and_from_wrong_ones(result):
    example = result.worst[0]
    truth = np.array([[1, 0, 1, 1, 255]], "uint8")
    said = np.array([[0, 2, 2, 1, 0]], "uint8")
    example = type(example)(0, "x", 0.5, np.zeros((1, 5, 1), "uint8"), truth, said)
    pixels, legend = _error_map(example, True)
    assert list(legend) == [MISSED, FALSE, OTHER]
    for place, colour in enumerate(legend.values()):
        assert bytes(pixels[0, place]).hex() == colour[1:]
    assert len(set(map(bytes, pixels[0]))) == 5
    pixels, legend = _error_map(example, False)
    assert list(legend) == ["wrong"] and (pixels[0, 0] == pixels[0, 2]).all()
