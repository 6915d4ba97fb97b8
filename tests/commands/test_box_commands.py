import csv
import json

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit import cli


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a YOLOS that finds something in every image."""
    yolos = keras_vit.models.YOLOS(
        **{"num_classes": 2, "image_size": (32, 48), "patch_size": 16},
        **{"hidden_dim": 8, "num_layers": 1, "num_heads": 1, "mlp_dim": 8},
        detection_tokens=3,
    )
    yolos.metadata["class_names"] = ["cat", "dog"]
    path = tmp_path_factory.mktemp("model") / "yolos.keras"
    yolos.save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, size in (("a.png", (60, 40)), ("b.png", (31, 50))):
        Image.new("RGB", size).save(folder / name)
    return folder


def test_boxes_are_printed_and_written_in_every_format(model, photos, tmp_path, capsys):
    out, pictures, coco = (tmp_path / name for name in ("yolo", "seen", "coco.json"))
    options = ["--out", out, "--overlay", pictures, "--coco", coco, "--score", 0]
    words = ["predict", model, photos, "--format", "json", *options]
    assert cli.main([str(word) for word in words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in printed] == [
        str(p) for p in sorted(photos.iterdir())
    ]
    count = [len(row["objects"]) for row in printed]
    assert min(count) > 0 and printed[0]["objects"][0]["class"] in ("cat", "dog")
    assert len(json.loads(coco.read_text())["annotations"]) == sum(count)
    for name, number in zip("ab", count):
        assert len((out / "labels" / f"{name}.txt").read_text().splitlines()) == number
    assert Image.open(pictures / "b.png").size == (31, 50)


def test_boxes_get_the_ids_of_another_json(model, photos, tmp_path, capsys):
    images = [{"id": 30, "file_name": "a.png"}, {"id": 20, "file_name": "b.png"}]
    classes = [{"id": 5, "name": "cat"}, {"id": 4, "name": "dog"}]
    truth = {"images": images, "annotations": [], "categories": classes}
    like, coco = str(tmp_path / "truth.json"), str(tmp_path / "coco.json")
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    words = ["predict", model, str(photos), "--score", "0"]
    assert cli.main([*words, "--coco", coco, "--like", like]) == 0
    found = json.loads((tmp_path / "coco.json").read_text())
    assert {each["image_id"] for each in found} == {20, 30}
    assert {each["category_id"] for each in found} <= {4, 5}
    assert cli.main([*words, "--coco", like, "--like", like]) != 0
    assert "would be replaced" in capsys.readouterr().err
    assert json.loads((tmp_path / "truth.json").read_text()) == truth
    assert cli.main([*words, "--like", like]) != 0
    assert "without --coco" in " ".join(capsys.readouterr().err.split())


def test_equal_names_in_two_folders_lose_nothing_of_what_is_written(
    model, photos, tmp_path
):
    (photos / "more").mkdir()
    Image.new("RGB", (40, 40)).save(photos / "more" / "a.png")
    out, pictures, coco = (tmp_path / name for name in ("yolo", "seen", "coco.json"))
    words = ["predict", model, photos, "--out", out, "--overlay", pictures]
    assert cli.main([str(word) for word in [*words, "--coco", coco]]) == 0
    for folder in (out / "labels", pictures):
        assert {path.stem for path in folder.iterdir()} == {"a", "b", "a-2"}
    assert len(json.loads(coco.read_text())["images"]) == 3


def test_rows_of_text_and_csv_hold_the_same_boxes(model, photos, capsys):
    words = ["predict", model, str(photos / "a.png"), "--score", "0", "--format"]
    assert cli.main([*words, "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert cli.main([*words, "text"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(rows) == len(lines) > 0
    for row, line in zip(rows, lines):
        box = [float(row[key]) for key in ("left", "top", "right", "bottom")]
        assert line.split()[-4:] == [f"{value:.0f}" for value in box]


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_written(
    model, photos, tmp_path, capsys
):
    (photos / "c.png").write_bytes(b"none")
    words = ["predict", model, str(photos), "--coco", str(tmp_path / "coco.json")]
    assert cli.main(words) == 1
    assert "c.png" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "coco.json").read_text())["images"]) == 2


def test_a_folder_with_files_is_left_as_it_is(model, photos, capsys):
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    assert cli.main(["predict", model, str(photos), "--out", str(photos)]) != 0
    assert "holds something already" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_options_of_other_models_are_refused(model, photos, capsys):
    assert cli.main(["predict", model, str(photos), "--window", "32"]) != 0
    assert "--window is for models of pixels" in capsys.readouterr().err
    plain = keras_vit.ViT(
        **{"num_classes": 2, "image_size": 16, "patch_size": 8, "hidden_dim": 8},
        **{"num_layers": 1, "num_heads": 1, "mlp_dim": 8},
    )
    assert np.prod(plain.output_shape[1:]) == 2
    plain.save(photos.parent / "vit.keras")
    words = ["predict", str(photos.parent / "vit.keras"), str(photos), "--score", "0.5"]
    assert cli.main(words) != 0
    assert "--score is for models of boxes" in capsys.readouterr().err


def test_evaluate_prints_and_reports_average_precision(model, photos, tmp_path, capsys):
    box = {
        "id": 1,
        "image_id": 1,
        "category_id": 7,
        "bbox": [4, 4, 20, 20],
        "area": 400,
    }
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "height": 40, "width": 60}],
        "annotations": [{**box, "iscrowd": 0}],
        "categories": [{"id": 7, "name": "dog"}],
    }
    (photos / "b.png").unlink()
    (photos / "boxes.json").write_text(json.dumps(truth))
    words = ["evaluate", model, "--data", str(photos)]
    report = tmp_path / "report.html"
    assert cli.main([*words, "--report", str(report)]) == 0
    text = capsys.readouterr().out
    assert "1 images with 1 objects" in text and "AP50" in text
    assert report.read_text().startswith("<!DOCTYPE html>")
    assert cli.main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["task"] == "detection"
    assert cli.main(words[:2]) != 0
    assert "give `data`" in capsys.readouterr().err
    assert cli.main(["evaluate", model, *words[1:]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["run", "data", "AP"] and len(lines) == 4
    assert "± 0.00 % (n = 2)" in lines[3]
    assert cli.main(["evaluate", model, *words[1:], "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["model"] for run in found["runs"]] == [model] * 2
    assert found["AP"]["mean"] == found["runs"][0]["AP"]


def test_models_of_two_kinds_are_refused_before_the_work(
    model, photos, monkeypatch, capsys
):
    plain = keras_vit.ViT(
        **{"num_classes": 2, "image_size": 16, "patch_size": 8, "hidden_dim": 8},
        **{"num_layers": 1, "num_heads": 1, "mlp_dim": 8},
    )
    plain.save(photos.parent / "vit.keras")
    monkeypatch.setattr("keras_vit.evaluation.evaluate", None)  # would fail otherwise
    models = [str(photos.parent / "vit.keras"), model]
    assert cli.main(["evaluate", *models, "--data", str(photos)]) != 0
    assert "cannot be compared" in capsys.readouterr().err
