"""Tables and plots of run folders."""

import csv
import io
import json

import pytest

from keras_vit.cli import main
from keras_vit.reporting.runs import compare_runs, plot_runs
from keras_vit.training.folder.folder import RunFolder


def write_run(path, accuracies, *, seconds=None, status="finished", model="small"):
    path.mkdir(parents=True)
    folder = RunFolder(path)
    record = {
        "status": status,
        "recipe": {"data": "photos", "model": model, "epochs": 3},
        "resolved": {"parameters": 1234, "steps_per_epoch": 10, "batch_size": 8},
    }
    if seconds is not None:
        record["result"] = {"seconds": seconds}
    folder.write_record(record)
    rows = [
        {"epoch": n, "loss": 1.0, "val_loss": 1 - a, "val_accuracy": a}
        for n, a in enumerate(accuracies, 1)
    ]
    folder.write_history(rows)


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    write_run(root / "a", [0.5, 0.7, 0.75], seconds=60.0)
    write_run(root / "b", [0.8, 0.9, 0.95], seconds=120.0, model="ViT_B16")
    write_run(root / "sweep" / "c", [0.6], status="interrupted")
    write_run(root / "new", [], status="prepared")
    (root / "foreign" / "deep").mkdir(parents=True)
    (root / "foreign" / "deep" / "file.txt").write_text("hello")
    (root / "broken").mkdir()
    (root / "broken" / "run.json").write_text("{")
    (root / "notes.txt").write_text("not a folder")
    return root


def test_every_run_is_a_row_and_the_rest_is_named(runs):
    table = compare_runs(runs)
    assert [run.name for run in table] == ["a", "b", "new", "sweep/c"]
    first = table[0]
    assert (first.model, first.params, first.status) == ("small", 1234, "finished")
    assert (first.epochs, first.accuracy, first.seconds) == (3, 0.75, 60.0)
    assert first.images_per_second == 3 * 10 * 8 / 60
    assert table[2].accuracy is None and table[3].images_per_second is None
    reasons = {folder.rsplit("/", 1)[1]: why for folder, why in table.skipped}
    assert set(reasons) == {"foreign", "broken"}
    assert "no run.json" in reasons["foreign"] and "broken" in reasons["broken"]


def test_mean_iou_is_that_of_the_evaluation_at_the_sizes_of_the_masks(tmp_path):
    for name in ("evaluated", "not yet"):
        write_run(tmp_path / name, [0.5])
        rows = [{"epoch": 1, "loss": 1.0, "val_mean_iou": 0.75}]
        RunFolder(tmp_path / name).write_history(rows)
    found = tmp_path / "evaluated" / "evaluation.json"
    found.write_text('{"task": "segmentation", "mean_iou": 0.625}')
    assert [run.mean_iou for run in compare_runs(tmp_path)] == [0.625, None]
    for broken in ("[]", "{", '{"mean_iou": "much"}'):
        found.write_text(broken)
        assert "broken" in compare_runs(tmp_path).skipped[0][1]


def test_of_several_labels_there_is_the_mean_average_precision_of_the_test(tmp_path):
    for name, value in (("a", 0.5), ("b", 0.75)):
        write_run(tmp_path / name, [0.5])
        rows = [{"epoch": 1, "loss": 1.0, "val_mean_ap": 0.25}]
        RunFolder(tmp_path / name).write_history(rows)
        found = tmp_path / name / "evaluation.json"
        found.write_text(json.dumps({"task": "multilabel", "mean_ap": value}))
    table = compare_runs(tmp_path).sorted("mean_ap")
    assert [(run.name, run.mean_ap) for run in table] == [("b", 0.75), ("a", 0.5)]
    assert "mean AP" in table.header and "75.00" in str(table)
    assert " val" not in str(table)


def test_one_run_folder_is_a_table_of_one(runs):
    (run,) = compare_runs(runs / "a")
    assert run.name == "a"


def test_the_best_accuracy_comes_first_and_the_unknown_last(runs):
    table = compare_runs(runs)
    names = [run.name for run in table.sorted("accuracy")]
    assert names == ["b", "a", "sweep/c", "new"]
    names = [run.name for run in table.sorted("accuracy", reverse=True)]
    assert names == ["sweep/c", "a", "b", "new"]
    assert table.sorted("seconds")[0].name == "a"
    with pytest.raises(ValueError, match="must be one of 'name', 'data'"):
        table.sorted("size")


def test_the_command_prints_text_json_and_csv(runs, capsys):
    assert main(["runs", str(runs), "--sort", "accuracy"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].split()[:3] == ["name", "data", "model"]
    assert [line.split()[0] for line in lines[1:]] == ["b", "a", "sweep/c", "new"]
    assert "95.00 %" in lines[1] and "0:02:00" in lines[1] and "1/3" in lines[3]
    assert "broken" in captured.err and "foreign" in captured.err
    assert main(["runs", str(runs), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[1]["accuracy"] == 0.95 and "history" not in rows[1]
    assert main(["runs", str(runs), "--format", "csv", "--reverse"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == ["sweep/c", "new", "b", "a"]


def test_a_folder_without_runs_is_explained(runs, capsys):
    assert main(["runs", str(runs / "foreign")]) == 1
    assert "There is no run in" in capsys.readouterr().err
    assert main(["runs", str(runs / "nowhere")]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_the_plot_shows_every_run_that_has_an_epoch(runs, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "runs.png"
    assert main(["runs", str(runs), "--plot", str(picture)]) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="No run has finished an epoch"):
        plot_runs(compare_runs(runs / "new"), picture)
