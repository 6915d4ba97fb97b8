"""From a folder of images and boxes to numbers, files and rows, by commands."""

import json
import sys
from pathlib import Path

import pytest

from keras_vit import cli

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from tiny_runs import write_boxes

SIZES = (
    "--num-layers 1 --hidden-dim 8 --mlp-dim 8 --num-heads 2 --patch-size 4 "
    "--jit-compile no --epochs 1 --batch-size 4 --devices cpu:1"
).split()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("commands")
    data = str(write_boxes(root / "set"))
    words = ["train", "--task", "detection", "--data", data, "--run"]
    assert cli.main([*words, str(root / "runs" / "first"), *SIZES]) == 0
    return root / "runs" / "first"


def test_training_leaves_numbers_a_card_and_a_page(run, capsys):
    found = json.loads((run / "evaluation.json").read_text())
    assert found["task"] == "detection" and 0 <= found["AP50"] <= 1
    card = (run / "model_card.md").read_text()
    assert "Average precision at IoU 0.5" in card and "keras_vit.detect(" in card
    assert (run / "report.html").exists()
    assert cli.main(["runs", str(run.parent)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert "AP50" in header and "finished" in row


@pytest.mark.slow
def test_an_evaluation_prints_what_the_training_found(run, capsys):
    expected = json.loads((run / "evaluation.json").read_text())
    assert cli.main(["evaluate", str(run), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected
    assert cli.main(["evaluate", str(run), str(run), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["AP"]["n"] == 2
    assert cli.main(["evaluate", str(run), str(run)]) == 0
    assert "AP: " in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.slow
def test_boxes_of_photos_have_the_classes_of_the_training(run, capsys):
    photos = [str(run.parents[1] / "set" / "images"), "--score", "0"]
    assert cli.main(["predict", str(run), *photos, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 11
    assert {o["class"] for f in found for o in f["objects"]} <= {"grey", "light"}


@pytest.mark.slow
def test_an_exported_file_is_compared_on_images_with_boxes(run, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    words = ["export", str(run), str(tmp_path / "boxes.onnx"), "--data"]
    assert cli.main([*words, str(run.parents[1] / "set")]) == 0
    table = capsys.readouterr().out
    assert "images of " in table and "fashion_mnist" not in table
