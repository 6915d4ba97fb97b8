"""Models are built from arrays alone."""

import dataclasses
import logging

import golden
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.models import constructors
from keras_vit.models.building.arguments import UNSET
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head
from keras_vit.models.variants.rows import FAMILIES


def arrays(num_layers=12, hidden_dim=384, mlp_dim=1536, patches=196):
    """A timm-style ViT of these sizes, without numbers that say its heads."""
    d, m = hidden_dim, mlp_dim

    def zeros(*shape):
        return np.zeros(shape, "float32")

    result = {
        "cls_token": zeros(1, 1, d),
        "pos_embed": zeros(1, 1 + patches, d),
        "patch_embed.proj.weight": zeros(d, 3, 2, 2),
        "patch_embed.proj.bias": zeros(d),
        "norm.weight": zeros(d),
        "norm.bias": zeros(d),
        "head.weight": zeros(10, d),
        "head.bias": zeros(10),
    }
    for i in range(num_layers):
        block = {
            "norm1.weight": zeros(d),
            "norm1.bias": zeros(d),
            "attn.qkv.weight": zeros(3 * d, d),
            "attn.qkv.bias": zeros(3 * d),
            "attn.proj.weight": zeros(d, d),
            "attn.proj.bias": zeros(d),
            "norm2.weight": zeros(d),
            "norm2.bias": zeros(d),
            "mlp.fc1.weight": zeros(m, d),
            "mlp.fc1.bias": zeros(m),
            "mlp.fc2.weight": zeros(d, m),
            "mlp.fc2.bias": zeros(d),
        }
        result.update({f"blocks.{i}.{name}": array for name, array in block.items()})
    return result


def settings(model):
    return model.settings["arguments"]


def test_heads_of_a_published_size_are_the_published_ones(caplog):
    with caplog.at_level(logging.WARNING, "keras_vit"):
        model = keras_vit.from_checkpoint(arrays(12, 192, 768, patches=4))
    assert settings(model)["num_heads"] == 3 and settings(model)["num_layers"] == 12
    for assumed in ("num_heads=3", "gelu='erf'", "[-1, 1]", "`input_scaling=`"):
        assert assumed in caplog.text


def test_heads_of_which_two_numbers_are_in_use_are_asked_for():
    """A ViT-S of DeiT has 6 heads, that of MoCo v3 has 12, in the same arrays."""
    with pytest.raises(ValueError, match=r"`num_heads=`.* 6 or 12"):
        keras_vit.from_checkpoint(arrays(2, 384, 1536, patches=4))


def test_heads_that_cannot_be_known_are_asked_for():
    with pytest.raises(ValueError, match="`num_heads=`"):
        keras_vit.from_checkpoint(arrays(1, 24, 48, 4))
    model = keras_vit.from_checkpoint(arrays(1, 24, 48, 4), num_heads=3)
    assert settings(model)["num_heads"] == 3


def test_a_grid_that_is_no_square_is_asked_for():
    source = arrays(1, 24, 48, patches=14)
    with pytest.raises(ValueError, match="`image_size`"):
        keras_vit.from_checkpoint(source, num_heads=2)
    with pytest.raises(ValueError, match="position_grid"):
        keras_vit.from_checkpoint(source, num_heads=2, image_size=(12, 12))
    model = keras_vit.from_checkpoint(
        source, num_heads=2, image_size=(12, 12), position_grid=(7, 2)
    )
    assert model.get_layer("patch_encoder").positions.grid == (6, 6)


def test_an_image_size_tells_whether_the_class_token_has_a_position():
    """16 vectors: a square of patches, or 3 x 5 patches and the class token."""
    source = arrays(1, 24, 48, patches=15)
    model = keras_vit.from_checkpoint(source, num_heads=2, image_size=(6, 10))
    assert model.get_layer("patch_encoder").positions.grid == (3, 5)
    assert settings(model)["embed_prefix"]
    model = keras_vit.from_checkpoint(source, num_heads=2)
    assert model.get_layer("patch_encoder").positions.grid == (4, 4)
    assert not settings(model)["embed_prefix"]


def test_a_square_count_is_a_square_even_for_an_oblong_model():
    source = arrays(1, 24, 48, patches=16)
    source["pos_embed"][0, 1:] = np.arange(16)[:, None] // 4  # the row of a 4x4 grid
    model = keras_vit.from_checkpoint(
        source, num_heads=2, image_size=(4, 16), position_kernel="official"
    )
    table = model.get_layer("patch_encoder").positions.embeddings.numpy()[0, 1:, 0]
    expected = [0.0] * 8 + [3.0] * 8  # first and last row, eight columns each
    np.testing.assert_allclose(table, expected, atol=1e-5)


