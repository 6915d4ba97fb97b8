"""Detectors, whose outputs stand side by side in a file."""

import keras
import numpy as np
import pytest
from cases import MODELS, array, inputs, randomize

import keras_vit

YOLOS = dict(num_classes=2, patch_size=4, num_layers=1, hidden_dim=16, mlp_dim=16)


def yolos():
    own = {"num_heads": 2, "detection_tokens": 3, "image_size": (8, 12)}
    return randomize(keras_vit.YOLOS(**YOLOS, **own))


def detector():
    backbone = randomize(MODELS["token"].make())
    return keras_vit.Detector(backbone, 2, head_width=8, head_layers=1)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="writes a graph")
def test_a_yolos_becomes_an_onnx_file_with_boxes_beside_logits(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    model, x = yolos(), inputs((2, 8, 12, 3))
    report = keras_vit.export(model, tmp_path / "model.onnx")
    assert "side by side in one array: boxes (4), logits (3)." in str(report)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (found,) = session.run(None, {"image": x})
    expected = model(x)
    np.testing.assert_allclose(found[..., :4], array(expected["boxes"]), atol=1e-5)
    np.testing.assert_allclose(found[..., 4:], array(expected["logits"]), atol=1e-4)


@pytest.mark.parametrize("make", [yolos, detector])
def test_files_of_weights_are_written_and_compared(make, tmp_path):
    model = make()
    report = keras_vit.export(model, tmp_path / "model.keras")
    assert all(row.passed for row in report.parity)
    with pytest.raises(ValueError, match=r"of ViT, hybrid and BiT alone"):
        keras_vit.export(model, tmp_path / "folder", format="hf")
