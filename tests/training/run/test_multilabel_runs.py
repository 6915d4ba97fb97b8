"""Runs that learn several labels an image."""

import dataclasses
import json
import signal

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY, assert_same_bits, finished

import keras_vit
from keras_vit.evaluation import evaluate, evaluate_labels
from keras_vit.evaluation.multilabel.scores import best_threshold
from keras_vit.inference.loaded import load_model
from keras_vit.reporting.results import write_results
from keras_vit.training import Recipe, resolve
from keras_vit.training.optimizers.losses import MeanBinaryCrossentropy, build_loss

TINY = dataclasses.replace(TINY, task="multilabel", augment="mixup(0.4)")
NAMES = ("bright", "left", "top")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """30 grey images of 8x12 pixels and a list: bright, lit at the left, at the top."""
    root = tmp_path_factory.mktemp("tagged")
    random, lines = np.random.default_rng(0), ["file,labels"]
    for number in range(30):
        has = [bool(number >> place & 1) for place in range(3)]
        pixels = random.integers(0, 60, (8, 12)) + 90 * has[0]
        pixels[:, :4] += 100 * has[1]
        pixels[:3] += 70 * has[2]
        image = Image.fromarray(np.minimum(pixels, 255).astype("uint8"))
        image.save(root / f"{number:02d}.png")
        labels = ";".join(name for name, there in zip(NAMES, has) if there)
        lines.append(f"{number:02d}.png,{labels}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def recipe(tagged):
    return dataclasses.replace(TINY, data=str(tagged))


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    return finished(recipe, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loss": "binary"}, "for several labels an image"),
        ({"task": "multilabel", "masked_target": "pixels"}, "Pretraining needs no lab"),
        ({"task": "multilabel", "head": "mask"}, "Only segmentation reads head"),
        ({"task": "multilabel", "loss": "focal"}, "The loss focal is a softmax"),
        ({"task": "multilabel", "sampling": "balanced"}, "in several classes"),
        ({"task": "multilabel", "monitor": "val_accuracy"}, "one of val_mean_ap"),
        (
            {"task": "multilabel", "loss": "sigmoid", "label_smoothing": 0.1},
            "softmax loss only, and of several",
        ),
    ],
)
def test_a_recipe_that_contradicts_several_labels_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


def test_the_loss_is_the_mean_binary_cross_entropy_of_keras():
    random = np.random.default_rng(0)
    labels, logits = random.integers(0, 2, (6, 4)), random.normal(size=(6, 4)) * 3
    for smoothing in (0.0, 0.2):
        theirs = keras.losses.BinaryCrossentropy(True, label_smoothing=smoothing)
        ours = build_loss(Recipe(task="multilabel", label_smoothing=smoothing))
        expected = float(theirs(labels.astype("float32"), logits.astype("float32")))
        assert float(ours(labels, logits)) == pytest.approx(expected, rel=1e-5)
    assert Recipe(task="multilabel").loss == "binary"
    mixed = 0.7 * labels + 0.3 * labels[::-1]
    parts = [
        float(MeanBinaryCrossentropy()(np.asarray(y, "float32"), logits))
        for y in (mixed, labels, labels[::-1])
    ]
    assert parts[0] == pytest.approx(0.7 * parts[1] + 0.3 * parts[2], rel=1e-5)
    weighted = MeanBinaryCrossentropy(class_weights=[2.0, 1.0, 1.0, 1.0])
    yes = np.log1p(np.exp(-logits[:, 0])) * labels[:, 0]
    more = float(weighted(labels, logits)) - parts[1]
    assert more == pytest.approx(yes.sum() / 24, rel=1e-4)


def test_a_run_chooses_thresholds_on_validation_images(whole, recipe):
    record = whole.result.folder.read_record()
    assert record["data"]["validation"]["num_examples"] > 0
    assert set(record["thresholds"]["values"]) == set(NAMES)
    model = load_model(whole.result.folder.path)
    assert model.metadata["task"] == "multilabel"
    assert list(record["thresholds"]["values"].values()) == model.metadata["thresholds"]
    assert all(0 < cut < 1 for cut in model.metadata["thresholds"])
    assert {"val_mean_ap", "mean_ap", "val_loss"} <= set(whole.result.history[-1])
    row = max(whole.result.history, key=lambda row: row["val_mean_ap"])
    best = dataclasses.replace(recipe, keep="best")
    from keras_vit.training.run.kept import kept_row

    assert kept_row(best, whole.result.history) is row


