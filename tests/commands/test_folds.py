"""`keras-vit train --folds`: a cross-validation, its report and its resuming."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_vit.cli import main
from keras_vit.reporting.runs import compare_runs

TINY = "--epochs 1 --batch-size 8 --num-layers 1 --hidden-dim 8 --mlp-dim 8 "
TINY += "--num-heads 2 --patch-size 4 --jit-compile no --no-check"


@pytest.fixture
def photos(tmp_path):
    root, random = tmp_path / "photos", np.random.default_rng(0)
    for label, low in (("a", 0), ("b", 100)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(low, low + 156, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / label / f"p{number % 6}_{number}.png")
    return root


@pytest.mark.slow
def test_all_images_are_judged_once_by_a_model_that_did_not_see_them(
    photos, tmp_path, capsys
):
    words = ["train", "--data", str(photos), *TINY.split(), "--folds", "3"]
    words += ["--group-by", r"(p\d)_", "--run", str(tmp_path / "cv")]
    assert main(words) == 0
    assert "all 24 images, each by the model" in capsys.readouterr().out
    parts = []
    for place in (1, 2, 3):
        split = json.loads((tmp_path / f"cv/fold-{place}/split.json").read_text())
        patients = [{file[2:4] for file in files} for files in split.values()]
        assert sum(map(len, patients)) == len(set().union(*patients)) == 6
        parts += split["test"]
    assert len(parts) == len(set(parts)) == 24
    whole = dict(np.load(tmp_path / "cv/predictions.npz"))
    right = whole["labels"] == whole["predicted"]
    record = json.loads((tmp_path / "cv/folds.json").read_text())
    assert record["accuracy"] == pytest.approx(right.mean())
    single = [right[whole["fold"] == place].mean() for place in (1, 2, 3)]
    np.testing.assert_allclose(record["single_folds"], single)
    assert "bootstrap over 6 groups" in (tmp_path / "cv/report.html").read_text()
    table = compare_runs(tmp_path / "cv")
    assert [run.status for run in table] == ["3 folds", *["finished"] * 3]
    assert table[0].accuracy == record["accuracy"]
    # Stopped in the second fold; what is there is not trained again.
    shutil.rmtree(tmp_path / "cv/fold-2")
    (tmp_path / "cv/folds.json").unlink()
    before = (tmp_path / "cv/fold-1/model.keras").stat().st_mtime_ns
    assert main([*words, "--resume"]) == 0
    again = dict(np.load(tmp_path / "cv/predictions.npz"))
    for name, values in whole.items():
        np.testing.assert_array_equal(values, again[name])
    assert (tmp_path / "cv/fold-1/model.keras").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "more, message",
    [
        ("--folds 1 --run x", "at least 2"),
        ("--folds 3", "give --run with"),
        ("--folds 3 --run x --seeds 2", "--folds and --seeds"),
        ("--folds 3 --run x --fold 1/3", "--folds and --fold"),
        ("--fold 4/3", "a part of two or more"),
    ],
)
def test_what_cannot_be_together_is_refused(more, message, capsys):
    assert main(["train", *more.split()]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
