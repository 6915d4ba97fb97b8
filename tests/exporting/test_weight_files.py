"""Weights for other projects: read by ours, and by theirs where they are installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cases
import numpy as np
import pytest
from cases import array, inputs

import keras_vit

# A model, the formats that can hold it.
HOLDS = [
    ("token", ["npz", "hf", "timm"]),
    ("hybrid", ["npz"]),
    ("bit", ["npz", "hf"]),
    ("gap", ["npz"]),
    ("map", ["npz", "timm"]),
    ("gap_of_all_tokens", ["timm"]),
    ("layer_scale_erf", ["timm"]),
    ("registers", ["timm"]),
    ("token_features", ["hf"]),
    ("softmax", ["npz"]),
    ("sincos2d", ["npz"]),
    ("preprocessing", ["hf"]),
    ("every_size", ["npz"]),
]
PAIRS = [(name, format) for name, formats in HOLDS for format in formats]
SUFFIX = {"npz": ".npz"}


@pytest.mark.parametrize("name, format", cases.rest_slow(PAIRS, 3))
def test_a_fresh_model_loads_the_file_and_gives_equal_logits(name, format, tmp_path):
    model, case = cases.model(name), cases.MODELS[name]
    path = tmp_path / f"weights{SUFFIX.get(format, '')}"
    options = {"gelu": "tanh", "epsilon": 1e-6}
    if case.builder is not keras_vit.ViT or "gelu" in case.arguments:
        options = {}
    if format == "hf" and name == "bit":
        options = {"standardization_epsilon": 1e-8}
    if "gelu" in case.arguments:  # timm's norms have one epsilon
        model = cases.randomize(case.make(epsilon=1e-6))
        options = {"epsilon": 1e-6}
    report = keras_vit.export(model, path, format)
    assert report.passed
    fresh = case.make(**options)
    grid = {"position_grid": (2, 3)} if case.builder is not keras_vit.BiT else {}
    loading = keras_vit.load_weights(fresh, path, **grid)
    assert not loading.unfilled and not loading.reinitialized
    x = cases.pixels(case)
    expected = array(model(x))
    np.testing.assert_allclose(
        array(fresh(x)), expected, atol=1e-5 * max(1, abs(expected).max())
    )


@pytest.mark.parametrize(
    "name, format, options",
    cases.rest_slow(
        [
            ("clip", "timm", {"epsilon": 1e-6}),  # timm's norms have one epsilon
            ("swiglu", "timm", {}),
            ("no_biases", "timm", {"patch_bias": True}),
            ("no_biases", "hf", {"patch_bias": True, "gelu": "quick"}),
            ("bit_of_other_widths", "hf", {}),
        ],
        2,
    ),
)
def test_a_folder_says_which_parts_its_model_has(name, format, options, tmp_path):
    model = cases.randomize(cases.MODELS[name].make(**options))
    assert keras_vit.export(model, tmp_path / "folder", format).passed
    size = {"image_size": model.settings["arguments"]["image_size"]}
    again = keras_vit.from_checkpoint(tmp_path / "folder", **size)
    x = inputs(cases.MODELS[name].shape)
    expected = array(model(x))
    np.testing.assert_allclose(
        array(again(x)), expected, atol=1e-5 * max(1, abs(expected).max())
    )
    for part in ("qkv_bias", "patch_bias", "pre_norm", "swiglu", "stage_widths"):
        ours, theirs = (m.settings["arguments"].get(part) for m in (model, again))
        assert ours == theirs, part


@pytest.mark.parametrize(
    "name, format, message",
    [
        ("gap", "hf", "`pooling` must be 'token'"),
        ("registers", "hf", "`register_tokens` must be 0"),
        ("map", "hf", "`pooling` must be 'token'"),
        ("softmax", "hf", "`representation_size` must be None"),
        ("hybrid", "hf", "format='timm'"),
        ("hybrid", "timm", "`width_factor` must be 1"),
        ("bit", "timm", "published stages only"),
        ("registers", "npz", "no names for .*register_tokens"),
        ("learned_2d", "npz", "`position_embedding` must be 'learned' or 'sincos2d'"),
        ("overlapping", "timm", r"`stride` must be \[4, 4\]"),
        ("layer_scale_erf", "npz", "`gelu` must be 'tanh'"),
        ("gap_beside_class_token", "npz", "`class_token` must be False"),
        ("every_size", "timm", "with_image_size"),
        ("all_tokens", "npz", "`pooling` must be"),
        ("no_biases", "npz", "`qkv_bias` must be True"),
        ("no_biases", "timm", "`patch_bias` must be True"),
        ("no_biases", "hf", "`patch_bias` must be True"),
        ("clip", "hf", "`patch_bias` must be True"),
        ("swiglu", "npz", "`swiglu` must be False"),
        ("swiglu", "hf", "`swiglu` must be False"),
        ("prefix", "timm", "`pooling` must be"),
        ("token_and_gap", "hf", "`pooling` must be"),
        ("bit_of_other_widths", "npz", "`stage_widths` must be None"),
        ("bit_of_other_widths", "timm", "`stage_widths` must be None"),
        ("hybrid_of_other_widths", "npz", "must be"),
    ],
)
def test_what_a_format_cannot_say_is_refused(name, format, message, tmp_path):
    path = tmp_path / f"weights{SUFFIX.get(format, '')}"
    with pytest.raises(ValueError, match=message):
        keras_vit.export(cases.model(name), path, format)
    assert list(tmp_path.iterdir()) == []


def test_lora_is_merged_and_said(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make())
    plain = array(model(inputs((2, 8, 12, 3))))
    block = model.get_layer("block_00")
    for layer in (block.mlp.dense_1, block.attention.query_key_value):
        layer.enable_lora(2)
        layer.lora_kernel_b.assign(0.3 + 0 * layer.lora_kernel_b)
    report = keras_vit.export(model, tmp_path / "m.npz")
    assert "LoRA of 2 layers is merged into their kernels." in report.notes
    again = keras_vit.from_checkpoint(tmp_path / "m.npz", image_size=(8, 12))
    x = inputs((2, 8, 12, 3))
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=1e-5)
    assert abs(array(model(x)) - plain).max() > 1e-3


def test_half_precision_is_written_in_float32_and_said(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make(dtype="mixed_bfloat16"))
    report = keras_vit.export(model, tmp_path / "m", "hf")
    assert report.passed and "mixed_bfloat16" in report.notes[0]


def test_names_of_classes_and_the_range_of_pixels_are_in_the_folders(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make())
    names = ["ape", "bee", "cat", "dog", "elk"]
    model.metadata["class_names"] = names
    keras_vit.export(model, tmp_path / "hf", "hf")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["id2label"]["2"] == "cat" and config["label2id"]["elk"] == 4
    processor = json.loads((tmp_path / "hf" / "preprocessor_config.json").read_text())
    assert processor["image_mean"] == processor["image_std"] == [0.5, 0.5, 0.5]
    assert keras_vit.from_checkpoint(tmp_path / "hf").metadata["class_names"] == names
    keras_vit.export(model, tmp_path / "timm", "timm")
    config = json.loads((tmp_path / "timm" / "config.json").read_text())
    assert config["label_names"] == names
    assert config["pretrained_cfg"]["input_size"] == [3, 8, 12]


# The real projects ------------------------------------------------------------------


WORKER = Path(__file__).parent / "torch_worker.py"


def logits_of(kind, path, images):
    """What the real project computes from an exported file, in a process of its own."""
    for name in ("torch", kind.partition("-")[0]):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"skipped: {name} is not installed")
    files = [path.parent / name for name in ("images.npy", "logits.npy")]
    np.save(files[0], images)
    command = [sys.executable, WORKER, kind, path, *files]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(files[1])


@pytest.mark.parametrize("name", ["token", "bit"])
def test_transformers_gives_equal_logits(name, tmp_path):
    images = inputs(cases.MODELS[name].shape)
    keras_vit.export(cases.model(name), tmp_path / "m", "hf")
    found = logits_of("transformers", tmp_path / "m", images)
    np.testing.assert_allclose(found, array(cases.model(name)(images)), atol=2e-5)


@pytest.mark.parametrize(
    "name",
    cases.rest_slow(
        ["token", "registers", "gap", "map"]
        + ["gap_of_all_tokens", "gap_beside_class_token"],
        2,
    ),
)
def test_timm_gives_equal_logits(name, tmp_path):
    images = inputs(cases.MODELS[name].shape)
    keras_vit.export(cases.model(name), tmp_path / "m", "timm")
    found = logits_of("timm", tmp_path / "m", images)
    np.testing.assert_allclose(found, array(cases.model(name)(images)), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hybrid", "bit"])
def test_timm_loads_the_published_stages(kind, tmp_path):
    if kind == "bit":
        model = keras_vit.BiT_R50x1(5, image_size=32)
    else:
        sizes = {"num_layers": 1, "hidden_dim": 32, "mlp_dim": 64, "num_heads": 2}
        model = keras_vit.R26_ViT_S32(5, image_size=64, gelu="erf", **sizes)
    model.get_layer("head").kernel.assign(inputs(model.get_layer("head").kernel.shape))
    keras_vit.export(model, tmp_path / "m", "timm")
    images = inputs((2, *model.input_shape[1:]))
    expected = array(model(images))
    found = logits_of("timm", tmp_path / "m", images)
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_timm_reads_the_official_file(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make(image_size=(12, 12)))
    keras_vit.export(model, tmp_path / "m.npz")
    images = inputs((2, 12, 12, 3))
    found = logits_of("timm-npz", tmp_path / "m.npz", images)
    np.testing.assert_allclose(found, array(model(images)), atol=2e-5)
