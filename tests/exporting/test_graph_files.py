"""Whole computations: SavedModel, LiteRT, ONNX, read by their own runtimes."""

import dataclasses
from types import SimpleNamespace

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs, pixels

import keras_vit
from keras_vit.exporting import onnx_file
from keras_vit.exporting.formats import FORMATS

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow writes graphs"
)


def onnx_outputs(path, images):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (image,), (output,) = session.get_inputs(), session.get_outputs()
    return session.run([output.name], {image.name: images})[0], image, output


def needs_onnx():
    for name in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(name)


slow = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["map", *(pytest.param(n, marks=slow) for n in ("layer_scale_erf", "bit"))],
)
def test_onnx_gives_what_the_model_gives(name, tmp_path):
    needs_onnx()
    model, case = cases.model(name), cases.MODELS[name]
    report = keras_vit.export(model, tmp_path / "model.onnx")
    assert report.passed and report.format == "onnx"
    images = inputs((7, *case.shape[1:]), seed=5)
    found, image, output = onnx_outputs(tmp_path / "model.onnx", images)
    np.testing.assert_allclose(found, array(model(images)), atol=2e-5)
    assert image.name == "image" and output.name == "output"
    assert image.shape == ["batch", *case.shape[1:]] and output.shape == ["batch", 5]


@slow
def test_onnx_takes_every_size_where_the_model_does(tmp_path):
    needs_onnx()
    model = cases.model("every_size")
    report = keras_vit.export(model, tmp_path / "model.onnx")
    assert [row.images for row in report.parity[:3:2]] == [
        "noise, 8 x 12, batch of 1",
        "noise, 12 x 16, batch of 1",
    ]
    images = inputs((2, 20, 4, 3))
    found, image, _ = onnx_outputs(tmp_path / "model.onnx", images)
    np.testing.assert_allclose(found, array(model(images)), atol=2e-5)
    assert image.shape == ["batch", "height", "width", 3]


@pytest.mark.slow
def test_pixels_go_in_and_probabilities_come_out(tmp_path):
    needs_onnx()
    model, case = cases.model("grey_rectangles"), cases.MODELS["grey_rectangles"]
    report = keras_vit.export(
        model,
        tmp_path / "model.onnx",
        preprocess=True,
        postprocess=True,
        input_dtype="uint8",
    )
    assert report.inputs == "uint8 images of (any, 8, 12, 1) in [0, 255]"
    assert report.outputs == "probabilities of (any, 5)"
    images = np.random.default_rng(0).integers(0, 256, case.shape).astype("uint8")
    found, _, output = onnx_outputs(tmp_path / "model.onnx", images)
    logits = array(model(keras_vit.preprocess_input(images)))
    powers = np.exp(logits)
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert output.name == "probabilities"


@pytest.mark.slow
def test_a_range_that_training_wrote_down_is_that_of_the_file(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make())
    steps = keras_vit.data.preprocessing((8, 12), value_range=(0.0, 1.0))
    model.metadata["preprocessing"] = steps.to_json()
    report = keras_vit.export(model, tmp_path / "m", "saved_model", preprocess=True)
    import tensorflow as tf

    images = np.full((1, 8, 12, 3), 51, "float32")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    found = loaded.serve(images)
    np.testing.assert_allclose(found, array(model(images / 255)), atol=2e-6)
    assert report.passed


@pytest.mark.slow
def test_a_saved_model_is_read_by_tensorflow_alone(tmp_path):
    import tensorflow as tf

    model, images = cases.model("hybrid"), pixels(cases.MODELS["hybrid"])
    keras_vit.export(model, tmp_path / "model", "saved_model")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(images), array(model(images)), atol=2e-5)


@pytest.mark.slow
def test_litert_gives_what_the_model_gives(tmp_path):
    interpreters = pytest.importorskip("ai_edge_litert.interpreter")
    model, images = cases.model("registers"), inputs((2, 8, 12, 3))
    path = tmp_path / "model.tflite"
    report = keras_vit.export(model, path)
    assert report.format == "litert" and report.passed
    interpreter = interpreters.Interpreter(str(path))
    (image,) = interpreter.get_input_details()
    assert list(image["shape_signature"]) == [-1, 8, 12, 3]
    runner = interpreter.get_signature_runner()
    (found,) = runner(image=images).values()
    np.testing.assert_allclose(found, array(model(images)), atol=2e-5)


