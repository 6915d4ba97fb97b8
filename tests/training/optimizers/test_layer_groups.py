"""Frozen layers, and rates that fall from the head to the patches."""

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.training import Recipe, build_optimizer
from keras_vit.training.optimizers.layer_groups import (
    all_trainable,
    freeze_layers,
    rate_factors,
)

SIZES = dict(patch_size=4, hidden_dim=8, mlp_dim=8, num_heads=2, image_size=8)


def made(**options):
    return keras_vit.ViT(3, num_layers=2, **SIZES, **options)


def test_the_rates_fall_by_one_factor_for_each_block():
    model = made(representation_size=4, position_scope="every_layer")
    factors = rate_factors(model, 0.5)
    assert factors.keys() == {v.path for v in model.trainable_variables}
    expected = {
        "patch_encoder": 0.125,
        "position_embedding_00": 0.25,
        "block_00": 0.25,
        "position_embedding_01": 0.5,
        "block_01": 0.5,
        "encoder_norm": 1.0,
        "pre_logits": 1.0,
        "head": 1.0,
    }
    found = {}
    for path, factor in factors.items():
        found.setdefault(path.partition("/")[0], set()).add(factor)
    assert found == {name: {factor} for name, factor in expected.items()}


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_every_variable_moves_and_decays_by_its_rate(name):
    model = made()
    recipe = Recipe(
        optimizer=name,
        momentum=0.0,
        layer_decay=0.5,
        learning_rate=0.1,
        weight_decay=0.5,
        decay="constant",
        warmup_steps=0,
        global_clipnorm=None,
    )
    optimizer = build_optimizer(recipe, model, total_steps=10)
    variables = model.trainable_variables
    optimizer.build(variables)
    for variable in variables:
        variable.assign(np.ones(variable.shape))
    optimizer.apply([keras.ops.ones(v.shape) for v in variables], variables)
    factors = rate_factors(model, 0.5)
    for variable in variables:
        decay = 0.5 if variable.name == "kernel" else 0.0
        # With a gradient of one the first step of Adam is one, too.
        expected = 1 - 0.1 * factors[variable.path] * (1 + decay)
        value = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(value, expected, rtol=1e-4, err_msg=variable.path)


def test_rates_by_layer_need_blocks():
    model = keras_vit.BiT(3, num_blocks=(1,), image_size=32)
    with pytest.raises(ValueError, match=r"layer_decay=0\.5, model='bit'"):
        rate_factors(model, 0.5)


def test_only_the_head_is_left_beside_a_frozen_backbone():
    model = made(representation_size=4)
    freeze_layers(model, ("backbone",))
    names = {v.path.partition("/")[0] for v in model.trainable_variables}
    assert names == {"pre_logits", "head"}
    optimizer = build_optimizer(Recipe(), model, total_steps=10)
    optimizer.build(model.trainable_variables)
    assert len(optimizer.variables) == 1 + 2 * 4  # iterations, two moments of each


def test_layers_are_frozen_by_pattern():
    model = made()
    freeze_layers(model, ("patch_encoder", "block_*0"))
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    assert frozen == {"patch_encoder", "block_00"}
    with all_trainable(model):
        assert all(layer.trainable for layer in model.layers)
    assert frozen == {layer.name for layer in model.layers if not layer.trainable}


VIT = {"patch_size": 8, "num_layers": 3, "hidden_dim": 8, "mlp_dim": 8}
VIT |= {"num_heads": 2, "image_size": 32}
RESNET = {"num_blocks": (1, 2), "width_factor": 0.5, "image_size": 32}
DEPTHS = {
    "ViT": (
        lambda: keras_vit.ViT(2, **VIT, position_scope="every_layer"),
        "patch_encoder position_embedding_00 block_00 position_embedding_01 block_01",
    ),
    "hybrid": (
        lambda: keras_vit.HybridViT(2, **{**VIT, **RESNET, "patch_size": 1}),
        "root_conv root_norm stage1_unit01 stage2_unit01 stage2_unit02 patch_encoder "
        "block_00 block_01",
    ),
    "BiT": (
        lambda: keras_vit.BiT(2, **RESNET),
        "root_conv stage1_unit01 stage2_unit01",
    ),
    "segmenter": (
        lambda: keras_vit.Segmenter(keras_vit.ViT(0, **VIT), 3, head="mask"),
        "patch_encoder block_00 block_01",
    ),
    "segmenter with an upsampler": (
        lambda: keras_vit.Segmenter(keras_vit.BiT(0, **RESNET), 3, head="upsampler"),
        "root_conv stage1_unit01 stage2_unit01",
    ),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_layers_are_frozen_by_depth(name):
    make, expected = DEPTHS[name]
    model = make()
    freeze_layers(model, ("blocks:2",))
    frozen = [layer.name for layer in model.layers if not layer.trainable]
    assert frozen == expected.split()


def test_no_block_is_what_comes_before_the_first_and_too_many_are_refused():
    model = made()
    freeze_layers(model, ("blocks:0",))
    assert [x.name for x in model.layers if not x.trainable] == ["patch_encoder"]
    with pytest.raises(ValueError, match=r"first 9 blocks.*has \d blocks"):
        freeze_layers(model, ("blocks:9",))
    with pytest.raises(ValueError, match="no Transformer blocks or residual units"):
        freeze_layers(keras_vit.LeNet5(3), ("blocks:1",))


def test_a_name_that_meets_no_layer_is_refused():
    with pytest.raises(ValueError, match=r"'encoder_nrm'.*Did you mean 'encoder_norm'"):
        freeze_layers(made(), ("encoder_nrm",))
    with pytest.raises(ValueError, match="leaves nothing to train"):
        freeze_layers(made(), ("*",))
