"""Checkpoints of other projects where a `.keras` file or a run folder may stand."""

import json

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.cli import main
from keras_vit.evaluation import evaluate
from keras_vit.inference.loaded import preprocessing_of

NAMES = ["ant", "bee", "cat"]
SIZES = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}


@pytest.fixture(scope="module")
def model():
    random = np.random.default_rng(3)
    model = keras_vit.ViT(3, **SIZES, num_heads=2, image_size=8, gelu="erf")
    for variable in model.variables:
        variable.assign(variable + 0.3 * random.normal(size=variable.shape))
    model.metadata["class_names"] = NAMES
    return model


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "hf"
    keras_vit.export(model, path, "hf")
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    file = tmp_path_factory.mktemp("photos") / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")
    Image.fromarray(pixels).save(file)
    return file


def assert_same(found, wanted):
    assert [name for name, _ in found] == [name for name, _ in wanted]
    shares = [[p for _, p in classes] for classes in (found, wanted)]
    np.testing.assert_allclose(*shares, atol=1e-5)


def test_a_folder_of_another_project_is_predicted_with(model, folder, photo):
    (wanted,) = keras_vit.predict(model, photo)
    for path in (folder, str(folder), folder / "model.safetensors"):
        (found,) = keras_vit.predict(path, photo)
        assert_same(found.classes, wanted.classes)


def test_a_folder_of_another_project_is_evaluated_and_exported(folder, model, tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3)).astype("uint8")
    data = keras_vit.data.from_arrays(images, np.arange(6) % 3, NAMES)
    one, two = evaluate(folder, data), evaluate(model, data)
    assert one.accuracy == two.accuracy
    assert one.loss == pytest.approx(two.loss, rel=1e-4)
    report = keras_vit.export(folder, tmp_path / "timm", "timm")
    assert report.passed


def test_the_commands_take_it(folder, photo, tmp_path, capsys):
    assert main(["predict", str(folder), str(photo), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert {entry["class"] for entry in found["classes"]} == set(NAMES)
    assert main(["export", str(folder), str(tmp_path / "m"), "--format", "timm"]) == 0
    out = tmp_path / "page.html"
    assert main(["explain", str(folder), str(photo), "--out", str(out)]) == 0
    assert "cat" in out.read_text()


def test_what_a_file_does_not_say_is_asked_for(model, photo, tmp_path):
    weights = {v.path: np.asarray(v) for v in model.variables}
    np.savez(tmp_path / "m.npz", **weights)
    with pytest.raises(ValueError, match="num_heads"):
        keras_vit.predict(tmp_path / "m.npz", photo)


def test_a_folder_that_is_no_checkpoint_is_explained(tmp_path, photo):
    with pytest.raises(FileNotFoundError, match=r"no model\.keras in"):
        keras_vit.predict(tmp_path, photo)
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="at the end of its first epoch"):
        keras_vit.predict(tmp_path, photo)


def test_a_model_of_every_size_is_prepared_for_the_size_that_is_asked_for(model):
    steps = keras_vit.data.preprocessing(12, resize="central_crop")
    other = keras_vit.with_image_size(model, (None, None))
    other.metadata["preprocessing"] = steps.to_json()
    assert preprocessing_of(other) == preprocessing_of(other, (12, 12)) == steps
    assert preprocessing_of(other, (16, 20)).image_size == (16, 20)


def test_weights_of_as_many_classes_as_imagenet_name_its_classes(photo, tmp_path):
    sizes = {"num_blocks": (1,), "stage_widths": (8,), "stem_width": 4}
    model = keras_vit.ResNet(1000, **sizes, bottleneck=False, image_size=8)
    model.get_layer("head").bias.assign(9.0 * (np.arange(1000) == 285))
    file = tmp_path / "model.weights.h5"
    model.save_weights(file)
    (found,) = keras_vit.predict(file, photo, top=1)
    assert found.classes[0][0] == "Egyptian cat"
