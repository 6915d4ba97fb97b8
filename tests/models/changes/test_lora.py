"""LoRA on models of this package, and files of adapters."""

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.common.keras_files import save_keras
from keras_vit.models.changes.lora import adapted_layers, merged

SIZES = {"patch_size": 8, "num_layers": 2, "hidden_dim": 8, "mlp_dim": 12}
SIZES |= {"num_heads": 2, "image_size": 16}
RESNET = {"num_blocks": (1,), "width_factor": 0.5}
MAKE = {
    "ViT": lambda **options: keras_vit.ViT(3, **SIZES, **options),
    "hybrid": lambda **options: keras_vit.HybridViT(
        3, **{**SIZES, "patch_size": 1}, **RESNET, **options
    ),
    "segmenter": lambda **options: keras_vit.Segmenter(
        keras_vit.ViT(0, **SIZES, **options), 3, head="mask"
    ),
    "detector": lambda **options: keras_vit.Detector(
        keras_vit.ViT(0, **SIZES, **options), 3, head_width=32, head_layers=1, strides=8
    ),
}
IMAGES = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")


def made(name="ViT", seed=0, **options):
    """A model none of whose variables is zero."""
    keras.utils.set_random_seed(seed)
    model = MAKE[name](**options)
    random = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(
            0.3 * random.standard_normal(variable.shape)
            + (1.0 if variable.name == "gamma" else 0.0)
        )
    return model


def fitted(model):
    """After one large step that moves all that is trained."""
    model.compile(keras.optimizers.SGD(0.5), "mse")
    targets = np.ones(keras.ops.shape(model(IMAGES)), "float32")
    for _ in range(2):  # `a` has a gradient once `b` is not zero
        model.train_on_batch(IMAGES, targets)
    return model


def outputs(model):
    found = model(IMAGES, training=False)
    return [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(found)]


