"""From a folder of images and masks to numbers, files and pictures, by commands."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_vit import cli

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from tiny_runs import write_masks

SIZES = (
    "--num-layers 1 --hidden-dim 8 --mlp-dim 8 --num-heads 2 --patch-size 4 "
    "--jit-compile no --epochs 1 --devices cpu:1"
).split()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("commands")
    data = str(write_masks(root / "set"))
    words = ["train", "--task", "segmentation", "--data", data, "--run"]
    assert cli.main([*words, str(root / "run"), *SIZES]) == 0
    return root / "run"


@pytest.mark.slow
def test_training_leaves_numbers_a_card_and_a_page(run):
    found = json.loads((run / "evaluation.json").read_text())
    assert found["task"] == "segmentation" and 0 <= found["mean_iou"] <= 1
    card = (run / "model_card.md").read_text()
    assert "Mean IoU" in card and "keras_vit.segment(" in card
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_an_evaluation_prints_what_the_training_found(run, capsys):
    assert cli.main(["evaluate", str(run), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = json.loads((run / "evaluation.json").read_text())
    assert found["mean_iou"] == expected["mean_iou"]
    assert cli.main(["evaluate", str(run), "--steps", "resize(8)"]) == 1
    assert "--steps is for models of images" in capsys.readouterr().err


@pytest.mark.slow
def test_predictions_are_masks_of_the_size_of_the_images(run, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.zeros((5, 9), "uint8")).save(folder / "small.png")
    (folder / "broken.png").write_bytes(b"none")
    out, over, coco = (tmp_path / n for n in ("masks", "over", "masks.json"))
    files = ["--out", str(out), "--overlay", str(over), "--coco", str(coco)]
    status = cli.main(["predict", str(run), str(folder), "--format", "csv", *files])
    printed = capsys.readouterr()
    assert status == 1 and "broken.png" in printed.err
    header, *rows = printed.out.splitlines()
    assert header == "file,class,share" and all("small.png" in row for row in rows)
    with Image.open(out / "small.png") as mask:
        assert mask.size == (9, 5) and mask.mode == "P" and np.max(mask) < 3
    assert [p.name for p in out.iterdir()] == [p.name for p in over.iterdir()]
    assert len(json.loads(coco.read_text())["images"]) == 1


@pytest.mark.slow
def test_runs_are_listed_with_their_mean_iou(run, capsys):
    assert cli.main(["runs", str(run.parent)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert "mean IoU" in header and "finished" in row
