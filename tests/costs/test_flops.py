"""Operations and device-hours, against the closed forms of the published table."""

import cases
import keras
import pytest

import keras_vit
from keras_vit.costs.flops import forward_flops, run_cost
from keras_vit.models.variants import counts
from keras_vit.models.variants.rows import VIT_VARIANTS

SIZES = {"num_layers": 2, "hidden_dim": 8, "mlp_dim": 12, "num_heads": 2}


@pytest.mark.parametrize(
    "name", cases.rest_slow(["ViT_Ti16", "R_ViT_Ti16", "R26_ViT_S32", "BiT_R50x1"], 2)
)
def test_a_published_model_costs_what_the_table_says(name):
    (info,) = (info for info in keras_vit.list_models() if info.name == name)
    assert forward_flops(keras_vit.build(name)) == round(info.gflops * 1e9)


def test_the_published_cost_of_b16():
    # Steiner et al. (2022), table 2: 17.5 thousand million multiply-adds.
    row = VIT_VARIANTS["ViT_B16"]
    assert counts.vit_flops(row) / 2e9 == pytest.approx(17.5, abs=0.1)


def test_every_option_of_a_vit_counts():
    def cost(**options):
        settings = {"image_size": (8, 12), "patch_size": 4, **SIZES, **options}
        return forward_flops(keras_vit.ViT(3, **settings)) / 2

    def block(n):
        return n * (4 * 64 + 2 * 8 * 12) + 2 * n * n * 8

    embedding, head = 6 * 48 * 8, 8 * 3
    assert cost() == embedding + 2 * block(7) + head
    assert cost(pooling="gap") == embedding + 2 * block(6) + head
    assert cost(register_tokens=3) == embedding + 2 * block(10) + head
    assert cost(representation_size=5) == embedding + 2 * block(7) + 8 * 5 + 5 * 3
    assert cost(stride=2) == 15 * 48 * 8 + 2 * block(16) + head
    assert cost(pooling=None, class_token=True) == embedding + 2 * block(7) + 7 * head
    pooled = 6 * (2 * 64 + 16) + 2 * 64 + 2 * 8 * 12
    assert cost(pooling="prefix", register_tokens=1) == (
        embedding + 2 * block(8) + 2 * head
    )
    assert cost(pooling="token+gap", representation_size=5) == (
        embedding + 2 * block(7) + 16 * 5 + 5 * 3
    )
    # Two dense layers of 8 x 12, the first twice as wide.
    assert cost(swiglu=True) == cost() + 2 * 7 * 8 * 12
    assert cost(qkv_bias=False, patch_bias=False, pre_norm=True) == cost()
    assert cost(pooling="map") == embedding + 2 * block(6) + pooled + head


def test_stages_of_other_widths_cost_what_their_convolutions_do():
    wide = keras_vit.BiT(
        3, num_blocks=(1, 2), width_factor=2, stage_widths=(128, 256), image_size=32
    )
    root = 16 * 16 * 49 * 3 * 128
    # (channels in, filters, positions before, positions after, whether it projects)
    units = [(128, 32, 64, 64, 1), (128, 64, 64, 16, 1), (256, 64, 16, 16, 0)]
    convolutions = sum(
        before * c * f + after * (9 * f * f + 4 * f * f + projects * c * 4 * f)
        for c, f, before, after, projects in units
    )
    assert forward_flops(wide) == 2 * (root + convolutions + 256 * 3)


def test_images_need_not_be_square():
    wide = keras_vit.BiT(3, num_blocks=(1, 1), width_factor=0.5, image_size=(64, 32))
    tall = keras_vit.BiT(3, num_blocks=(1, 1), width_factor=0.5, image_size=(32, 64))
    square = keras_vit.BiT(3, num_blocks=(1, 1), width_factor=0.5, image_size=32)
    assert forward_flops(wide) == forward_flops(tall)
    head = 2 * 256 * 3
    assert forward_flops(wide) - head == 2 * (forward_flops(square) - head)


def test_an_open_image_size_must_be_given():
    model = keras_vit.ViT(
        3, image_size=(None, None), position_grid=(2, 2), patch_size=4, **SIZES
    )
    with pytest.raises(ValueError, match="`image_size` must be given"):
        forward_flops(model)
    fixed = keras_vit.ViT(3, image_size=8, patch_size=4, **SIZES)
    assert forward_flops(model, 8) == forward_flops(fixed)


def test_a_run_costs_three_forward_passes_per_image():
    model = keras_vit.ViT(3, image_size=8, patch_size=4, **SIZES)
    cost = run_cost(model, images=1000, seconds=1800, devices=2)
    assert cost["flops"] == 3 * 1000 * forward_flops(model)
    assert cost["device_hours"] == 1.0 and cost["images"] == 1000
    assert cost["flops_per_second"] == cost["flops"] / 3600
    assert run_cost(model, 0, 0)["flops_per_second"] is None
    foreign = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert run_cost(foreign, 10, 1.0)["flops"] is None


@pytest.mark.parametrize("args", [(-1, 1.0, 1), (1, -1.0, 1), (1, 1.0, 0)])
def test_impossible_runs_are_refused(args):
    with pytest.raises(ValueError, match="Received: images="):
        run_cost(None, *args)


def test_a_segmenter_costs_its_backbone_and_its_head():
    settings = {"image_size": (8, 12), "patch_size": 4, **SIZES}
    vit = keras_vit.ViT(0, **settings)
    body = forward_flops(vit) / 2
    model = keras_vit.Segmenter(vit, 3)
    assert forward_flops(model) / 2 == body + 6 * 8 * 3
    mask = {"head": "mask", "decoder_layers": 1, "decoder_heads": 2}
    model = keras_vit.Segmenter(vit, 3, decoder_mlp_dim=12, **mask)
    # Six patches, projected once before and once after the block, and three classes.
    block = 9 * (4 * 64 + 2 * 8 * 12) + 2 * 9 * 9 * 8
    outside = 6 * 64 + 9 * 64 + 6 * 3 * 8
    assert forward_flops(model) / 2 == body + block + outside
    model = keras_vit.Segmenter(vit, 3, head="upsampler", decoder_widths=(5, 4))
    first = 6 * 9 * 8 * 512
    steps = 24 * 9 * (512 * 5 + 5 * 5) + 96 * 9 * (5 * 4 + 4 * 4)
    assert forward_flops(model) / 2 == body + first + steps + 96 * 9 * 4 * 3


def test_a_detector_costs_its_backbone_and_its_head_at_every_level():
    vit = keras_vit.ViT(0, image_size=(8, 12), patch_size=4, **SIZES)
    body = forward_flops(vit) / 2
    model = keras_vit.Detector(vit, 3, strides=(2, 4), head_width=5, head_layers=1)
    # 24 places of stride 2, by a transposed convolution of the six, and these six.
    pyramid = 6 * 4 * 8 * 4 + 24 * (4 * 5 + 9 * 25) + 6 * (8 * 5 + 9 * 25)
    head = 30 * (2 * 9 * 25 + 9 * 5 * (3 + 4 + 1))
    assert forward_flops(model) / 2 == body + pyramid + head
