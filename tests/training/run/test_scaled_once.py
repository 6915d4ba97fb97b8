"""Fine-tuning, evaluation and prediction scale images once: inside the model."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_runs import finished

import keras_vit
from keras_vit.evaluation import evaluate
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.run.prepare import prepare

MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])
STEPS = "resize_small(9,'bicubic',pillow=True)|central_crop(8)|value_range"


@pytest.fixture
def weights(tmp_path):
    """A file as `from_checkpoint` makes models of ImageNet's mean and deviation."""
    sizes = {"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
    model = keras_vit.ViT(
        2, patch_size=4, image_size=8, input_scaling="imagenet", **sizes
    )
    steps = keras_vit.data.steps_from_text(STEPS)
    made = keras_vit.data.Preprocessing(steps)
    model.metadata.update(preprocessing=made.to_json(), class_names=["ape", "bee"])
    model.save(tmp_path / "weights.keras")
    return str(tmp_path / "weights.keras")


def entrance(model, images):
    part = keras.Model(model.input, model.get_layer("patches").input)
    return keras.ops.convert_to_numpy(part(images))


def test_images_are_scaled_once_when_a_model_is_fine_tuned(tiny, weights, tmp_path):
    recipe = dataclasses.replace(tiny, weights=weights, epochs=1, augment="none")
    (tmp_path / "prepared").mkdir()
    job = prepare(recipe, RunFolder(tmp_path / "prepared"))
    model, steps = job.network.model, job.network.preprocessing
    ends = {"step": "value_range", "low": -1.0, "high": 1.0}
    assert [s for s in steps["steps"] if s["step"] == "value_range"] == [ends]
    names = [layer.name for layer in model.layers]
    assert names.count("input_scaling") == 1 and "preprocessing" not in names
    images, _ = next(iter(job.data.train.batches(4, preprocessing=steps)))
    pixels = np.rint((np.asarray(images) + 1) * 127.5)  # of files of its own size
    np.testing.assert_allclose(images, pixels / 127.5 - 1, atol=1e-6)
    expected = (pixels / 255 - MEAN) / DEVIATION
    np.testing.assert_allclose(entrance(model, images), expected, atol=1e-5)


@pytest.mark.slow
def test_a_fine_tuned_model_is_evaluated_as_it_was_trained(tiny, weights, tmp_path):
    recipe = dataclasses.replace(tiny, weights=weights, epochs=1, augment="none")
    run = finished(recipe, tmp_path / "run")
    model = run.result.load_model()
    assert model.settings["arguments"]["input_scaling"] == [[*MEAN], [*DEVIATION]]
    # Its own steps, not those of the file that it began with.
    steps = model.metadata["preprocessing"]["steps"]
    assert [step["step"] for step in steps] == ["resize", "value_range"]
    assert model.metadata["class_names"] == ["dark", "light"]
    file = next(tmp_path.rglob("light/*.png"), None) or next(
        keras_vit.data.open_place(tiny.data).path.rglob("*.png")
    )
    pixels = np.repeat(np.asarray(Image.open(file), "float32")[..., None], 3, -1)
    logits = keras.ops.convert_to_numpy(model(pixels[None] / 127.5 - 1))[0]
    powers = np.exp(logits - logits.max())
    (prediction,) = keras_vit.predict(model, file)
    assert dict(prediction.classes)["light"] == pytest.approx(
        powers[1] / powers.sum(), rel=1e-5
    )
    result = evaluate(tmp_path / "run")
    accuracy = float(run.result.history[-1]["val_accuracy"])
    assert result.accuracy == pytest.approx(accuracy)
