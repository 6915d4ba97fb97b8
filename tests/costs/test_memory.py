"""Estimates of memory: exact where that is possible, else as they should behave."""

import json
import re

import keras
import pytest

from keras_vit.common.wording import as_duration, as_memory
from keras_vit.costs.activations import kept_values
from keras_vit.costs.memory import SAFE, estimate_training, refuse_if_too_large
from keras_vit.costs.time import estimate_seconds
from keras_vit.models import BiT, HybridViT, ResNet, ViT
from keras_vit.training.optimizers.layer_groups import freeze_layers

TINY = {"patch_size": 4, "num_layers": 2, "hidden_dim": 8, "mlp_dim": 12}
TINY |= {"num_heads": 2, "image_size": 8}


@pytest.fixture(scope="module")
def vit():
    return ViT(3, **TINY)


def test_weights_gradients_and_slots_are_exact(vit):
    params = vit.count_params()
    for name, slots in (("adamw", 2), ("sgd", 1)):
        estimate = estimate_training(vit, 4, optimizer=name)
        assert estimate.weights == estimate.gradients == 4 * params
        assert estimate.optimizer == 4 * slots * params
    half = estimate_training(vit, 4, optimizer="sgd", momentum_dtype="bfloat16")
    assert half.optimizer == 2 * params
    averaged = estimate_training(vit, 4, optimizer="sgd", average=True)
    assert averaged.optimizer == 8 * params


def test_a_built_optimizer_is_counted_by_its_variables(vit):
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="must be built"):
        estimate_training(vit, 4, optimizer=optimizer)
    optimizer.build(vit.trainable_variables)
    exact = estimate_training(vit, 4, optimizer=optimizer).optimizer
    assert 0 <= exact - estimate_training(vit, 4).optimizer <= 64


def test_a_block_keeps_what_its_gradients_read(vit):
    # 5 tokens: nine times their width, the MLP twice, the scores of two heads.
    block = 5 * (9 * 8 + 2 * 12 + 2 * 5)
    _, largest = kept_values(vit)
    assert largest == block
    with_dropout = kept_values(
        ViT(3, **TINY, dropout_rate=0.1, attention_dropout_rate=0.1)
    )[1]
    assert with_dropout == block + 5 * (2 * 8 + 12 + 2 * 5)


def test_every_class_is_counted_in_the_loss():
    few, many = (estimate_training(ViT(k, **TINY), 1) for k in (3, 5003))
    # The scores themselves are an output, and twice that of the largest layer.
    more = many.activations_per_image - few.activations_per_image
    assert 4 * 4 * 5000 <= more <= 4 * 6 * 5000


def test_memory_grows_by_whole_images(vit):
    one, two = (estimate_training(vit, batch) for batch in (1, 2))
    assert two.total - one.total == one.activations_per_image + one.pixels_per_image
    assert one.total == one.fixed + one.activations + one.pixels
    assert json.loads(json.dumps(one.to_json()))["total"] == one.total


def test_parts_save_activations_and_keep_gradients_twice(vit):
    whole = estimate_training(vit, 6)
    parts = estimate_training(vit, 6, accumulation_steps=4)
    assert parts.activations == 2 * whole.activations_per_image
    assert parts.gradients == 2 * whole.gradients
    assert parts.pixels == whole.pixels


@pytest.mark.parametrize(
    "make",
    [
        lambda **kw: ViT(3, **TINY, **kw),
        lambda **kw: BiT(3, num_blocks=(1, 1), width_factor=1, image_size=32, **kw),
        lambda **kw: HybridViT(
            3,
            num_blocks=(1,),
            **{**TINY, "patch_size": 1, "image_size": (16, 32)},
            **kw,
        ),
    ],
)
def test_half_precision_saves_activations_only(make):
    full, half = (
        estimate_training(make(dtype=dtype), 2)
        for dtype in ("float32", "mixed_bfloat16")
    )
    # Norms and attention scores stay in float32.
    assert half.activations_per_image * 4 == full.activations_per_image * 3
    assert half.gradients == full.gradients and half.weights > full.weights


def test_a_frozen_backbone_keeps_next_to_nothing():
    model = ViT(3, **{**TINY, "num_layers": 12})
    kept, largest = kept_values(model)
    freeze_layers(model, ("backbone",))
    assert kept_values(model)[0] < kept / 20 and kept_values(model)[1] == largest
    estimate = estimate_training(model, 4)
    assert estimate.gradients == 4 * (8 * 3 + 3)