@pytest.mark.parametrize("name", MAKE)
def test_a_new_adapter_changes_nothing_and_trains_with_the_head_alone(name):
    model = made(name)
    before = outputs(model)
    assert keras_vit.enable_lora(model, 2) is model
    for one, other in zip(before, outputs(model)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # The closed form: a has a row for each input, b a column for each output.
    sides = [(8, 24), (8, 8), (8, 12), (12, 8)]
    own = [v for v in model.trainable_variables if "lora" in v.name]
    count = sum(int(np.prod(v.shape)) for v in own)
    assert count == 2 * sum(2 * (rows + columns) for rows, columns in sides)
    others = {v.path.split("/")[0] for v in model.trainable_variables} - {
        "block_00",
        "block_01",
    }
    heads = {"ViT": {"head"}, "hybrid": {"head"}, "segmenter": {"mask_transformer"}}
    if name in heads:
        assert others == heads[name]
    else:
        assert others and not others & {"patch_encoder", "encoder_norm"}


@pytest.mark.parametrize("remat", [False, True])
def test_training_moves_adapters_and_head_only(remat):
    model = keras_vit.enable_lora(made(remat=remat), 2)
    before = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    fitted(model)
    for variable in model.weights:
        moved = (keras.ops.convert_to_numpy(variable) != before[variable.path]).any()
        own = "lora" in variable.name or variable.path.startswith("head/")
        assert moved == own, variable.path


def test_recomputed_blocks_have_the_same_gradients():
    kept, again = (
        fitted(keras_vit.enable_lora(made(remat=remat), 2, alpha=3.0))
        for remat in (False, True)
    )
    for one, other in zip(kept.get_weights(), again.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_merging_is_exact_and_undone(dtype, tmp_path):
    model = fitted(keras_vit.enable_lora(made(dtype=dtype), 2, alpha=3.0))
    layer = model.get_layer("block_00").attention.query_key_value
    kernel, a, b = (
        keras.ops.convert_to_numpy(v)
        for v in (layer._kernel, layer.lora_kernel_a, layer.lora_kernel_b)
    )
    assert np.abs(b).max() > 0
    before = [keras.ops.convert_to_numpy(v).tobytes() for v in model.weights]
    with merged(model):
        save_keras(model, tmp_path / "model.keras")
    after = [keras.ops.convert_to_numpy(v).tobytes() for v in model.weights]
    assert before == after and layer.lora_enabled
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    found = loaded.get_layer("block_00").attention.query_key_value.kernel
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, kernel + 1.5 * (a @ b), rtol=1e-6, atol=1e-7)
    assert not adapted_layers(loaded)
    (one,), (other,) = outputs(loaded), outputs(model)
    tolerance = (1e-5 if dtype == "float32" else 0.05) * np.abs(other).max()
    np.testing.assert_allclose(one, other, atol=tolerance)


@pytest.mark.parametrize("name", ["ViT", "hybrid", "segmenter"])
def test_adapters_alone_make_the_model_of_its_base(name, tmp_path):
    file = tmp_path / "adapters.safetensors"
    model = fitted(keras_vit.enable_lora(made(name), 2, alpha=3.0))
    model.metadata["class_names"] = ["a", "b", "c"]
    keras_vit.save_adapters(model, file)
    again = keras_vit.load_adapters(made(name), file)
    for one, other in zip(outputs(model), outputs(again)):
        assert (one == other).all()
    assert again.metadata["class_names"] == ["a", "b", "c"]
    assert [v.path for v in again.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]


def test_adapters_are_refused_by_another_base(tmp_path):
    file = tmp_path / "adapters.safetensors"
    keras_vit.save_adapters(keras_vit.enable_lora(made(), 2), file)
    with pytest.raises(ValueError, match=r"weights than the model has\. Different"):
        keras_vit.load_adapters(made(seed=1), file)
    other = made()
    kernel = other.get_layer("block_01").mlp.dense_2.kernel
    kernel.assign(keras.ops.flip(kernel, axis=0))
    with pytest.raises(ValueError, match="Different are block_01/mlp/dense_2/kernel"):
        keras_vit.load_adapters(other, file)
    assert not adapted_layers(other)
    with pytest.raises(ValueError, match="head/kernel has the shape"):
        keras_vit.load_adapters(keras_vit.with_num_classes(made(), 5), file)
    with pytest.raises(ValueError, match="belongs to other weights"):
        keras_vit.load_adapters(made("hybrid"), file)
    rounded = made()  # as another machine resizes positions
    for variable in rounded.weights:
        variable.assign(variable * (1 + 1e-6))
    keras_vit.load_adapters(rounded, file)


def test_what_cannot_be_adapted_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has none\. Freeze a part"):
        keras_vit.enable_lora(keras_vit.BiT(3, **RESNET, image_size=32), 2)
    model = made()
    for rank in (0, 1.5, True):
        with pytest.raises(ValueError, match=r"`rank` must be a positive integer"):
            keras_vit.enable_lora(model, rank)
    with pytest.raises(ValueError, match=r"has no adapters\. Call"):
        keras_vit.save_adapters(model, tmp_path / "a.safetensors")
    keras_vit.enable_lora(model, 2)
    with pytest.raises(ValueError, match="has adapters already"):
        keras_vit.enable_lora(model, 2)
    outer = keras.Sequential([keras.Input((16, 16, 3)), made()])
    with pytest.raises(ValueError, match=r"by a constructor.*pass outer\.get_layer"):
        keras_vit.enable_lora(outer, 2)
    keras_vit.checkpoints.writing.write_safetensors(
        tmp_path / "plain.safetensors", {"x": np.zeros(2)}
    )
    with pytest.raises(ValueError, match="holds no adapters"):
        keras_vit.load_adapters(made(), tmp_path / "plain.safetensors")


def test_a_head_of_ones_own_stands_on_an_adapted_backbone(tmp_path):
    backbone = keras_vit.enable_lora(keras_vit.ViT(0, **SIZES), 2)
    model = keras.Sequential([backbone, keras.layers.Dense(2)])
    model.build((None, 16, 16, 3))
    own = {v.path.split("/")[-1] for v in model.trainable_variables}
    assert own == {"lora_kernel_a", "lora_kernel_b", "kernel", "bias"}
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(IMAGES), model(IMAGES), atol=1e-6)