def test_each_file_of_weights_has_the_thresholds_of_its_own_answers(whole, tagged):
    folder = whole.result.folder
    chosen = json.loads(folder.split.read_text())["validation"]
    files = keras_vit.data.load(f"{tagged}:all", task="multilabel").files
    places = [place for place, file in enumerate(files) if file in chosen]
    for path in (folder.model, folder.best):
        found = evaluate_labels(path, f"{tagged}:all")
        pairs = zip(found.labels[places].T, found.probabilities[places].T)
        cuts = [best_threshold(*pair) for pair in pairs]
        thresholds = load_model(path).metadata["thresholds"]
        assert thresholds == pytest.approx(cuts, abs=1e-5)


def test_without_a_validation_part_thresholds_are_a_half(recipe, tmp_path):
    small = dataclasses.replace(recipe, validation_fraction=0, epochs=1)
    result = keras_vit.training.train(small, tmp_path / "run", check=False)
    assert load_model(result.folder.path).metadata["thresholds"] == [0.5] * 3
    assert "validation" not in result.folder.read_record()["data"]


def test_an_interrupted_run_goes_on_to_the_same_bits(recipe, whole, tmp_path):
    def stop(batch, logs):
        if batch == 2:
            signal.raise_signal(signal.SIGINT)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(KeyboardInterrupt):
        finished(recipe, tmp_path / "run", callback)
    resumed = finished(recipe, tmp_path / "run", resume=True)
    assert_same_bits(resumed.variables, whole.variables)
    assert resumed.history_text == whole.history_text
    found, expected = (r.result.folder.read_record() for r in (resumed, whole))
    assert found["thresholds"] == expected["thresholds"]


def test_results_are_scores_a_page_and_predictions(whole, tagged):
    folder = whole.result.folder
    found = write_results(folder)
    assert found.part == "the test images of its training"
    page = (folder.path / "report.html").read_text()
    for words in ("mean average precision", "bright", "Missed, with the lowest"):
        assert words in page
    assert "Judged is model.keras, of test 2" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    kept = np.load(folder.path / "predictions.npz")
    assert kept["labels"].shape == kept["probabilities"].shape == (7, 3)
    card = (folder.path / "model_card.md").read_text()
    assert "Mean average precision" in card and "any number of them" in card
    every = evaluate_labels(folder.path, f"{tagged}:all", mistakes=2)
    assert every.num_examples == 30 and len(every.missed) <= 2
    assert every.labels.sum(axis=0).tolist() == [15, 14, 14]
    probabilities = every.probabilities
    images = [str(tagged / f"{number:02d}.png") for number in range(30)]
    predicted = keras_vit.predict(folder.path, images)
    cuts = load_model(folder.path).metadata["thresholds"]
    for row, each in zip(probabilities, predicted):
        said = {name for name, p, cut in zip(NAMES, row, cuts) if p >= cut}
        assert {name for name, _ in each.classes} == said
    with pytest.raises(ValueError, match="evaluate_labels"):
        evaluate(folder.path)


def test_data_without_a_class_of_the_model_are_not_asked_for_it(
    whole, tagged, tmp_path
):
    rows = [f"{tagged}/{n:02d}.png,{'top' if n & 4 else 'left'}" for n in range(8)]
    (tmp_path / "other.csv").write_text("\n".join(["file,labels", *rows]) + "\n")
    found = evaluate_labels(whole.result.folder.path, tmp_path / "other.csv")
    assert found.class_names == ["left", "top"] and found.left_out == ("bright",)
    assert found.labels[:, 1].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_what_is_not_given_follows_from_the_task(recipe):
    resolved, _ = resolve(given={"data": recipe.data, "task": "multilabel"})
    assert resolved.loss == "binary" and resolved.model == "small"
