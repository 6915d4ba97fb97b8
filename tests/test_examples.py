"""Every example runs, with tiny settings, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SETTINGS = {
    "classify_images.py": {"EPOCHS": "1"},
    "convolution.py": {},
    "detect_objects.py": {"EPOCHS": "1", "IMAGES": "64"},
    "continue_pretraining.py": {
        **{"EPOCHS": "1", "STEPS": "2", "PHOTOS": "10"},
        "OTHERS": "fashion_mnist_mini:train,per_class=10",
    },
    "export_model.py": {"EPOCHS": "1"},
    "inductive_bias.py": {"EPOCHS": "1", "IMAGES": "20"},
    "lora_and_layer_decay.py": {"EPOCHS": "1", "IMAGES": "10"},
    "masked_patch_prediction.py": {"EPOCHS": "1", "STEPS": "2"},
    "segment_photos.py": {"EPOCHS": "1", "IMAGES": "16"},
    "train_on_tpu.py": {
        **{"DATA": "fashion_mnist_mini", "MODEL": "ViT_Ti16", "WEIGHTS": ""},
        **{"IMAGE_SIZE": "16", "BATCH_SIZE": "16", "UPDATES": "2"},
        **{"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    },
    "tune_learning_rate.py": {
        **{"TRIALS": "1", "EPOCHS": "1"},
        "DATA": "fashion_mnist_mini:train,per_class=20",
    },
}
EXPECTED = {
    "classify_images.py": "true: ",
    "convolution.py": "edge, correlation: 0 765 765 0",
    "detect_objects.py": "missed and false: ",
    "continue_pretraining.py": "continued on the photos: ",
    "export_model.py": "ONNX Runtime: ",
    "inductive_bias.py": "permutation",
    "lora_and_layer_decay.py": "layer-wise decay: ",
    "masked_patch_prediction.py": "from scratch: ",
    "segment_photos.py": "mean without background",
    "train_on_tpu.py": "test accuracy: ",
    "tune_learning_rate.py": "keras-vit train --recipe searches/learning_rate/best_",
}


def test_every_example_has_settings_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_example_runs_and_prints_its_result(name, tmp_path):
    result = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        env={**os.environ, **SETTINGS[name], "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert EXPECTED[name] in result.stdout
    page = EXAMPLES / name.replace(".py", ".md")
    if page.exists():
        shown = page.read_text().split("```")[1].strip().splitlines()
        printed = result.stdout.splitlines()
        assert len(shown) == len(printed)
        for a, b in zip(shown, printed):
            # The initial weights of a model are its backend's.
            assert a == b or (a.startswith("ViT") and a.split(":")[0] in b)


def test_an_example_fits_on_one_screen_and_a_half():
    for path in EXAMPLES.glob("*.py"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 75, path.name
