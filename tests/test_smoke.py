"""The whole way through, small: what must work with every version that we admit.

With the files that `conftest.py` names, this is what `.ci/runtimes` runs in
environments like those that people have.
"""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit import cli

SIZES = ["--num-layers", "1", "--hidden-dim", "16", "--mlp-dim", "16"]
TRAIN = [
    *("train", "--epochs", "2", "--batch-size", "8", "--num-heads", "2"),
    *("--patch-size", "4", "--augment", "crop_flip", *SIZES),
    *("--validation-fraction", "0"),  # the numbers of each epoch are the test's
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images") / "photos"
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (100, "light")):
        (root / name).mkdir(parents=True)
        for index in range(12):
            pixels = random.integers(low, low + 156, (8, 8, 3)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index:02d}.png")
    return root


def run(capsys, *words):
    assert cli.main([str(word) for word in words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_from_images_to_predictions_by_the_command_line(images, tmp_path, capsys):
    place = tmp_path / "run"
    run(capsys, *TRAIN, "--data", images, "--run", place, "--devices", "cpu")
    record = json.loads((place / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["sessions"][0]["environment"]["strategy"]["devices"] == 1
    told = json.loads(run(capsys, "evaluate", place, "--format", "json"))
    history = keras_vit.training.RunFolder(place).read_history()
    assert told["loss"] == pytest.approx(history[-1]["val_loss"], rel=1e-4)
    file = images / "dark" / "00.png"
    [found] = json.loads(run(capsys, "predict", place, file, "--format", "json"))
    assert {entry["class"] for entry in found["classes"]} == {"dark", "light"}


MODELS = {
    "ViT": lambda: keras_vit.ViT(
        5, image_size=32, patch_size=8, num_layers=2, hidden_dim=16, mlp_dim=32,
        num_heads=2,
    ),
    "BiT": lambda: keras_vit.BiT(5, image_size=32, num_blocks=(1,)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_trains_and_comes_back_from_its_file(name, tmp_path):
    model = MODELS[name]()
    x = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    losses = [float(model.train_on_batch(x, np.arange(4))) for _ in range(2)]
    assert np.isfinite(losses).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict_on_batch(x), model.predict_on_batch(x), atol=1e-5
    )


def test_the_embedded_data_is_read():
    train, _ = keras_vit.data.load_splits("fashion_mnist_mini")
    images, labels = next(iter(train.batches(16, image_size=28, training=True)))
    assert images.shape == (16, 28, 28, 3) and labels.shape == (16,)
