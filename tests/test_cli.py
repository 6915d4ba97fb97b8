"""The command line, mostly in this process; results on stdout, the rest on stderr."""

import contextlib
import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit import cli
from keras_vit.cli import main
from keras_vit.commands import COMMANDS, Probe
from keras_vit.terminal import command

TINY = (
    "--epochs 1 --batch-size 4 --num-layers 1 --hidden-dim 8 --mlp-dim 8 --num-heads 2 "
    "--patch-size 4 --jit-compile no"
).split()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images") / "my photos"
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (100, "light")):
        (root / name).mkdir(parents=True)
        for index in range(8):
            pixels = random.integers(low, low + 156, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """A run folder, and what the training printed."""
    run = tmp_path_factory.mktemp("runs") / "my first"
    out, err = io.StringIO(), io.StringIO()
    keep = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        status = main(["train", "--data", str(images), "--run", str(run), *TINY])
    finally:
        sys.stdout, sys.stderr = keep
    assert status == 0, err.getvalue()
    return run, out.getvalue(), err.getvalue()


def test_training_prints_the_accuracy_and_the_next_command(trained):
    run, out, err = trained
    assert re.search(r"test accuracy: \d+\.\d\d %", out)
    next_command = shlex.split(re.search(r"next: (.*)", out)[1])
    assert next_command[-2:] == ["evaluate", str(run)]  # a path with a space, quoted
    assert "Model: small" in err and "epoch 1/1" in err
    assert "epoch" not in out


def test_the_printed_command_works_and_agrees_with_training(trained, capsys):
    run, out, _ = trained
    assert main(["evaluate", str(run), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["num_examples"] == 4
    printed = float(re.search(r"accuracy: ([\d.]+)", out)[1])
    assert 100 * result["accuracy"] == pytest.approx(printed, abs=0.01)
    history = (run / "history.csv").read_text()
    row = next(csv.DictReader(io.StringIO(history)))
    assert result["loss"] != pytest.approx(float(row["val_loss"]), rel=1e-5)
    judged = json.loads((run / "run.json").read_text())["judged_by"]
    assert judged.startswith("validation images")  # not those of the test


def test_an_evaluation_is_told_in_full_with_a_report(trained, images, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    run, _, _ = trained
    report = tmp_path / "report.html"
    args = ["evaluate", str(run), "--data", str(images), "--report", str(report)]
    assert main(args) == 0
    out = capsys.readouterr().out
    assert re.search(r"accuracy: \d+\.\d\d % \(95 % interval [\d.]+ to [\d.]+ %\)", out)
    assert "not defined for fewer than 6 classes" in out and "ECE" in out
    assert re.search(r"^dark +2 ", out, re.M) and f"report: {report}" in out
    assert str(run) in report.read_text(encoding="utf-8")
    assert main([*args[:-1], str(tmp_path / "no" / "report.html")]) == 1
    assert "folder of the report does not exist" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_is_explained_and_what_cannot_be_read_is_named(
    trained, images, tmp_path, capsys
):
    pytest.importorskip("jinja2")
    run, _, _ = trained
    report = tmp_path / "what it sees.html"
    broken = tmp_path / "broken.png"
    broken.touch()
    args = ["explain", str(run), str(images / "dark"), "--out", str(report)]
    assert main(args) == 0
    assert f"report: {report} (0." in capsys.readouterr().out
    page = report.read_text(encoding="utf-8")
    assert page.count("<article") == 8 and "Training" in page
    assert main(["explain", str(run), str(broken), "--out", str(report)]) == 1
    captured = capsys.readouterr()
    assert "broken.png" in captured.err and f"report: {report}" in captured.out
    assert "broken.png" in report.read_text(encoding="utf-8")
    assert main([*args[:-1], str(tmp_path / "no" / "report.html")]) == 1
    assert "folder of the report does not exist" in capsys.readouterr().err
    assert main(["explain", str(tmp_path / "nothing"), "--out", str(report)]) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_several_runs_give_mean_and_spread(trained, capsys):
    run, _, _ = trained
    assert main(["evaluate", str(run), str(run / "model.keras")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^accuracy: [\d.]+ ± 0\.00 % \(n = 2\)$", out, re.M)
    assert main(["evaluate", str(run), str(run), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["accuracy"]["n"] == 2 and len(result["runs"]) == 2
    assert result["loss"]["standard_deviation"] == 0


@pytest.mark.slow
def test_a_probe_says_what_to_do_next(trained, images, capsys):
    run, _, _ = trained
    args = ["probe", "--data", str(images), "--model", str(run)]
    assert main(args) == 0
    captured = capsys.readouterr()
    assert "12 training and 4 test images" in captured.out
    assert re.search(r"accuracy: .*95 % interval", captured.out)
    assert "best of 5 by cross-validation" in captured.out
    line = shlex.split(re.search(r"next: (.*)", captured.out)[1])
    expected = ["--data", str(images), "--model", "small", "--weights", str(run)]
    assert line[-7:] == ["train", *expected]
    assert "warning" not in captured.err
    options = "--corrupt skip --split-seed 3 --test-fraction 0.5".split()
    assert main([*args, *options]) == 0
    line = shlex.split(re.search(r"next: (.*)", capsys.readouterr().out)[1])
    given = cli.parse(line[line.index("train") :]).given
    assert (given["corrupt"], given["split_seed"]) == ("skip", 3)
    assert given["test_fraction"] == 0.5
    assert main([*args, "--l2", "1024", "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["l2"] == 1024 and not result["random"]


def test_a_probe_hands_its_image_size_on():
    for size, words in ((48, "--image-size 48"), ((32, 48), "--image-size 32 48")):
        call = Probe("photos", "ViT_Ti16", "augreg", image_size=size)
        assert f"photos {words} --model ViT_Ti16" in call._next_command()
    assert "--image-size" not in Probe("photos")._next_command()


def test_a_finished_run_is_not_trained_again(trained, images, capsys):
    run, _, _ = trained
    again = ["train", "--data", str(images), "--run", str(run), *TINY]
    assert main(again) == 1
    assert "not empty: resume it" in capsys.readouterr().err
    assert main([*again, "--resume"]) == 0
    captured = capsys.readouterr()
    assert "is finished" in captured.err and "test accuracy" in captured.out
    # The run knows its own settings; what is given must agree with them.
    assert main(["train", "--run", str(run), "--resume"]) == 0
    assert main(["train", "--run", str(run), "--resume", "--epochs", "9"]) == 1
    assert "epochs: 1 in the run, 9 now" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "keras_vit.training.run.callbacks.Progress.on_epoch_begin",
        lambda *_, **__: signal.raise_signal(signal.SIGINT),
    )
    assert main(["train", "--data", str(images), *TINY]) == 130
    err = capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    line = shlex.split(re.search(r"Continue with:  (.*)", err)[1])
    args = line[line.index("train") :]
    assert args[-3:] == ["--run", os.path.join("runs", "my_photos-small-1"), "--resume"]
    assert main(args) == 0
    assert "Resuming after 1 updates" in capsys.readouterr().err


def test_predictions_as_text_json_and_csv(trained, images, capsys):
    run, _, _ = trained
    files = [str(images / "dark" / "0.png"), str(images / "light" / "1.png")]
    results = {}
    for style in ("text", "json", "csv"):
        assert main(["predict", str(run), *files, "--format", style]) == 0
        results[style] = capsys.readouterr().out
    assert len(re.findall(r"^ +\d+\.\d %  (dark|light)$", results["text"], re.M)) == 4
    parsed = json.loads(results["json"])
    assert [entry["file"] for entry in parsed] == files
    rows = list(csv.DictReader(io.StringIO(results["csv"])))
    assert [row["rank"] for row in rows] == ["1", "2", "1", "2"]
    assert float(rows[0]["probability"]) == parsed[0]["classes"][0]["probability"]


def test_a_broken_image_makes_the_status_1_and_the_others_are_predicted(
    trained, images, tmp_path, capsys
):
    run, _, _ = trained
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    files = [str(tmp_path / "broken.png"), str(images / "dark" / "0.png")]
    assert main(["predict", str(run), *files, "--format", "csv"]) == 1
    captured = capsys.readouterr()
    assert files[0] in captured.err and files[0] not in captured.out
    assert len(captured.out.splitlines()) == 3


@pytest.mark.parametrize(
    "args, status, message",
    [
        (["predict"], 2, "MODEL|PATH"),
        (["predict", "run"], 2, "at least one image"),
        (["train", "--epoch", "3"], 2, "--epochs"),
        (["train", "--epochs", "three"], 2, "three"),
        (["train", "--epochs", "0"], 2, "`epochs` must be at least 1"),
        (["train", "--augment", "flop"], 1, "flip"),
        (["trian"], 2, "train"),
        (["train", "--data", "fashion_mnist_min"], 1, "fashion_mnist_mini"),
        (["train", "--model", "ViT_B61"], 1, "ViT_B16"),
        (["train", "--image-size", "30", "--patch-size", "7"], 1, "patch_size"),
        (["train", "--run", "nowhere", "--resume"], 1, "no run to resume"),
        (["evaluate"], 2, "RUN|at least one run"),
        (["evaluate", "nowhere"], 1, "nowhere"),
        (["evaluate", "a", "b", "--report", "r.html"], 2, "A report is of one run"),
        (["probe"], 2, "DATA"),
        (["probe", "--data", "./nowhere"], 1, "nowhere"),
        (["probe", "--data", "./nowhere", "--model", "ViT_B61"], 1, "ViT_B16"),
        (["runs", "--sort", "acuracy"], 2, "accuracy"),
        (["predict", "nowhere", "a.png"], 1, "nowhere"),
        (["convert"], 2, "IN"),
        (["convert", "nowhere"], 2, "--inspect"),
        (["convert", "nowhere", "m.keras"], 1, "nowhere"),
        (["convert", "nowhere", "m.kears"], 1, r"'\.keras'"),
        (["convert", "nowhere", "--inspect"], 1, "nowhere"),
        (["models", "ViT_B61"], 1, "ViT_B16"),
        (["models", "vit_base_patch61_224"], 1, "vit_base_patch"),
        (["verify", "ViT_B61"], 1, "ViT_B16"),
        (["verify", "--download", "augreg"], 1, "needs a model"),
    ],
)
def test_a_mistake_gets_a_message_and_a_status(
    args, status, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(args) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
    assert "Traceback" not in captured.err
    assert not list(tmp_path.rglob("*.json"))


def test_help_and_version_go_to_stdout(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert re.findall(r"^  ([a-z-]+)  ", text, re.M) == list(COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"keras-vit {keras_vit.__version__}\n"


def test_the_models_are_listed(capsys):
    assert main(["models"]) == 0
    assert "86,567,656" in capsys.readouterr().out
    assert main(["models", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"name", "params", "gflops", "image_size"} <= set(rows[0])
    assert main(["models", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


def test_one_model_and_its_published_files_are_listed(capsys):
    assert main(["models", "vit-b/16"]) == 0
    text = capsys.readouterr().out
    assert "86,567,656" in text and "35.1" in text
    assert main(["models", "ViT_L16", "--weights", "--num-classes", "1000"]) == 0
    text = capsys.readouterr().out
    assert "ViT_L16" in text and "21843" not in text
    assert "JFT-300M" in text  # what was never released


def test_verify_prints_the_certificate_of_a_family(capsys):
    assert main(["verify", "BiT_R50x1"]) == 0
    text = capsys.readouterr().out
    assert "hf/bit_cls" in text and "vit/" not in text


def test_verify_says_1_when_a_difference_is_too_large(capsys, monkeypatch):
    from keras_vit.certificates import certificate

    monkeypatch.setitem(certificate.LOGITS_BAR, "bit", 1e-12)
    assert main(["verify", "BiT_R50x1"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_command_is_quoted_as_a_shell_needs_it():
    assert command("predict", "my runs/1", "a.png").endswith(
        "predict 'my runs/1' a.png"
    )


@pytest.mark.slow
def test_the_module_runs_and_a_closed_pipe_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_vit", "models", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    _, err = process.communicate()
    assert process.returncode == 141
    assert "Traceback" not in err and "BrokenPipe" not in err


def start(folder, *args):
    """A process of its own, in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "keras_vit", "train", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(process, condition, seconds=300):
    """Looks until something is true, the process has ended, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.002)
            return
    assert condition()


@pytest.mark.slow
def test_a_command_killed_again_and_again_ends_with_the_bits_of_one_left_alone(
    images, tmp_path
):
    args = ["--data", str(images), *TINY, "--epochs", "40", "--dropout-rate", "0.2"]
    args += ["--drop-path-rate", "0.2", "--save-minutes", "0.0001"]
    (tmp_path / "alone").mkdir()
    alone = start(tmp_path / "alone", *args)
    out, _ = alone.communicate()
    assert alone.returncode == 0, out
    (tmp_path / "killed").mkdir()
    run = tmp_path / "killed" / "runs" / "my_photos-small-1"
    reached = 0
    for more in (2, 9, 20):
        process = start(tmp_path / "killed", *args, *(["--resume"] if reached else []))

        def newest():
            files = sorted((run / "checkpoints").glob("step-*.npz"))
            return int(files[-1].stem.removeprefix("step-")) if files else 0

        wait_for(process, lambda: newest() >= reached + more)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, out
        reached = newest()
    last = start(tmp_path / "killed", *args, "--resume")
    out, _ = last.communicate()
    assert last.returncode == 0, out
    other = tmp_path / "alone" / "runs" / "my_photos-small-1"
    assert (run / "history.csv").read_text() == (other / "history.csv").read_text()
    one, two = (keras.saving.load_model(f / "model.keras") for f in (run, other))
    for a, b in zip(one.get_weights(), two.get_weights()):
        assert a.tobytes() == b.tobytes()


@pytest.mark.slow
def test_the_default_run_reaches_80_percent(tmp_path):
    child = subprocess.run(
        [sys.executable, "-m", "keras_vit", "train"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    assert float(re.search(r"accuracy: ([\d.]+)", child.stdout)[1]) >= 80
    assert keras.saving.load_model(
        tmp_path / "runs" / "fashion_mnist_mini-small-1" / "model.keras"
    )
