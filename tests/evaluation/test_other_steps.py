"""Evaluation with other steps than the model's own, such as the published ones."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_models import NAMES, numbered, randomise, scaled, tiny

from keras_vit.cli import main
from keras_vit.data import Preprocessing, from_arrays, preprocessing, steps
from keras_vit.data.steps.preprocessing import evaluation_with
from keras_vit.evaluation import (
    FewShotCallback,
    evaluate,
    extract_features,
    fewshot,
    fewshot_probe,
    probe,
    write_report,
)
from keras_vit.evaluation.probes.features import feature_model

PUBLISHED = "resize_small(12)|central_crop(8)"


@pytest.fixture(scope="module")
def wide():
    """A source of images of 18x30 pixels, and those images."""
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (21, 18, 30, 1)).astype("uint8")
    labels = np.arange(21) % 3
    return from_arrays(images, labels, NAMES), images, labels


def cropped(images):
    """12x20 by area, then 8x8 out of the middle: TensorFlow alone."""
    small = tf.image.resize(images, (12, 20), "area")
    return small[:, 2:10, 6:14].numpy()


def test_the_model_sees_what_the_steps_make(model, wide):
    source, images, _ = wide
    found = evaluate(model, source, preprocessing=PUBLISHED)
    scores = keras.ops.convert_to_numpy(model(scaled(cropped(images))))
    assert (found.predicted == scores.argmax(1)).all()
    np.testing.assert_allclose(
        found.probabilities,
        keras.ops.convert_to_numpy(keras.ops.softmax(scores)),
        rtol=1e-4,
    )
    own = evaluate(model, source)
    assert np.abs(own.probabilities - found.probabilities).max() > 1e-3
    assert own.steps is None and "steps" not in own.to_json()


@pytest.mark.slow
def test_features_and_the_few_shot_probe_take_them_too(model, wide):
    source, images, labels = wide
    features = extract_features(model, source, preprocessing=PUBLISHED).values
    wanted = feature_model(model)(scaled(cropped(images)))
    wanted = keras.ops.convert_to_numpy(wanted)
    np.testing.assert_allclose(features, wanted, rtol=1e-4, atol=1e-5)
    far = extract_features(model, source).values
    assert np.abs(features - far).max() > 0.1
    options = {"shots": (5,), "seeds": 2}
    found = fewshot(model, source, source, preprocessing=PUBLISHED, **options)
    wanted = fewshot_probe(
        *(features, labels, features, labels), num_classes=3, **options
    )
    assert found == wanted
    callback = FewShotCallback(source, source, preprocessing=PUBLISHED, **options)
    callback.set_model(model)
    callback.on_train_begin()
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs["fewshot_5"] == wanted[5].mean
    result = probe((source, source), model, l2=1.0, preprocessing=PUBLISHED)
    other = probe((source, source), model, l2=1.0)
    assert np.abs(result.classifier.weights - other.classifier.weights).max() > 1e-3


def test_sizes_and_the_value_range_are_the_models():
    own = preprocessing(8, num_channels=1, value_range=(0.0, 1.0))
    made = evaluation_with("resize_small(12)|central_crop", own)
    assert made.num_channels == 1 and made.steps == (
        *(steps.ResizeSmall(12), steps.CentralCrop(8, 8), steps.ValueRange(0.0, 1.0)),
    )
    as_list = evaluation_with([steps.ResizeSmall(12), steps.CentralCrop(8, 8)], own)
    assert as_list == made == evaluation_with(made.to_json(), own)
    other = evaluation_with("resize|value_range(-1,1)", own)
    assert other.steps == (steps.Resize(8, 8), steps.ValueRange(-1, 1))
    assert evaluation_with(None, own) is own


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("resize(8)|flip", r"nothing random: .*Received: Flip"),
        ("resize(8)|mixup(0.2)", "nothing random: .*Received: Mixup"),
        ("resize(8)|label_smoothing(0.1)", "Received: LabelSmoothing"),
        ("resize_small(9)|central_crop(9)", r"8x8 pixels .* 9x9 pixels"),
        ("resize_smal(9)", "Did you mean resize_small"),
        ("value_range(0,1)", "must fix the size"),
        (Preprocessing((steps.Resize(8, 8),), 3), "and 1 channels. .* 3 channels"),
        ([8], "Evaluation steps are given as a string"),
        (8, "Evaluation steps are given as a string"),
    ],
)
def test_steps_that_cannot_be_are_explained(model, given, message):
    with pytest.raises(ValueError, match=message):
        evaluate(model, numbered()[0], preprocessing=given)


@pytest.mark.slow
def test_the_command_tells_the_steps(tmp_path, capsys, wide):
    large = tiny(10, num_channels=1, image_size=28, patch_size=7)
    randomise(large)
    large.save(tmp_path / "model.keras")
    data = "fashion_mnist_mini:test,per_class=3"
    args = ["evaluate", str(tmp_path / "model.keras"), "--data", data]
    args += ["--steps", "resize_small(32)|central_crop"]
    assert main(args) == 0
    out = capsys.readouterr().out
    text = re.search("^steps: (.*)$", out, re.M)[1]
    assert text == "resize_small(32)|central_crop(28,28)|value_range"
    assert main([*args, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == text
    pytest.importorskip("matplotlib")
    result = evaluate(large, data, preprocessing=text)
    write_report(result, tmp_path / "report.html")
    assert text in (tmp_path / "report.html").read_text(encoding="utf-8")