def test_any_functional_model_is_counted_by_its_outputs():
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    inner = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.ReLU()])
    model = keras.Model(inputs, keras.layers.Flatten()(inner(x)))
    assert kept_values(model) == (3 * 144, 144)


def test_what_a_relu_alone_reads_is_not_kept():
    x = keras.Input((6, 6, 1))
    conv = keras.layers.Conv2D(4, 3, padding="same")(x)
    norm = keras.layers.BatchNormalization()(conv)
    relu = keras.layers.ReLU()(norm)
    assert kept_values(keras.Model(x, relu)) == (2 * 144, 144)
    both = keras.layers.Add()([norm, relu])
    assert kept_values(keras.Model(x, both)) == (4 * 144, 144)


def test_a_model_for_every_size_is_refused():
    model = ViT(3, **{**TINY, "image_size": (None, None)}, position_grid=(2, 2))
    with pytest.raises(ValueError, match="`image_size`"):
        estimate_training(model, 2)


def test_wrong_arguments_are_explained(vit):
    with pytest.raises(ValueError, match="`batch_size`"):
        estimate_training(vit, 0)
    with pytest.raises(ValueError, match="`accumulation_steps`"):
        estimate_training(vit, 1, accumulation_steps=0)
    with pytest.raises(ValueError, match="`optimizer` must be one of adamw"):
        estimate_training(vit, 1, optimizer="lion")


# Refusals ---------------------------------------------------------------------------


def test_what_fits_passes_and_unknown_memory_too(vit, monkeypatch):
    estimate = estimate_training(vit, 8)
    refuse_if_too_large(estimate, estimate.total / SAFE + 1)
    monkeypatch.setattr("keras_vit.costs.memory.available_memory", lambda: None)
    refuse_if_too_large(estimate)


def test_a_refusal_names_what_would_fit(vit):
    estimate = estimate_training(vit, 64)
    available = 0.5 * estimate.total
    with pytest.raises(ValueError) as error:
        refuse_if_too_large(estimate, available)
    text = str(error.value)
    assert as_memory(estimate.total) in text and as_memory(available) in text
    batch = int(re.search(r"batch_size=(\d+) would fit", text)[1])
    parts = int(re.search(r"accumulation_steps=(\d+) would", text)[1])
    refuse_if_too_large(estimate_training(vit, batch), available)
    refuse_if_too_large(estimate_training(vit, 64, accumulation_steps=parts), available)
    with pytest.raises(ValueError):
        refuse_if_too_large(estimate_training(vit, 2 * batch), available)


def test_where_nothing_fits_that_is_said(vit):
    with pytest.raises(ValueError, match="Not even a batch of one image"):
        refuse_if_too_large(estimate_training(vit, 8), 1000)


def test_sizes_are_written_for_people():
    assert [as_memory(n) for n in (5, 2048, 3 * 2**20, 2.5 * 2**30)] == [
        "5 bytes",
        "2 KiB",
        "3 MiB",
        "2.5 GiB",
    ]


# Time -------------------------------------------------------------------------------


def test_time_grows_with_the_images_and_leaves_no_trace(monkeypatch):
    clock = iter(range(0, 1000, 2))  # every forward pass takes two seconds
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    model = ViT(3, **{**TINY, "num_layers": 1}, dropout_rate=0.1, drop_path_rate=0.2)
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.variables]
    # Four images at once, and a step is three forward passes.
    assert estimate_seconds(model, 4, at_once=4) == pytest.approx(6)
    assert estimate_seconds(model, 400, at_once=4) == pytest.approx(600)
    # The states of the random draws are among them, so the run stays the same.
    assert any("seed" in variable.path for variable in model.variables)
    for variable, value in zip(model.variables, before):
        assert keras.ops.convert_to_numpy(variable).tobytes() == value.tobytes()


def test_durations_are_rounded_to_what_is_known():
    durations = {3.21: "3.2 s", 90: "1.5 min", 7200: "2 h", 432_000: "5 days"}
    durations |= {3.2e7: "370 days", 2e8: "2,300 days"}
    assert {s: as_duration(s) for s in durations} == durations


def test_batches_with_batch_norms_are_not_said_to_fit_in_parts():
    model = ResNet(3, num_blocks=(1,), stage_widths=(16,), image_size=32)
    estimate = estimate_training(model, 64)
    available = int(0.9 * estimate.total)
    with pytest.raises(ValueError, match="batch_size=32 would fit") as error:
        refuse_if_too_large(estimate, available)
    assert "accumulation_steps" not in str(error.value)
    frozen = freeze_layers(model, ["backbone"])
    assert not estimate_training(frozen or model, 64).whole_batches
