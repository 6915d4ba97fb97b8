"""What is wrong with a source is said, and the model stays as it was."""

import json
import logging
import pickle
import shutil
import zipfile

import golden
import keras
import numpy as np
import pytest
from keras import ops
from test_formats import safetensors_bytes, timm_arrays

import keras_vit


@pytest.fixture
def arrays():
    return golden.arrays("vit/token_norep.ckpt.npz")


@pytest.fixture(scope="module")
def model():
    """For refusals only, which leave it as it was."""
    return make_model()


@pytest.fixture
def fresh():
    return make_model()


def make_model(num_classes=10, **kwargs):
    options = dict(num_layers=2, hidden_dim=48, mlp_dim=96, num_heads=3)
    options.update(patch_size=8, image_size=32)
    return keras_vit.ViT(num_classes, **{**options, **kwargs})


def values(model):
    return [ops.convert_to_numpy(v.value) for v in model.variables]


def refused(model, source, match, **options):
    """The message of a refusal that left the model alone."""
    before = values(model)
    with pytest.raises(ValueError, match=match) as error:
        keras_vit.load_weights(model, source, **options)
    for one, other in zip(before, values(model)):
        np.testing.assert_array_equal(one, other)
    return str(error.value)


def test_a_missing_key_is_named_with_its_shape(model, arrays):
    del arrays["Transformer/encoder_norm/scale"]
    message = refused(model, arrays, "encoder_norm/gamma")
    assert "(48,)" in message and "keep=" in message


def test_a_superfluous_key_is_named_with_its_shape(model, arrays):
    arrays["Transformer/encoderblock_0/Gate/kernel"] = np.zeros((3, 5))
    message = refused(model, arrays, "Gate/kernel")
    assert "(3, 5)" in message and "skip=" in message


def test_both_sides_are_listed_at_once(model, arrays):
    arrays["new"] = arrays.pop("Transformer/encoder_norm/scale")
    message = refused(model, arrays, "new")
    assert "encoder_norm/gamma" in message


def test_a_wrong_shape_is_shown_beside_the_right_one(model, arrays):
    arrays["Transformer/encoderblock_1/MlpBlock_3/Dense_0/bias"] = np.zeros(95)
    message = refused(model, arrays, "Dense_0/bias")
    assert "(95,)" in message and "(96,)" in message


def test_a_layer_too_many_is_not_dropped(arrays):
    for name in list(arrays):
        if "encoderblock_1" in name:
            arrays[name.replace("block_1", "block_2")] = arrays[name]
    refused(make_model(), arrays, "num_layers=3")


def test_an_incomplete_fused_projection_is_named(model, arrays):
    name = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/key/kernel"
    del arrays[name]
    refused(model, arrays, "made of 3 arrays")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(model, arrays, value):
    arrays["head/kernel"][3, 2] = value
    refused(model, arrays, "'head/kernel'")


def test_the_wrong_variant_is_named(arrays):
    small = keras_vit.ViT_Ti16(10, image_size=32, include_preprocessing=False)
    message = refused(small, golden.path("vit/token_norep.ckpt.npz"), "ViT_Ti16")
    assert "hidden_dim=48" in message and "hidden_dim=192" in message


def test_the_wrong_family_is_named(model):
    message = refused(model, golden.path("bit/bit_1111_half.ckpt.npz"), "BiT model")
    assert "from_checkpoint" in message
    message = refused(model, golden.path("hybrid/h_r21_p2.ckpt.npz"), "hybrid model")


def test_a_published_model_in_the_file_is_named(model):
    large = {v.path: v for v in keras_vit.ViT_Ti16(image_size=32).variables}
    large["patch_encoder/projection/kernel"] = np.zeros((768, 192))
    refused(model, large, "ViT_Ti16")


def cut(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.99])
@pytest.mark.parametrize("name", ["npz", "safetensors", "keras", "h5"])
def test_a_truncated_file_is_refused(model, arrays, tmp_path, name, keep):
    path = tmp_path / f"weights.{name}"
    if name == "npz":
        np.savez(path, **arrays)
    elif name == "safetensors":
        file = golden.path("timm/vit_token/model.safetensors")
        path.write_bytes(file.read_bytes())
    elif name == "keras":
        model.save(path)
    else:
        path = tmp_path / "model.weights.h5"
        model.save_weights(path)
    cut(path, keep)
    refused(model, path, "weights")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_flipped_bit_is_found(model, arrays, tmp_path, compressed):
    path = tmp_path / "weights.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("head/kernel.npy")
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 200 + entry.compress_size // 2] ^= 1
    path.write_bytes(data)
    message = refused(model, path, "corrupted")
    assert "head/kernel" in message and "again" in message


