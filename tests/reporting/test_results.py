"""What is left of a run when it is done, and the command that makes it."""

import json
import re
import shlex
import signal

import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.cli import main
from keras_vit.inference.loaded import preprocessing_of
from keras_vit.reporting.results import write_results
from keras_vit.training import Recipe, RunFolder, train
from keras_vit.training.run.first_look import look_at_data

TINY = {
    **{"epochs": 1, "batch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8},
    **{"num_heads": 2, "patch_size": 4, "jit_compile": "no"},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("results") / "images"
    for shade, name in ((40, "dark"), (200, "light")):
        (root / name).mkdir(parents=True)
        for index in range(10):
            image = Image.new("L", (8, 8), shade + index)
            image.save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    run = tmp_path_factory.mktemp("results") / "run"
    result = train(
        Recipe(str(images), **TINY), run, notes={"reasons": ["It is small."]}
    )
    return result.folder


def test_numbers_pictures_page_and_card_agree(folder):
    evaluation = write_results(folder)
    numbers = json.loads((folder.path / "evaluation.json").read_text())
    assert numbers["accuracy"] == evaluation.accuracy
    assert evaluation.num_examples == 4
    card = (folder.path / "model_card.md").read_text()
    assert "4 test images" in card and "It is small." in card
    assert f"{100 * evaluation.accuracy:.2f}%" in card
    assert "<html" in (folder.path / "report.html").read_text()
    with Image.open(folder.path / "confusion.png") as picture:
        assert picture.size[0] > 100
    wrong = evaluation.accuracy < 1
    assert (folder.path / "mistakes.png").exists() == wrong


def test_every_test_image_has_its_answer_in_a_file(folder):
    accuracy = write_results(folder).accuracy
    with np.load(folder.path / "predictions.npz") as file:
        found = dict(file)
    assert sorted(found) == ["confidence", "labels", "predicted"]
    assert [found[name].dtype.name for name in sorted(found)] == [
        *("float32", "int32", "int32"),
    ]
    # Computed anew, image by image.
    model = keras.saving.load_model(folder.model, compile=False)
    record = folder.read_record()
    _, test = keras_vit.data.load_splits(record["recipe"]["data"])
    rows = []
    for pixels, labels, *_ in test.batches(1, preprocessing=preprocessing_of(model)):
        outputs = keras.ops.convert_to_numpy(model(pixels))[0]
        shares = np.exp(outputs) / np.exp(outputs).sum()
        rows.append((int(labels[0]), shares.argmax(), shares.max()))
    labels, predicted, shares = map(np.array, zip(*rows))
    assert (found["labels"] == labels).all()
    assert (found["predicted"] == predicted).all()
    np.testing.assert_allclose(found["confidence"], shares, rtol=1e-5)
    assert (labels == predicted).mean() == accuracy
    assert not list(folder.path.glob(".*predictions*"))  # written by rename


def folder_metadata(folder):
    return keras.saving.load_model(folder.model, compile=False).metadata


def test_the_record_tells_what_was_looked_at_and_what_it_cost(folder, images):
    record = folder.read_record()
    assert record["check"]["train_counts"] == [8, 8]
    assert record["check"]["warnings"] == [
        "2 classes with fewer than 10 training images: dark; light"
    ]
    assert record["estimate"]["memory"] > 0
    assert record["data_name"] == str(images)
    assert folder_metadata(folder)["data_name"] == str(images)
    assert record["cost"]["images"] == 16


@pytest.mark.slow
def test_a_check_can_be_left_out(images, tmp_path):
    result = train(Recipe(str(images), **TINY), tmp_path / "run", check=False)
    assert "check" not in result.folder.read_record()


@pytest.mark.slow
def test_a_broken_image_is_named_before_anything_is_trained(images, tmp_path):
    root = tmp_path / "images"
    for name in ("dark", "light"):
        (root / name).mkdir(parents=True)
        for file in (images / name).iterdir():
            (root / name / file.name).write_bytes(file.read_bytes())
    (root / "dark" / "3.png").write_bytes(b"\x89PNG and nothing more")
    with pytest.raises(ValueError, match=r"Corrupt image: .*3\.png.*--corrupt skip"):
        train(Recipe(str(root), **TINY), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    result = train(Recipe(str(root), corrupt="skip", **TINY), tmp_path / "run")
    assert result.folder.model.exists()


def test_a_run_that_the_memory_would_not_hold_is_refused(images, tmp_path, monkeypatch):
    name = "keras_vit.training.run.first_look.available_memory"
    monkeypatch.setattr(name, lambda: 2**20)
    recipe = Recipe(str(images), model="ViT_Ti16", image_size=32, batch_size=8)
    with pytest.raises(ValueError, match="a quarter of that is kept in reserve"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_several_seeds_give_their_mean(images, tmp_path, capsys):
    words = [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items()]
    run = tmp_path / "runs"
    args = ["train", "--data", str(images), "--run", str(run), "--seeds", "2", *words]
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "test accuracy of 2 runs:" in out
    seeds = [
        RunFolder(run / f"seed-{i}").read_record()["recipe"]["seed"] for i in (0, 1)
    ]
    assert seeds == [0, 1]
    first, second = (
        keras.saving.load_model(run / f"seed-{i}" / "model.keras").get_weights()
        for i in (0, 1)
    )
    assert any((a != b).any() for a, b in zip(first, second))
    # Both are there, so nothing is trained again.
    assert main([*args, "--resume"]) == 0
    captured = capsys.readouterr()
    assert "is finished" in captured.err
    # The folder of all of them can be evaluated.
    assert main(["evaluate", str(run), "--seeds", "2"]) == 0
    mean = re.search(r"of 2 runs: ([\d.]+ ± [\d.]+ %)", captured.out)[1]
    assert f"accuracy: {mean} (n = 2)" in capsys.readouterr().out
    for wrong, message in ((["3"], "holds runs of 2 seeds"), (["0"], "at least 1")):
        assert main(["evaluate", str(run), "--seeds", *wrong]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_interrupted_seeds_go_on_in_the_folder_of_all(
    images, tmp_path, monkeypatch, capsys
):
    words = [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items()]
    args = ["train", "--data", str(images), "--seeds", "2", *words]
    assert main(args) == 2
    assert "Several runs need one folder" in capsys.readouterr().err
    args += ["--run", str(tmp_path / "runs")]
    monkeypatch.setattr(
        "keras_vit.training.run.callbacks.Progress.on_epoch_begin",
        lambda *_, **__: signal.raise_signal(signal.SIGINT),
    )
    assert main(args) == 130
    monkeypatch.undo()
    line = re.search(r"Continue with:  (.*)", capsys.readouterr().err)[1]
    words = shlex.split(line)
    assert words[-1] == "--resume" and str(tmp_path / "runs") in words
    assert main(words[words.index("train") :]) == 0
    assert "test accuracy of 2 runs:" in capsys.readouterr().out


def test_streamed_data_is_not_read_before_the_run(images):
    train_data, test_data = keras_vit.data.load_splits(str(images))
    streamed = type("Streamed", (), {"labels": None})()
    assert look_at_data(Recipe(str(images)), streamed, test_data) is None
    assert look_at_data(Recipe(str(images)), train_data, test_data) is not None
