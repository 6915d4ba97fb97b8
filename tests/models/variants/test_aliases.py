"""Names of timm and Hugging Face for the published models."""

import pytest

import keras_vit
from keras_vit.models.variants import counts
from keras_vit.models.variants.aliases import ALIASES
from keras_vit.models.variants.identify import family_of_variant
from keras_vit.models.variants.listing import canonical_name, named_model
from keras_vit.models.variants.rows import FAMILIES

# Millions of parameters with 1000 classes, from timm's tables of results.
TIMM = {
    "vit_tiny_patch16_224": 5.72,
    "vit_small_patch16_224": 22.05,
    "vit_small_patch32_224": 22.88,
    "vit_base_patch8_224": 86.58,
    "vit_base_patch16_224": 86.57,
    "vit_base_patch16_384": 86.86,
    "vit_base_patch32_224": 88.22,
    "vit_large_patch16_384": 304.72,
    "vit_large_patch32_384": 306.63,
    "vit_huge_patch14_224": 632.05,
    "vit_giant_patch14_224": 1012.61,
    "vit_gigantic_patch14_224": 1844.44,
    "deit_tiny_patch16_224": 5.72,
    "deit_small_patch16_224": 22.05,
    "deit_base_patch16_384": 86.86,
    "vit_tiny_r_s16_p8_224": 6.34,
    "vit_small_r26_s32_224": 36.43,
    "vit_large_r50_s32_224": 328.99,
    "vit_base_r50_s16_384": 98.95,
    "resnetv2_50x1_bit": 25.55,
    "resnetv2_50x3_bit": 217.32,
    "resnetv2_101x1_bit": 44.54,
    "resnetv2_101x3_bit": 387.93,
    "resnetv2_152x2_bit": 236.34,
    "resnetv2_152x4_bit": 936.53,
}


def millions(name):
    variant, size = named_model(name)
    family = family_of_variant(variant)
    sizes = {} if size is None or family == "bit" else {"image_size": size}
    return counts.FORMULAS[family][0](FAMILIES[family][variant], **sizes) / 1e6


def test_models_of_timm_have_the_size_that_timm_publishes():
    found = {name: millions(name) for name in TIMM}
    assert found == pytest.approx(TIMM, abs=0.006)


@pytest.mark.parametrize(
    "name, variant, size",
    [
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", "ViT_B16", 224),
        ("timm/vit_base_patch16_384.augreg_in21k_ft_in1k", "ViT_B16", 384),
        ("vit_base_patch16_224_in21k", "ViT_B16", 224),
        ("vit_base_patch16", "ViT_B16", None),
        ("resnetv2_50x1_bit.goog_in21k_ft_in1k", "BiT_R50x1", None),
        ("google/vit-base-patch16-224", "ViT_B16", 224),
        ("google/vit-base-patch16-224-in21k", "ViT_B16", 224),
        ("google/vit-large-patch32-384", "ViT_L32", 384),
        ("google/vit-huge-patch14-224-in21k", "ViT_H14", 224),
        ("google/bit-50", "BiT_R50x1", None),
        ("facebook/deit-tiny-patch16-224", "ViT_Ti16", 224),
        ("WinKawaks/vit-small-patch16-224", "ViT_S16", 224),
        ("ViT_B16", "ViT_B16", None),
    ],
)
def test_a_name_means_a_model_and_its_image_size(name, variant, size):
    assert named_model(name) == (variant, size)


def test_every_alias_is_of_a_published_model():
    variants = [variant for rows in FAMILIES.values() for variant in rows]
    wrong = [name for name in ALIASES if canonical_name(name) not in variants]
    assert not wrong and set(ALIASES.values()) <= set(variants)


# Of other architectures, though their names begin alike.
@pytest.mark.parametrize(
    "name, meant",
    [
        ("vit_base_patch16_clip_224", "vit_base_patch16"),
        ("facebook/deit-base-distilled-patch16-224", "deit_base_patch16"),
        ("vit_base_patch14_dinov2", "vit_"),
        ("deit3_base_patch16_224", "deit_base_patch16"),
        ("vit_base_patch61_224", "vit_base_patch"),
        ("google/vit_bsae_patch16_224", "vit_base_patch16"),
    ],
)
def test_other_names_are_refused_with_the_closest(name, meant):
    with pytest.raises(ValueError, match="Unknown model") as error:
        keras_vit.build(name)
    assert f"Did you mean '{meant}" in str(error.value)
    assert "from_checkpoint" in str(error.value)


def test_the_size_in_a_name_is_a_default():
    tiny = {"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
    built = keras_vit.build("facebook/deit-tiny-patch16-384", 3, **tiny)
    assert built.input_shape == (None, 384, 384, 3) and built.name == "vit_ti16"
    smaller = keras_vit.build("vit_tiny_patch16_384", 3, image_size=32, **tiny)
    assert smaller.input_shape == (None, 32, 32, 3)
    shaped = keras_vit.build("vit_tiny_patch16_384", input_shape=(48, 32, 3), **tiny)
    assert shaped.input_shape == (None, 48, 32, 3)
