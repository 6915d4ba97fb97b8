"""Advice on a whole run with planted mistakes, its files, and the way back to data."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.advising import read_advice
from keras_vit.cli import main
from keras_vit.reporting.results import write_results
from keras_vit.training import Recipe, train
from keras_vit.training.datasets import load_parts

RECIPE = {
    **{"epochs": 5, "batch_size": 16, "num_layers": 1, "hidden_dim": 16},
    **{"mlp_dim": 16, "num_heads": 2, "patch_size": 4, "learning_rate": 0.01},
    **{"jit_compile": "no", "augment": "none", "dropout_rate": 0.0},
}
PLANTED = ["dark/wrong, 0.png", "dark/wrong, 1.png", "light/wrong, 2.png"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """60 dark and 60 light noisy images of 8x12 pixels, three of them mislabelled."""
    root = tmp_path_factory.mktemp("advice") / "photos"
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (120, "light")):
        (root / name).mkdir(parents=True)
        for index in range(60):
            pixels = random.integers(low, low + 130, (8, 12)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index:02d}.png")
    for name in PLANTED:
        right = "light" if name.startswith("dark") else "dark"
        shutil.move(root / right / f"{name[-5]}0.png", root / name)
    return root


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("advice") / "my run"
    write_results(train(Recipe(str(photos), **RECIPE), folder).folder)
    return folder


def test_the_planted_labels_are_found_and_hardly_any_other(run):
    (line,) = (line for line in read_advice(run) if line.rule == "suspicious_labels")
    with open(run / "relabel.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120 and line.numbers["images"] == 120
    doubted = [
        "/".join(row["file"].split("/")[-2:]) for row in rows if row["suggested"]
    ]
    assert set(PLANTED) <= set(doubted) and len(doubted) <= 4
    assert line.numbers["count"] == len(doubted)
    page = (run / "relabel.html").read_text()
    assert page.count("<img") == len(doubted) and "wrong, 0.png" in page
    assert "src='http" not in page and len(page) < 200_000


def test_the_corrected_list_trains_with_the_right_labels_and_the_same_parts(run):
    with open(run / "relabel.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    before = {row["file"]: row["split"] for row in rows}
    for row in rows:
        row["label"] = row["suggested"] or row["label"]
    corrected = run.parent / "corrected.csv"
    with open(corrected, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    parts = dict(load_parts(Recipe(str(corrected), validation_fraction=0)).named())
    for part, source in parts.items():
        for path, label in zip(source.paths, source.labels):
            assert before[os.path.normpath(path)] == part
            bright = np.asarray(Image.open(path)).mean() > 125
            assert source.class_names[label] == ("light" if bright else "dark")
    assert sum(source.num_examples for source in parts.values()) == 120


def test_the_report_and_the_commands_show_the_lines(run, capsys):
    advice = read_advice(run)
    assert [line["rule"] for line in json.loads((run / "advice.json").read_text())] == [
        line.rule for line in advice
    ]
    assert "What to try next" in (run / "report.html").read_text()
    for words in (["evaluate", str(run)], ["runs", str(run)]):
        assert main(words) == 0
        shown = capsys.readouterr().out
        assert all(line.text in shown for line in advice)
        assert "relabel.csv'" in shown  # quoted: the name has a space


def test_asked_again_without_the_images_it_says_the_rest(run):
    some = keras_vit.advise(run, look=False)
    assert {line.rule for line in some} == {
        line.rule for line in keras_vit.advise(run) if line.rule != "suspicious_labels"
    }


def test_a_run_without_advice_or_end_says_so(run, tmp_path):
    with pytest.raises(ValueError, match="There is no training run in"):
        keras_vit.advise(tmp_path)
    assert read_advice(tmp_path) == []
    shutil.copytree(run, tmp_path / "copy")
    record = json.loads((run / "run.json").read_text())
    record["status"] = "interrupted"
    (tmp_path / "copy" / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"interrupted.*--resume"):
        keras_vit.advise(tmp_path / "copy")
    (tmp_path / "copy" / "advice.json").write_text("[{}]")
    with pytest.raises(ValueError, match="damaged"):
        read_advice(tmp_path / "copy")


def test_a_list_is_read_from_anywhere_though_the_data_was_named_from_here(
    photos, tmp_path, monkeypatch
):
    from keras_vit.advising.looking import Looked, Suspect
    from keras_vit.advising.relabelling import write_list, write_relabel_page

    monkeypatch.chdir(photos.parent)
    parts = dict(load_parts(Recipe(photos.name, validation_fraction=0)).named())
    name = parts["train"].files[3]
    suspect = Suspect("train", 3, name, "dark", "light", 0.9, 9, 10)
    rows = write_list(Looked(120, [suspect], parts), parts, tmp_path / "list.csv")
    write_relabel_page(Looked(120, [suspect], parts), tmp_path / "page.html", rows)
    assert "data-row='3'" in (tmp_path / "page.html").read_text()
    monkeypatch.chdir(tmp_path)
    again = dict(load_parts(Recipe("list.csv", validation_fraction=0)).named())
    assert [s.num_examples for s in again.values()] == [96, 24]


def test_images_in_memory_have_no_list(run):
    from keras_vit.advising.looking import look_at_images
    from keras_vit.advising.relabelling import write_list, write_relabel_page
    from keras_vit.inference.loaded import load_model

    random = np.random.default_rng(1)
    images = random.integers(0, 256, (40, 8, 12, 1)).astype("uint8")
    source = keras_vit.data.from_arrays(images, np.arange(40) % 2, ["dark", "light"])
    model = load_model(run)
    looked = look_at_images(model, {"train": source}, batch_size=7)
    assert looked.num_images == 40
    assert write_list(looked, {"train": source}, run / "none.csv") == []
    assert not (run / "none.csv").exists()
    write_relabel_page(looked, run / "page.html")
    assert "Save relabel.csv" not in (run / "page.html").read_text()
    few = source.with_store(source.store.select(np.arange(2)))
    assert look_at_images(model, {"train": few}) is None
