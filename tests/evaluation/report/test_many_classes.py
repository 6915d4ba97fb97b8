"""Evaluations of thousands of classes: no matrix, the worst classes, a search box."""

import json
import tracemalloc

import numpy as np
import pytest
from pages import Reader

from keras_vit.evaluation import Evaluation
from keras_vit.evaluation.memory import MAX_PROBABILITIES, evaluation_memory
from keras_vit.evaluation.metrics import Counts, class_table, worst_pairs
from keras_vit.evaluation.report import page, pictures

pytest.importorskip("matplotlib")


def evaluation_of(num_classes, num_examples, wrong=0.3, seed=0):
    """Answers of which some are wrong, most of them in the last class."""
    random = np.random.default_rng(seed)
    labels = np.arange(num_examples) % num_classes
    predicted = labels.copy()
    places = random.random(num_examples) < wrong
    predicted[places] = random.integers(0, num_classes, places.sum())
    predicted[labels == num_classes - 1] = 0
    return Evaluation(
        data="photos:test",
        class_names=[f"species {k}" for k in range(num_classes)],
        num_examples=num_examples,
        loss=1.0,
        accuracy=float((labels == predicted).mean()),
        top5_accuracy=None,
        labels=labels,
        predicted=predicted,
        confidences=np.full(num_examples, 0.5),
        probabilities=None,
        mistakes=[],
    )


def test_counts_are_those_of_the_matrix():
    found = evaluation_of(7, 60)
    matrix = np.zeros((7, 7), int)
    for true, predicted in zip(found.labels, found.predicted):
        matrix[true, predicted] += 1
    counts = found.counts
    for made in (counts, Counts.of_matrix(matrix)):
        assert (made.matrix() == matrix).all()
        assert (made.support == matrix.sum(1)).all()
        assert (made.predicted == matrix.sum(0)).all()
        assert (made.right == np.diag(matrix)).all()
    assert counts.table() == class_table(matrix)
    assert counts.worst_pairs(4) == worst_pairs(matrix, 4)
    true, predicted, examples = counts.cells(3)
    assert sorted(examples) == sorted(matrix[matrix > 0])[-3:]
    assert (matrix[true, predicted] == examples).all()
    some = np.array([1, 6])
    part = counts.matrix(some)
    assert (part[:, :2] == matrix[np.ix_(some, some)]).all()
    assert (part.sum(axis=1) == matrix[some].sum(axis=1)).all()


@pytest.mark.slow
def test_ten_thousand_classes_take_no_matrix():
    found = evaluation_of(10_000, 20_000)
    pictures.plot_confusion(evaluation_of(501, 501))  # imports matplotlib
    tracemalloc.start()
    figure = pictures.plot_confusion(found)
    figure.savefig("/dev/null", format="png", dpi=120)
    text = json.dumps(found.to_json())
    html = page.report_page(found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < evaluation_memory(20_000, 10_000) < 300e6
    assert len(text) < 3e6 and len(html) < 5e6
    listed = sum(examples for *_, examples in json.loads(text)["confusion"])
    assert listed + json.loads(text)["confusion_left_out"] == 20_000


def test_the_picture_shows_the_classes_with_the_most_mistakes():
    found = evaluation_of(600, 3000)
    figure = pictures.plot_confusion(found)
    axes = figure.axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    columns = [text.get_text() for text in axes.get_xticklabels()]
    mistakes = np.bincount(found.labels[found.labels != found.predicted], minlength=600)
    least = min(mistakes[int(name.split()[1])] for name in rows)
    assert len(rows) == 120 and rows[-1] == "species 599"
    assert columns == [*rows, "all others"]
    assert np.sort(mistakes)[-120] == least
    assert "120 classes with the most mistakes, of 600" in axes.get_title()


def test_the_page_begins_with_the_worst_classes_and_can_be_searched():
    html = page.report_page(evaluation_of(40, 400))
    text = Reader(html).text
    assert "type='search'" in html and html.count("<script>") == 1
    table = html[html.index("<h2>Classes</h2>") :]
    assert table.index("species 39<") < table.index("species 5<")
    assert "40 classes, those with the lowest recall first" in text
    few = page.report_page(evaluation_of(30, 300))
    assert "<script" not in few and "type='search'" not in few


def test_probabilities_are_in_the_estimate_where_they_are_kept():
    most = MAX_PROBABILITIES // 8192
    kept = evaluation_memory(most, 8192) - evaluation_memory(most + 1, 8192)
    assert kept == pytest.approx(4 * MAX_PROBABILITIES, rel=1e-3)
