"""Pretraining without labels by recipe, and training from what it leaves."""

import csv
import dataclasses
import io
import logging
import shlex

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY, assert_same_bits, finished

import keras_vit
from keras_vit.cli import main
from keras_vit.training import MaskedPatchPictures, Recipe, train
from keras_vit.training.folder import masked_pictures
from keras_vit.training.recipes.files import model_of_run
from keras_vit.training.run.build import build_model, compile_model

SIZES = (
    "--batch-size 4 --num-layers 1 --hidden-dim 8 --mlp-dim 8 --num-heads 2 "
    "--patch-size 4 --jit-compile no"
).split()


class PowerCut(Exception):
    pass


class After(keras.callbacks.Callback):
    """Raises after so many updates."""

    def __init__(self, updates):
        super().__init__()
        self.updates = updates

    def on_train_batch_end(self, batch, logs=None):
        self.updates -= 1
        if not self.updates:
            raise PowerCut


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Ten images of 8x12 pixels, without classes."""
    root = tmp_path_factory.mktemp("images") / "photos"
    (root / "summer").mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(10):
        pixels = random.integers(0, 256, (8, 12, 3)).astype("uint8")
        Image.fromarray(pixels).save(root / ("summer" if i % 2 else "") / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def masked(photos):
    return dataclasses.replace(
        TINY, data=str(photos), masked_target="mean_colour", accumulation_steps=2
    )


@pytest.fixture(scope="module")
def whole(masked, tmp_path_factory):
    return finished(masked, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.slow
def test_a_run_on_unlabelled_images_draws_what_it_learns(whole):
    folder = whole.result.folder
    rows = list(csv.DictReader(io.StringIO(whole.history_text)))
    assert len(rows) == 2
    for name in ("loss", "accuracy", "commonest_colour", "visible_neighbours"):
        assert float(rows[1][name]) >= 0 and float(rows[1][f"val_{name}"]) >= 0
    with Image.open(folder.pictures / "epoch-0002.png") as picture:
        assert picture.mode == "RGB" and picture.width > 4 * 112
    assert list((folder.tensorboard / "pictures").glob("events*"))
    record = folder.read_record()
    assert record["status"] == "finished"
    assert record["data"]["class_names"] == ["unlabelled"]
    assert record["check"]["warnings"] == []
    assert record["result"]["val_accuracy"] == float(rows[1]["val_accuracy"])


@pytest.mark.slow
def test_the_model_of_the_run_says_what_it_is(whole):
    model = whole.result.load_model()
    assert keras_vit.pretraining.is_pretraining(model)
    assert "class_names" not in model.metadata
    names = [step["step"] for step in model.metadata["preprocessing"]["steps"]]
    assert names == ["resize", "value_range"]
    with pytest.raises(ValueError, match="without classes"):
        keras_vit.predict(whole.result.folder.path, "x.png")
    with pytest.raises(ValueError, match="without classes"):
        keras_vit.evaluation.evaluate(model)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_bits(masked, whole, tmp_path):
    with pytest.raises(PowerCut):
        finished(masked, tmp_path / "run", After(3), save_steps=1)
    rest = finished(masked, tmp_path / "run", resume=True)
    assert_same_bits(rest.variables, whole.variables)
    assert rest.history_text == whole.history_text


@pytest.mark.slow
def test_parts_of_a_batch_make_the_update_of_the_whole(masked, whole, tmp_path):
    recipe = dataclasses.replace(
        masked,
        epochs=1,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
    )
    runs = [
        finished(dataclasses.replace(recipe, accumulation_steps=n), tmp_path / str(n))
        for n in (1, 2)
    ]
    for one, other in zip(runs[0].weights, runs[1].weights):
        np.testing.assert_allclose(one, other, atol=2e-5)
    for name, value in runs[0].result.metrics.items():
        assert runs[1].result.metrics[name] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("target", ["colours_4x4", "pixels"])
def test_other_targets_are_built_for_a_checkpoint(target):
    recipe = dataclasses.replace(TINY, masked_target=target)
    sizes = {"image_size": (8, 12), "patch_size": 4, "num_layers": 1}
    sizes |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
    model = build_model(recipe, 1, sizes)
    compile_model(model, recipe, total_steps=10)
    assert model.optimizer.built
    assert len(model.metrics_variables) > 5


def test_a_published_model_is_built_by_its_name():
    recipe = Recipe(model="ViT_Ti16", masked_target="mean_colour")
    model = build_model(recipe, 1, {"image_size": 32})
    assert model.output_shape == (None, 4, 512)


def test_recipes_refuse_what_pretraining_does_not_read():
    with pytest.raises(ValueError, match="label_smoothing would say nothing"):
        Recipe(masked_target="pixels", label_smoothing=0.1)
    with pytest.raises(ValueError, match="`corruption_rate` must be in"):
        Recipe(masked_target="pixels", corruption_rate=1.0)
    with pytest.raises(ValueError, match="Did you mean 'mean_colour'"):
        Recipe(masked_target="mean_color")
    assert "corruption_rate" in str(Recipe(masked_target="pixels"))
    assert "corruption_rate" not in str(Recipe())


def test_pictures_without_tensorboard_and_of_some_epochs(whole, masked, tmp_path):
    model = whole.result.load_model()
    _, test = keras_vit.data.load_splits(masked.data, labelled=False)
    step = keras_vit.pretraining.corruption_step(model)
    ready = keras_vit.data.preprocessing((8, 12), last_step=step)
    batch = next(iter(test.batches(2, preprocessing=ready)))
    pictures = MaskedPatchPictures(model, batch, tmp_path / "p", every=2, count=1)
    pictures.set_model(model)
    for epoch in range(3):
        pictures.on_epoch_end(epoch)
    pictures.on_train_end()
    assert [file.name for file in (tmp_path / "p").iterdir()] == ["epoch-0002.png"]
    for channels, shown in ((1, [7, 7, 7]), (2, [7, 7, 7]), (4, [7, 8, 9])):
        image = np.uint8([7, 8, 9, 10][:channels]) + np.zeros((1, 112, 112, 1), "uint8")
        drawn = np.asarray(masked_pictures.table([image], ["any"]))
        assert (drawn[-60, 60] == shown).all()
    with pytest.raises(ValueError, match="`every` must be a positive integer"):
        MaskedPatchPictures(model, batch, tmp_path, every=0)


# The command ------------------------------------------------------------------------


@pytest.fixture
def labelled(tmp_path):
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (100, "light")):
        (tmp_path / "few" / name).mkdir(parents=True)
        for i in range(5):
            pixels = random.integers(low, low + 156, (8, 12, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "few" / name / f"{i}.png")
    return tmp_path / "few"


@pytest.mark.slow
def test_from_unlabelled_images_to_a_classifier(photos, labelled, tmp_path, capsys):
    run = tmp_path / "first"
    words = ["--data", str(photos), "--run", str(run), "--epochs", "1", *SIZES]
    assert main(["pretrain", *words]) == 0
    out = capsys.readouterr().out
    assert "colours of hidden patches: " in out and "mean of the neighbours: " in out
    line = shlex.split(out.splitlines()[-1].removeprefix("next: "))
    args = line[line.index("train") :]
    assert args[:3] == ["train", "--weights", str(run)]
    assert model_of_run(run)["patch_size"] == 4 and model_of_run("imagenet") == {}
    args[args.index("FOLDER")] = str(labelled)
    args += ["--run", str(tmp_path / "second"), "--epochs", "1", "--batch-size", "4"]
    # The sizes are those of the pretrained model.
    assert main([*args, "--learning-rate", "1e-9", "--jit-compile", "no"]) == 0
    assert "test accuracy: " in capsys.readouterr().out
    theirs = keras_vit.from_checkpoint(run)
    ours = keras.saving.load_model(tmp_path / "second" / "model.keras")
    kernel = "block_00"
    for a, b in zip(theirs.get_layer(kernel).weights, ours.get_layer(kernel).weights):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-6)


@pytest.mark.slow
def test_pretraining_goes_on_by_the_same_command(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["pretrain", "--data", str(photos), "--epochs", "1", *SIZES]
    original = keras_vit.training.run.train._logs
    cut = [After(1)]
    monkeypatch.setattr(
        keras_vit.training.run.train, "_logs", lambda *a: [*original(*a), *cut]
    )
    with pytest.raises(PowerCut):
        main(words)
    cut.clear()
    assert main([*words, "--resume"]) == 0
    assert "photos-small-masked-1" in capsys.readouterr().out
    assert (
        train(
            resume=True,
            run="runs/photos-small-masked-1",
            recipe=Recipe.from_json(
                keras_vit.training.RunFolder(
                    "runs/photos-small-masked-1"
                ).read_record()["recipe"]
            ),
        ).metrics["val_loss"]
        > 0
    )


@pytest.mark.parametrize(
    "words, message",
    [
        (["train", "--masked-target", "pixels"], "for `keras-vit pretrain`"),
        (["pretrain", "--masked-target", "None"], "for `keras-vit train`"),
    ],
)
def test_each_command_keeps_to_its_task(words, message, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error and "leave --masked-target out" in error


@pytest.mark.slow
def test_the_log_says_that_labels_are_not_read(whole, masked, tmp_path, caplog):
    with caplog.at_level(logging.INFO), pytest.raises(PowerCut):
        train(masked, tmp_path / "run", callbacks=[After(1)])
    assert "whose labels are not read" in caplog.text