@pytest.fixture(scope="module")
def trained():
    """A model that knows something of the embedded images, wide enough for int8."""
    keras.utils.set_random_seed(1)
    train = keras_vit.data.load("fashion_mnist_mini:train")
    model = keras_vit.ViT(
        10,
        patch_size=14,
        num_layers=1,
        hidden_dim=32,
        mlp_dim=64,
        num_heads=2,
        image_size=28,
        num_channels=1,
    )
    model.compile(
        keras.optimizers.AdamW(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    batches = train.batches(64, training=True, image_size=28, num_channels=1)
    model.fit(batches, steps_per_epoch=93, shuffle=False, verbose=0)
    model.metadata["class_names"] = list(train.class_names)
    return model


@pytest.mark.parametrize(
    "quantization", ["dynamic", pytest.param("static", marks=slow)]
)
@pytest.mark.slow
def test_int8_tells_what_it_costs(trained, quantization, tmp_path):
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "model.tflite"
    report = keras_vit.export(
        trained,
        path,
        "litert_int8",
        quantization=quantization,
        data="fashion_mnist_mini",
        num_images=300,
    )
    accuracy = report.accuracy
    assert accuracy.count == 300 and 0.9 <= accuracy.agreement <= 1
    assert accuracy.model > 0.5 and abs(accuracy.model - accuracy.file) < 0.1
    assert "points lost" in str(report) and "same first class" in str(report)
    assert report.parity[0].verdict == "not judged"
    assert report.parity[-1].relative > 1e-4  # it is not the float file
    # Less than the four bytes of a float for each weight.
    assert path.stat().st_size < 3 * trained.count_params()


@pytest.mark.slow
def test_data_of_other_classes_measure_agreement_alone(trained, tmp_path):
    needs_onnx()
    other = keras_vit.with_num_classes(trained, 4)
    report = keras_vit.export(
        other, tmp_path / "m.onnx", data="fashion_mnist_mini", num_images=50
    )
    assert report.accuracy.model is None and report.accuracy.agreement == 1
    assert "not measured" in str(report)
    assert "Every output is the same" in report.notes[0]  # its head is all zeros


def test_too_little_agreement_deletes_the_file(trained, tmp_path, monkeypatch):
    needs_onnx()
    honest = FORMATS["onnx"]

    def unsure(job):
        run = honest.runner(job)
        return lambda images: run(images)[:, ::-1] if len(images) > 20 else run(images)

    unlike = dataclasses.replace(honest, runner=unsure)
    monkeypatch.setitem(FORMATS, "onnx", unlike)
    with pytest.raises(ValueError, match=r"fewer than 90% .* was deleted"):
        keras_vit.export(
            trained, tmp_path / "m.onnx", data="fashion_mnist_mini", num_images=50
        )
    assert list(tmp_path.iterdir()) == []


def test_what_is_cut_out_of_a_model_is_exported_too(tmp_path):
    model = cases.model("token")
    part = keras.Model(model.input, model.get_layer("block_00").output)
    report = keras_vit.export(part, tmp_path / "part", "saved_model")
    assert report.passed and report.outputs == "features of (any, 7, 16)"
    assert report.parity[0].agreement is None


@pytest.mark.parametrize(
    "size, other",
    [((8, None), (8, 20)), pytest.param((None, 12), (16, 12), marks=slow)],
)
@pytest.mark.slow
def test_a_model_with_one_open_side_is_exported(size, other, tmp_path):
    needs_onnx()
    model = cases.randomize(
        cases.MODELS["token"].make(image_size=size, position_grid=(2, 3))
    )
    report = keras_vit.export(model, tmp_path / "model.onnx")
    assert report.passed
    images = inputs((2, *other, 3))
    found, image, _ = onnx_outputs(tmp_path / "model.onnx", images)
    np.testing.assert_allclose(found, array(model(images)), atol=2e-5)
    names = ("height", "width")
    assert image.shape[1:3] == [s or name for s, name in zip(size, names)]


def test_a_model_too_large_for_onnx_is_refused_before_the_work(monkeypatch, tmp_path):
    model = cases.model("token")
    monkeypatch.setattr(onnx_file, "LARGEST", 4 * model.count_params() - 1)
    monkeypatch.setattr(keras.Model, "export", None)
    with pytest.raises(ValueError, match=r"at most 2 GiB.*format='saved_model'"):
        keras_vit.export(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
    assert onnx_file.LARGEST < 2**31


def test_a_model_that_just_fits_is_not_refused(monkeypatch):
    model = cases.model("token")
    monkeypatch.setattr(onnx_file, "LARGEST", 4 * model.count_params())
    onnx_file.check_size(SimpleNamespace(plain=model))


@pytest.mark.slow
@pytest.mark.parametrize("head", ["linear", "mask"])
@pytest.mark.parametrize("path", ["model.onnx", "model.tflite", "folder"])
def test_classes_of_pixels_are_exported_and_compared(head, path, tmp_path):
    needs_onnx()
    sizes = {"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
    vit = keras_vit.ViT(0, image_size=(8, 12), patch_size=4, num_channels=1, **sizes)
    model = keras_vit.Segmenter(vit, 3, head=head)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    form = "saved_model" if path == "folder" else None
    report = keras_vit.export(model, tmp_path / path, form, postprocess=True)
    assert report.passed and all(row.agreement > 0.99 for row in report.parity)
    assert report.outputs == "probabilities of (any, 8, 12, 3)"
    with pytest.raises(ValueError, match="written of ViT, hybrid and BiT alone"):
        keras_vit.export(model, tmp_path / "model.npz")
