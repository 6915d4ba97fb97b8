"""What a result, an evaluation and facts look like when they are evaluated."""

import dataclasses

import numpy as np

from keras_vit.common.tables import Told
from keras_vit.evaluation import Evaluation
from keras_vit.training import Result, RunFolder


def rows(count):
    keys = ("loss", "val_loss", "val_accuracy")
    return [{"epoch": n, **dict.fromkeys(keys, 1 / n)} for n in range(1, count + 1)]


def test_a_result_tells_its_folder_its_time_and_the_kept_epoch():
    result = Result(RunFolder("runs/<mine>"), rows(3), 65.0, 130.0, epoch=2)
    assert repr(result).splitlines() == [
        "run runs/<mine>: 3 tests in 0:01:05, weights of epoch 2",
        "loss 0.5, val_loss 0.5, val_accuracy 0.5",
    ]
    page = result._repr_html_()
    assert "&lt;mine&gt;" in page and page.count("<tr>") == 4
    long = dataclasses.replace(result, history=rows(300))._repr_html_()
    assert long.count("<tr>") == 22 and "<td>300</td>" in long


def test_an_evaluation_tells_its_interval_and_its_classes():
    found = Evaluation(
        data="photos:test",
        class_names=["cat", "<dog>"],
        num_examples=10,
        loss=0.5,
        accuracy=0.8,
        top5_accuracy=None,
        labels=np.arange(10) % 2,
        predicted=np.array([1, 0, *(np.arange(8) % 2)]),
        confidences=np.full(10, 0.9),
        probabilities=None,
        mistakes=[],
    )
    # Wilson's interval of 8 of 10, as his formula gives it.
    assert repr(found) == (
        "<Evaluation photos:test, 10 examples: 80.00 % right "
        "(95 % interval 49.0 to 94.3 %)>"
    )
    text = str(found).splitlines()
    assert text[0] == "data: photos:test, 10 examples" and "<dog>" in text[-1]
    page = found._repr_html_()
    assert "&lt;dog&gt;" in page and page.count("<table>") == 2


def test_what_is_told_is_escaped_in_a_notebook():
    class Facts(Told):
        def __str__(self):
            return "a < b"

    assert repr(Facts()) == "a < b"
    assert Facts()._repr_html_() == "<pre>a &lt; b</pre>"
