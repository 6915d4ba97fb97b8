"""The numbers that ship with the package are met, and failures would show."""

from importlib import resources

import numpy as np
import pytest

import keras_vit
from keras_vit.certificates import file_check
from keras_vit.layers.transformer import mlp


def test_every_family_meets_its_bar():
    result = keras_vit.verify()
    assert result.passed, str(result)
    assert {check.family for check in result} == {"vit", "hybrid", "bit", "positions"}
    for check in result:
        assert check.verdict == "ok" and check.logits <= check.bar
        assert max(check.blocks.values(), default=0) <= 1e-4


def test_the_table_shows_cases_arithmetic_and_verdicts():
    table = str(keras_vit.verify("ViT_B16"))
    assert "timm" in table and "erf, 1e-06" in table and "tanh, 1e-06" in table
    assert "1e-12" in table and "hybrid" not in table and "ok" in table


def test_a_wrong_gelu_is_caught(monkeypatch):
    monkeypatch.setitem(mlp.GELUS, "tanh", mlp.GELUS["erf"])
    result = keras_vit.verify("ViT_B16")
    verdicts = {check.origin: check.verdict for check in result}
    assert verdicts["official"] == "FAILED" and verdicts["timm"] == "ok"
    assert not result.passed


def test_a_model_is_told_whose_arithmetic_it_has():
    sizes = dict(patch_size=4, num_layers=1, hidden_dim=8, mlp_dim=8, num_heads=2)
    model = keras_vit.ViT(2, **sizes, image_size=8, gelu="erf")
    assert "as timm" in str(keras_vit.verify(model))
    model = keras_vit.ViT(2, **sizes, image_size=8, gelu="erf", epsilon=1e-3)
    assert "none of these projects" in str(keras_vit.verify(model))


def test_reduced_precision_is_called_so():
    model = keras_vit.BiT(
        2, num_blocks=(1,), width_factor=0.5, image_size=32, dtype="mixed_bfloat16"
    )
    (check,) = keras_vit.verify(model)
    assert check.verdict == "reduced precision" and 1e-5 < check.logits < 1


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="must be a model of keras_vit"):
        keras_vit.verify(3)
    with pytest.raises(ValueError, match="Unknown model"):
        keras_vit.verify("ViT_B17")


def test_the_shipped_arrays_are_small():
    folder = resources.files("keras_vit.checkpoints") / "golden"
    sizes = [len(file.read_bytes()) for file in folder.iterdir()]
    assert sum(sizes) <= 2_000_000


def test_a_file_is_verified_with_checksum_and_photo(tmp_path, monkeypatch):
    model = keras_vit.ViT_Ti16(1000, image_size=32)
    kernel = np.random.default_rng(0).normal(size=(192, 1000))
    model.get_layer("head").kernel.assign(kernel)
    path = tmp_path / "weights.keras"
    model.save(path)
    monkeypatch.setattr(file_check, "find_source", lambda *_, **__: path)
    report = file_check.verify_file("sam", "vit-b/16")
    assert len(report.predictions) == 5 and len(report.sha256) == 64
    assert report.certificate.passed
    assert report.sha256 in str(report) and "%" in str(report)


def test_a_family_without_cases_is_no_success():
    model = keras_vit.ResNet(3, num_blocks=(1,), stage_widths=(8,), image_size=32)
    for subject in ("ResNet50", model):
        with pytest.raises(ValueError, match=r"none of resnet.*Received"):
            keras_vit.verify(subject)