def test_overrides_decide():
    source = golden.arrays("vit/token_norep.ckpt.npz")
    model = keras_vit.from_checkpoint(
        source, num_classes=4, pooling="gap", image_size=(48, 32), dropout_rate=0.1
    )
    assert model.output_shape == (None, 4) and model.input_shape[1:3] == (48, 32)
    assert settings(model)["pooling"] == "gap" and settings(model)["class_token"]
    assert settings(model)["dropout_rate"] == 0.1


def test_an_unknown_override_names_the_closest():
    source = golden.arrays("vit/token_norep.ckpt.npz")
    with pytest.raises(ValueError, match="'image_size'"):
        keras_vit.from_checkpoint(source, img_size=48)
    with pytest.raises(ValueError, match="BiT"):
        keras_vit.from_checkpoint(
            golden.arrays("bit/bit_1111_half.ckpt.npz"), num_heads=3
        )


def test_the_model_saves_and_loads_like_any_other(tmp_path):
    source = golden.path("timm/vit_avg_fcnorm")
    model = keras_vit.from_checkpoint(source, num_heads=2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = golden.arrays("timm/vit_avg_fcnorm/io.npz")["image"]
    np.testing.assert_array_equal(model(x), again(x))
    assert again.settings == model.settings


def test_a_published_model_has_its_name():
    model = keras_vit.from_checkpoint(keras_vit.ViT_Ti16(3, image_size=32))
    assert model.name == "vit_ti16"
    again = keras_vit.ViT_Ti16(3, image_size=32, weights=model)
    np.testing.assert_array_equal(again.variables[3], model.variables[3])


def test_gap_over_all_tokens_reads_the_class_token():
    source = golden.arrays("vit/token_norep.ckpt.npz")
    x = golden.arrays("vit/token_norep.io.npz")
    model = keras_vit.from_checkpoint(source, pooling="gap_all")
    tokens = x["encoder_norm"]
    expected = tokens.mean(1) @ source["head/kernel"] + source["head/bias"]
    np.testing.assert_allclose(model(x["image"]), expected, atol=2e-5)


@pytest.mark.parametrize("case", ["vit/token_norep", "hybrid/h_root_only_p4"])
def test_mixed_precision_is_kept(case):
    model = keras_vit.from_checkpoint(
        golden.path(f"{case}.ckpt.npz"), dtype="mixed_bfloat16"
    )
    io = golden.arrays(f"{case}.io.npz")
    np.testing.assert_allclose(model(io["image"]), io["logits"], atol=0.1)
    assert {v.dtype for v in model.variables} == {"float32"}


def bag_of_pixels(x, a):
    """The mean of every channel, through a layer: no patches, tokens or positions."""
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return add_head(keras.layers.Dense(a.width, name="embedding")(x), a)


@constructor("bag", bag_of_pixels, lambda a: None)
def Bag(num_classes=UNSET, *, width):
    """A model of a family that no file of another project holds.

    Args:
        width: Integer.
        remat: Boolean.
        dtype: Dtype policy.

    Returns:
        A `keras.Model`.
    """


@dataclasses.dataclass(frozen=True)
class BagVariant:
    width: int
    params: int | None = None


@pytest.mark.parametrize("form", ["model", "file"])
def test_a_family_of_its_own_is_rebuilt_from_what_the_model_says(
    form, tmp_path, monkeypatch
):
    monkeypatch.setitem(constructors.BUILDERS, "bag", Bag)
    monkeypatch.setitem(FAMILIES, "bag", {"Bag_64": BagVariant(64)})
    model = Bag(3, width=4, image_size=8)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    source = model
    if form == "file":
        source = tmp_path / "bag.keras"
        model.save(source)
    images = random.normal(size=(2, 12, 8, 3)).astype("float32")
    rebuilt = keras_vit.from_checkpoint(source, image_size=(12, 8))
    mean = images.mean((1, 2))
    kernel, bias, head, head_bias = model.get_weights()
    expected = (mean @ kernel + bias) @ head + head_bias
    np.testing.assert_allclose(rebuilt(images), expected, rtol=1e-5, atol=1e-6)
    other = keras_vit.with_num_classes(model, 5)
    assert other.output_shape == (None, 5)
    report = keras_vit.load_weights(Bag(3, width=4), source)
    assert len(report.used) == 4 and report.layout == "Keras"
    with pytest.raises(ValueError, match="A Bag model has no position embeddings"):
        keras_vit.from_checkpoint(source, position_grid=(2, 2))
