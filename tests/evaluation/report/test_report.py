"""The page and the pictures of an evaluation."""

import dataclasses
import re
import sys

import numpy as np
import pytest
from pages import Reader
from tiny_models import numbered, tiny

from keras_vit.evaluation import evaluate, write_report
from keras_vit.evaluation.report import pictures
from keras_vit.evaluation.report.page import report_page

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def result():
    names = ["<dark> & 'co'", "grey $1$", "light" * 9]
    return evaluate(tiny(), numbered(23, names=names)[0])


def test_the_page_holds_the_numbers_and_needs_no_other_file(result, tmp_path):
    write_report(result, tmp_path / "report.html", "my <run>")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader(page)
    assert all(a.startswith(("data:image/png;base64,", "#")) for a in reader.addresses)
    assert "http" not in re.sub(
        r'xmlns(:\w+)?="[^"]*"|<metadata>.*?</metadata>', "", page, flags=re.S
    )
    assert "<script" not in page and "prefers-color-scheme: dark" in page
    assert f"{100 * result.accuracy:.2f} %" in reader.text
    assert f"{100 * result.calibration_error:.2f} %" in reader.text
    assert "my <run>" in reader.text and "<dark> & 'co'" in reader.text
    assert page.count("<figure") == len(result.mistakes)
    low, high = result.accuracy_interval
    assert f"{100 * low:.1f} – {100 * high:.1f} %" in reader.text


def test_of_unequal_classes_recall_and_balanced_accuracy_come_first(result):
    assert not result.unequal and "balanced" not in report_page(result)
    more = np.repeat(np.flatnonzero(result.labels == 0), 5)
    names = ("labels", "predicted", "confidences")
    columns = [getattr(result, name) for name in names]
    columns = [np.concatenate([values, values[more]]) for values in columns]
    unequal = dataclasses.replace(result, **dict(zip(names, columns)))
    recalls = [row["recall"] for row in unequal.classes]
    text = Reader(report_page(unequal)).text
    assert f"{100 * np.mean(recalls):.2f} %balanced accuracy" in text
    places = [text.index(word) for word in ("balanced acc", "recall", "confusions")]
    assert places == sorted(places)


def test_the_page_is_the_same_twice(result):
    assert report_page(result) == report_page(result)


def test_pictures_follow_the_colour_of_the_page(result):
    page = report_page(result)
    assert "currentColor" in page and "#123457" not in page


def test_a_perfect_model_has_no_mistakes_to_show():
    source, _, _ = numbered(12, 2)
    sure = tiny(2)
    found = evaluate(sure, source)
    perfect = type(found)(
        **{
            **{f: getattr(found, f) for f in found.__dataclass_fields__},
            "predicted": found.labels,
            "mistakes": [],
        }
    )
    page = report_page(perfect)
    assert "every answer is right" in page and "<figure" not in page
    with pytest.raises(ValueError, match="no mistake"):
        pictures.plot_mistakes(perfect)


class Fake:
    """What the confusion picture needs of an evaluation."""

    def __init__(self, number):
        random = np.random.default_rng(0)
        self.confusion = random.integers(0, 3, (number, number)) + 50 * np.eye(
            number, dtype=int
        )
        self.class_names = [f"class {k}" for k in range(number)]


@pytest.mark.parametrize("number", [2, 25, 100, 200])
def test_the_confusion_matrix_names_classes_where_there_is_room(number):
    figure = pictures.plot_confusion(Fake(number))
    axes = figure.axes[0]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert (labels == Fake(number).class_names) == (number <= 120)
    counts = (Fake(number).confusion > 0).sum()
    assert len(axes.texts) == (counts if number <= 25 else 0)
    assert axes.images[0].get_array().shape[:2] == (number, number)


def test_the_grid_of_mistakes_names_both_classes(result, tmp_path):
    figure = pictures.plot_mistakes(result, columns=4)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == len(result.mistakes)
    assert all("true: " in title and " %" in title for title in titles)
    figure.savefig(tmp_path / "mistakes.png")


def test_without_matplotlib_the_error_says_what_to_install(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install"):
        report_page(result)
