"""`evaluate` on models and sources; its report is in test_report.py."""

import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from tiny_models import NAMES, logits_of, numbered, tiny

import keras_vit
from keras_vit.evaluation import Evaluation, evaluate, measure
from keras_vit.evaluation.metrics import ranks
from keras_vit.training import Recipe


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("batch_size", [1, 5, 23, 64])
def test_every_number_is_of_every_example_once(model, data, batch_size):
    source, images, labels = data
    probabilities = softmax(logits_of(model, images))
    found = evaluate(model, source, batch_size=batch_size)
    assert isinstance(found, Evaluation) and found.num_examples == 23
    assert (found.labels == labels).all()
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=2e-5)
    assert found.accuracy == (probabilities.argmax(1) == labels).mean()
    loss = -np.log(probabilities[np.arange(23), labels]).mean()
    assert found.loss == pytest.approx(loss, rel=1e-5)
    low, high = found.accuracy_interval
    assert low < found.accuracy < high
    assert found.confusion.sum() == 23
    assert [row["class"] for row in found.classes] == NAMES
    assert sum(row["support"] for row in found.classes) == 23


def test_top5_is_undefined_below_six_classes(model, data):
    assert evaluate(model, data[0]).top5_accuracy is None
    source, images, labels = numbered(40, 7)
    wide = tiny(7)
    scores = logits_of(wide, images)
    found = evaluate(wide, source)
    assert found.top5_accuracy == (ranks(scores, labels) < 5).mean()
    assert found.accuracy < found.top5_accuracy < 1


def test_the_most_confident_mistakes_come_with_their_pixels(model, data):
    source, images, labels = data
    found = evaluate(model, source, mistakes=4, batch_size=6)
    probabilities = softmax(logits_of(model, images))
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    order = wrong[np.argsort(-probabilities.max(1)[wrong], kind="stable")]
    assert [mistake.index for mistake in found.mistakes] == order[:4].tolist()
    for mistake in found.mistakes:
        assert (mistake.image == images[mistake.index]).all()
        assert mistake.true == labels[mistake.index] != mistake.predicted
        assert mistake.file is None
    assert evaluate(model, source, mistakes=0).mistakes == []
    assert len(evaluate(model, source, mistakes=99).mistakes) == len(wrong)


def test_probabilities_that_would_not_fit_are_not_kept(model, data, monkeypatch):
    whole = evaluate(model, data[0])
    monkeypatch.setattr(measure, "MAX_PROBABILITIES", 23 * 3 - 1)
    found = evaluate(model, data[0])
    assert found.probabilities is None
    assert found.to_json() == whole.to_json()


def test_json_holds_the_numbers_and_every_class(model, data):
    found = json.loads(json.dumps(evaluate(model, data[0]).to_json()))
    assert found["num_examples"] == 23 and found["top5_accuracy"] is None
    assert len(found["accuracy_interval"]) == 2 and 0 <= found["calibration_error"] <= 1
    assert sum(count for _, _, count in found["confusion"]) == 23
    assert set(found["classes"][0]) == {
        "class",
        "support",
        "precision",
        "recall",
        "f1",
    }


def test_progress_tells_every_batch(model, data):
    told = []
    evaluate(model, data[0], batch_size=10, progress=lambda *done: told.append(done))
    assert told == [(10, 23), (20, 23), (23, 23)]


def test_an_output_that_is_no_number_is_an_error(data):
    broken = tiny()
    head = broken.get_layer("head")
    head.set_weights([np.full(w.shape, np.nan) for w in head.get_weights()])
    with pytest.raises(ValueError, match=r"images 0 to 9 .*not finite"):
        evaluate(broken, data[0], batch_size=10)


def test_a_probability_of_zero_has_a_finite_loss(data):
    sure = tiny(classifier_activation="softmax")
    head = sure.get_layer("head")
    kernel, _ = head.get_weights()
    head.set_weights([0 * kernel, np.array([500.0, 0, 0])])
    found = evaluate(sure, data[0])
    assert np.isfinite(found.loss) and found.loss > 10


def test_a_broken_image_is_named(tmp_path, model):
    from PIL import Image

    for name in NAMES:
        (tmp_path / name).mkdir()
        for index in range(5):
            Image.new("L", (8, 8)).save(tmp_path / name / f"{index}.png")
    (tmp_path / "grey" / "2.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(ValueError, match=r"Corrupt image: .*2\.png"):
        evaluate(model, keras_vit.data.load(f"{tmp_path}:all"))


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"mistakes": -1}])
def test_counts_are_checked(model, data, options):
    with pytest.raises(ValueError, match=r"`batch_size`|`mistakes`"):
        evaluate(model, data[0], **options)


REPLICAS = """
import numpy as np, sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
from tiny_models import numbered, tiny
from keras_vit.evaluation import evaluate
source = numbered()[0]
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = tiny()
alone = tiny()
alone.set_weights(model.get_weights())
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    many = evaluate(model, source, batch_size=6)
one = evaluate(alone, source, batch_size=6)
assert many.num_examples == one.num_examples == 23
assert np.allclose(many.probabilities, one.probabilities, atol=1e-6)
assert many.accuracy == one.accuracy
print("equal")
"""


@pytest.mark.slow
def test_two_replicas_count_every_example_once():
    child = subprocess.run(
        [sys.executable, "-c", REPLICAS, os.path.dirname(__file__)],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
    )
    assert child.stdout.strip().endswith("equal"), child.stderr


def test_the_examples_of_the_run_s_test_are_found_again():
    recipe = Recipe(data="fashion_mnist_mini:train[:9]", test_split="train[9:13]")
    facts = {"test": {"num_examples": 4}}
    model = types.SimpleNamespace(metadata={"recipe": recipe.to_json(), "data": facts})
    assert measure.find_scored(model)[0].num_examples == 4
    older = {**recipe.to_json(), "data": "fashion_mnist_mini"}
    del older["test_split"]
    model.metadata["recipe"] = older
    assert measure.find_scored(model)[0].num_examples == 1000
