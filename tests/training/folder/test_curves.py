import importlib.util
import logging

from keras_vit.training.folder.curves import plot_curves

ROWS = [
    {"epoch": 1, "loss": 2.0, "accuracy": 0.2, "val_loss": 2.1, "val_accuracy": 0.1},
    {"epoch": 2, "loss": 1.0, "accuracy": 0.6, "val_loss": 1.2, "val_accuracy": 0.5},
]


def test_the_picture_is_a_png_and_no_window_is_needed(tmp_path):
    assert plot_curves(ROWS, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 1


def test_without_matplotlib_the_log_says_what_to_install(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO):
        assert not plot_curves(ROWS, tmp_path / "curves.png")
    assert "keras-vision-transformer[train]" in caplog.text
    assert not list(tmp_path.iterdir())