def test_pickled_files_are_refused_and_never_opened(model, tmp_path):
    objects = tmp_path / "objects.npz"
    np.savez(objects, weights=np.array({"a": 1}, dtype=object))
    plain = tmp_path / "weights.pkl"
    plain.write_bytes(pickle.dumps({"a": 1}))
    torch = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(torch, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))
    single = tmp_path / "weights.npy"
    np.save(single, np.array({"a": 1}, dtype=object), allow_pickle=True)
    for path in (objects, plain, torch):
        refused(model, path, "pickle")
    refused(model, single, "one NumPy array")
    refused(model, tmp_path / "..", "model.safetensors")
    folder = tmp_path / "hub"
    folder.mkdir()
    torch.rename(folder / "pytorch_model.bin")
    refused(model, folder, "pickled")


def test_what_is_no_checkpoint_is_described(model, tmp_path):
    files = {
        "page": (b"<!DOCTYPE html><html>", "web page"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        "empty": (b"", "empty"),
        "noise": (bytes(range(200, 256)) * 20, "first bytes"),
    }
    for name, (data, match) in files.items():
        (tmp_path / name).write_bytes(data)
        refused(model, tmp_path / name, match)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    refused(model, tmp_path / "other.npz", "does not look like")
    refused(model, {"MixerBlock_0/LayerNorm_0/scale": np.zeros(3)}, "MLP-Mixer")
    refused(model, tmp_path / "missing.npz", "nor a file")
    refused(model, "imagenet22k", "Did you mean 'imagenet21k'")


def test_another_gelu_or_epsilon_is_an_error(model, tmp_path):
    timm = golden.path("timm/vit_token/model.safetensors")
    message = refused(make_model(5), timm, "gelu='erf'")
    assert "gelu='tanh'" in message and "trained with" not in message
    sizes = dict(patch_size=8, num_layers=2, hidden_dim=48, mlp_dim=96, num_heads=3)
    sizes["image_size"] = 32
    found = keras_vit.ViT(5, **sizes, weights=timm)
    assert found.settings["arguments"]["gelu"] == "erf"
    assert found.get_layer("block_00").gelu == "erf"
    # A file that does not say it leaves the choice to the user.
    chosen = keras_vit.ViT(5, **sizes, gelu="tanh", weights=timm)
    assert chosen.get_layer("block_00").gelu == "tanh"
    shutil.copy(timm, tmp_path / "model.safetensors")
    config = {"architecture": "vit_small_patch16_224", "model_args": {"num_heads": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="`gelu` must be what the weights"):
        keras_vit.ViT(5, **sizes, gelu="tanh", weights=tmp_path)


def test_other_channels_need_a_rule(arrays):
    grey = make_model(num_channels=1)
    message = refused(grey, arrays, "3 channels")
    assert "in_channels_rule" in message
    keras_vit.load_weights(grey, arrays, in_channels_rule="sum")
    colour = make_model(weights=arrays)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    np.testing.assert_allclose(grey(x), colour(np.repeat(x, 3, -1)), atol=1e-5)
    five = make_model(num_channels=5)
    keras_vit.load_weights(five, arrays, in_channels_rule="repeat")
    refused(five, arrays, "'sum'", in_channels_rule="sum")
    refused(five, arrays, "in_channels_rule", in_channels_rule="mean")


def test_an_unknown_kernel_is_refused_before_anything_changes(model, arrays):
    refused(model, arrays, "`kernel` must be one of", position_kernel="nearest")


def test_skip_and_keep_say_what_may_be_left(fresh, arrays):
    arrays["extra_head/kernel"] = np.zeros((2, 2))
    del arrays["Transformer/encoder_norm/bias"]
    fresh.get_layer("encoder_norm").beta.assign(np.full(48, 7.0))
    report = keras_vit.load_weights(
        fresh, arrays, skip="extra_head", keep="encoder_norm/beta"
    )
    assert report.unused == ["extra_head/kernel"]
    assert report.unfilled == ["encoder_norm/beta"]
    assert fresh.get_layer("encoder_norm").beta.numpy()[0] == 7


def test_a_skipped_head_keeps_its_values(fresh, arrays):
    fresh.get_layer("head").kernel.assign(np.ones((48, 10)))
    report = keras_vit.load_weights(fresh, arrays, skip="head")
    assert set(report.unused) == {"head/kernel", "head/bias"}
    assert fresh.get_layer("head").kernel.numpy().min() == 1


def test_without_strictness_the_rest_is_loaded(fresh, arrays, caplog):
    del arrays["Transformer/encoder_norm/scale"]
    arrays["new"] = np.zeros(3)
    with caplog.at_level(logging.WARNING, "keras_vit"):
        report = keras_vit.load_weights(fresh, arrays, strict=False)
    assert report.unfilled == ["encoder_norm/gamma"] and report.unused == ["new"]
    assert "encoder_norm/gamma" in caplog.text
    assert len(report.used) == len(fresh.variables) - 1


def test_another_class_count_gives_a_zero_head_and_one_line(arrays, caplog):
    model = make_model(7)
    model.get_layer("head").kernel.assign(np.ones((48, 7)))
    with caplog.at_level(logging.INFO, "keras_vit"):
        report = keras_vit.load_weights(model, arrays)
    lines = [r.getMessage() for r in caplog.records if "10 classes" in r.getMessage()]
    assert len(lines) == 1 and "7" in lines[0]
    assert set(report.reinitialized) == {"head/kernel", "head/bias"}
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(np.arange(4), model(x))) == pytest.approx(np.log(7), abs=1e-6)


def test_a_withheld_head_is_announced(fresh, arrays, caplog):
    arrays["head/kernel"] *= 0
    with caplog.at_level(logging.WARNING, "keras_vit"):
        report = keras_vit.load_weights(fresh, arrays)
    assert "withheld" in caplog.text and "withheld" in str(report)


def test_pre_logits_are_dropped_and_the_head_reset(caplog):
    file = golden.path("vit/gap_rep.ckpt.npz")
    options = dict(num_layers=2, hidden_dim=32, mlp_dim=80, num_heads=4)
    options.update(patch_size=8, image_size=32, pooling="gap")
    model = keras_vit.ViT(5, **options, weights=file)
    assert not np.any(model.get_layer("head").kernel.numpy())
    kept = keras_vit.ViT(5, **options, representation_size=20, weights=file)
    assert np.any(kept.get_layer("head").kernel.numpy())
    reset = keras_vit.ViT(7, **options, representation_size=20, weights=file)
    assert np.any(reset.get_layer("pre_logits").kernel.numpy())
    assert not np.any(reset.get_layer("head").kernel.numpy())
    with pytest.raises(ValueError, match="pre_logits/kernel"):
        keras_vit.ViT(5, **options, representation_size=32, weights=file)


def test_features_take_a_file_with_a_head(arrays):
    report = keras_vit.load_weights(make_model(0), arrays)
    assert set(report.unused) == {"head/kernel", "head/bias"}


def test_a_file_without_a_head_gives_a_zero_head(fresh, arrays):
    fresh.get_layer("head").kernel.assign(np.ones((48, 10)))
    del arrays["head/kernel"], arrays["head/bias"]
    report = keras_vit.load_weights(fresh, arrays)
    assert "no head" in report.reinitialized["head/kernel"]
    assert not np.any(fresh.get_layer("head").kernel.numpy())


@pytest.mark.parametrize("source", [3, ["a.npz"], None, 0.5])
def test_what_is_no_source_is_refused_by_its_type(model, source):
    refused(model, source, f"of type {type(source).__name__}")
    with pytest.raises(ValueError, match="registered name"):
        keras_vit.from_checkpoint(source)


def test_an_unknown_type_of_number_is_not_called_a_damage(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    data = safetensors_bytes({"head.bias": np.zeros(4, "u1")}, {"head.bias": "F8_E4M3"})
    path.write_bytes(data)
    message = refused(model, path, "F8_E4M3")
    assert "head.bias" in message and "corrupted" not in message


def test_a_checksum_of_the_wrong_length_is_refused_before_any_download(model):
    address = "http://127.0.0.1:9/weights.npz#sha256=12ab"
    refused(model, address, "64 hexadecimal digits")


def test_an_array_that_is_there_with_and_without_its_prefix_is_refused():
    arrays = {f"module.{name}": array for name, array in timm_arrays().items()}
    arrays["head.bias"] = arrays["module.head.bias"] + 1
    with pytest.raises(ValueError, match=r"array head\.bias \(3,\) is not known"):
        keras_vit.from_checkpoint(arrays, num_heads=2)


def test_a_bias_that_is_to_be_kept_outlives_a_new_head(arrays):
    model = make_model(7)
    model.get_layer("head").bias.assign(np.ones(7))
    report = keras_vit.load_weights(model, arrays, keep="head/bias")
    assert report.unfilled == ["head/bias"]
    assert np.array(model.get_layer("head").bias).tolist() == [1] * 7
    assert not np.any(np.array(model.get_layer("head").kernel))
