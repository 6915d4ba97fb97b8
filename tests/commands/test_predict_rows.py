"""`predict` writes each row as soon as it is known, whatever comes next."""

import csv
import io
import json

import pytest

from keras_vit import cli
from keras_vit.inference import loaded, predicting
from keras_vit.inference.predicting import Prediction

FOUND = [
    Prediction("a.png", [("cat", 0.75), ("dog", 0.25)]),
    Prediction("b.png", [], "Corrupt image: b.png: no image."),
    Prediction('c "\x1b[31m,\n.png', [("dog", 0.5), ("cat", 0.5)]),
]


@pytest.fixture
def outcome(monkeypatch, capsys):
    """Function (format, how it ends) to (status, stdout, stdout at each prediction)."""

    def run(style, end=None):
        written, seen = [], []

        def predictions(*_, **__):
            for prediction in FOUND:
                yield prediction
                written.append(capsys.readouterr().out)
                seen.append("".join(written))
            if end is not None:
                raise end

        monkeypatch.setattr(predicting, "predictions", predictions)
        monkeypatch.setattr(loaded, "load_model", lambda path: path)
        monkeypatch.setattr(loaded, "gives_pixels", lambda model: False)
        status = cli.main(["predict", "model", "a.png", "--format", style])
        return status, "".join(written) + capsys.readouterr().out, seen

    return run


@pytest.mark.parametrize("end", [None, KeyboardInterrupt(), ValueError("loop")])
def test_json_is_whole_however_it_ends(outcome, end):
    status, out, _ = outcome("json", end)
    assert status == (130 if isinstance(end, KeyboardInterrupt) else 1)
    whole = [prediction.to_json() for prediction in FOUND]
    assert out == json.dumps(whole, indent=2) + "\n"


@pytest.mark.parametrize("style", ["json", "csv", "text"])
def test_every_row_is_there_before_the_next_image_is_asked_for(outcome, style):
    _, out, seen = outcome(style, KeyboardInterrupt())
    assert "0.75" in seen[0] or "75.0 %" in seen[0]
    assert seen[0] != seen[2] and out.startswith(seen[2])


def test_csv_has_one_header_and_all_rows(outcome):
    status, out, _ = outcome("csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert status == 1 and rows[0] == ["file", "rank", "class", "probability"]
    assert rows[1:] == [
        ["a.png", "1", "cat", "0.75"],
        ["a.png", "2", "dog", "0.25"],
        [FOUND[2].file, "1", "dog", "0.5"],
        [FOUND[2].file, "2", "cat", "0.5"],
    ]


def test_text_shows_names_that_no_terminal_obeys(outcome):
    _, out, _ = outcome("text")
    assert "\x1b" not in out and r"c " '"' r"\x1b[31m,\n.png" in out


def test_no_more_than_a_batch_is_read_ahead(monkeypatch):
    read = []
    monkeypatch.setattr(predicting, "load_model", lambda model: model)
    monkeypatch.setattr(predicting, "output_kind", lambda model: "logits")
    monkeypatch.setattr(predicting, "class_names", lambda model: ["cat"])
    monkeypatch.setattr(predicting, "preprocessing_of", lambda model: None)
    monkeypatch.setattr(
        predicting, "read_image", lambda image, _: read.append(image) or (None, "bad")
    )
    files = [f"{number}.png" for number in range(100)]
    found = predicting.predictions("model", files, batch_size=4)
    assert next(found).file == "0.png" and len(read) == 4
    assert [p.file for p in found] == files[1:] and len(read) == 100


def test_nothing_to_predict_is_an_error():
    with pytest.raises(ValueError, match="at least one image"):
        predicting.predict("model", [])
