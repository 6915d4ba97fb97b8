"""Ten planted faults, each of which the checks must name, on a small file."""

import dataclasses

import golden
import numpy as np
import pytest

from keras_vit import published
from keras_vit.studies.reproducing import checks
from keras_vit.studies.reproducing.checks import DECISIVE, DIFFERS, UNKNOWN
from keras_vit.studies.reproducing.running import look
from keras_vit.studies.reproducing.trials import Trial
from keras_vit.training import Recipe

DATA = "fashion_mnist_mini"  # 6,000 and 1,000 images of ten classes
RUN = Recipe(
    data=DATA,
    model="small",
    **{"num_layers": 2, "hidden_dim": 48, "mlp_dim": 96, "num_heads": 3},
    **{"patch_size": 8, "image_size": 32, "num_channels": 3},
    dropout_rate=0.0,
    drop_path_rate=0.0,
    total_steps=4,
    warmup_steps=1,
    batch_size=64,
    optimizer="sgd",
    weight_decay=0.0,
)


def a_row(**changes):
    """A published value that no source has."""
    row = published.row("vit_readme/vit_b16/cifar10/dropout0.0")
    values = {"id": "tests/tiny", "task": DATA, "image_size": 32, "note": ""}
    return dataclasses.replace(row, **{**values, **changes})


@pytest.fixture(scope="module")
def weights():
    """A small ViT of the official code, for 32 pixels and ten classes."""
    return str(golden.path("vit/token_norep.ckpt.npz"))


def a_test(weights, **changes):
    """A trial that tests the file."""
    row = a_row(**changes)
    return Trial(row, "A", "It is tested.", weights=weights, data=f"{DATA}:test")


def a_tuning(weights):
    """A trial that fine-tunes the file."""
    recipe = dataclasses.replace(RUN, weights=weights)
    return Trial(a_row(), "B", "It is fine-tuned.", recipe, weights=weights)


def differing(attempt):
    """Numbers of the checks that found a difference, and their texts."""
    found = [check for check in attempt.checks if check.status == DIFFERS]
    return [check.number for check in found], " ".join(check.text for check in found)


def test_a_faithful_run_passes_all_ten(weights):
    for trial in (a_test(weights), a_tuning(weights)):
        found = look(trial).checks
        assert [check.number for check in found] == list(range(1, 11))
        assert {check.status for check in found} == {"ok"}, trial.kind


@pytest.mark.parametrize(
    "number, changes, text",
    [
        (1, {"total_steps": 2}, "total_steps 2 instead of 4"),
        (1, {"warmup_steps": 0}, "warmup_steps 0 instead of 1"),
        (2, {"dropout_rate": 0.1}, "dropout_rate 0.1 instead of 0.0"),
        (5, {"image_size": 24}, "24 x 24 pixels instead of 32 x 32"),
        (7, {"batch_size": 32}, "batch_size 32 instead of 64"),
        (7, {"learning_rate": 0.5}, "learning_rate 0.5"),
        (8, {"weight_decay": 0.1}, "weight_decay 0.1 instead of 0.0"),
        (8, {"loss": "sigmoid"}, "loss sigmoid instead of softmax"),
        (9, {"validation_fraction": 0.1}, "a part was held out"),
        (9, {"data": f"{DATA}:train,per_class=20,seed=0"}, "200 train images"),
        (10, {"weights": "none"}, "from the beginning"),
        (10, {"weights": "ViT_B16/augreg"}, "ViT_B16/augreg instead of"),
    ],
)
def test_a_fault_of_a_training_is_named(weights, number, changes, text):
    own = {"weights": changes["weights"]} if "weights" in changes else {}
    fields = {k: v for k, v in changes.items() if k not in own}
    # What the file holds is looked at in the test above; the data only where needed.
    attempt = look(a_tuning(weights), open_files=number == 9, **own, **fields)
    assert differing(attempt)[0] == [number]
    assert text in differing(attempt)[1]


@pytest.mark.parametrize(
    "number, options, text",
    [
        (3, {"preprocessing": "resize(32)|value_range(0,1)"}, "weights take [-1, 1]"),
        (4, {"preprocessing": "resize_small(40)|central_crop(32)"}, "instead of"),
        (9, {"data": f"{DATA}:test[:50%]"}, "500 test images instead of 1,000"),
    ],
)
def test_a_fault_of_a_test_is_named(weights, number, options, text):
    attempt = look(a_test(weights), **options)
    assert differing(attempt)[0] == [number]
    assert text in differing(attempt)[1]


def test_another_resolution_than_the_rows_is_named(weights):
    attempt = look(a_test(weights, image_size=48))
    assert differing(attempt)[0] == [5]
    assert "32 x 32 pixels instead of 48 x 48" in differing(attempt)[1]
    # Also where the source's own steps cannot be tried on the model.
    steps = "resize_small(56)|central_crop(48)"
    trial = dataclasses.replace(a_test(weights, image_size=48), steps=steps)
    attempt = look(trial)
    assert differing(attempt)[0] == [5]
    assert [attempt.checks[i].status for i in (2, 3)] == [UNKNOWN, UNKNOWN]


def test_a_withheld_head_is_named(weights, tmp_path):
    with np.load(weights) as file:
        arrays = dict(file)
    heads = [name for name in arrays if name.startswith("head/")]
    assert heads
    withheld = {n: np.zeros_like(a) if n in heads else a for n, a in arrays.items()}
    np.savez(tmp_path / "withheld.npz", **withheld)
    attempt = look(a_test(str(tmp_path / "withheld.npz")))
    assert differing(attempt)[0] == [6]
    assert "withheld" in differing(attempt)[1]


def test_a_file_of_another_model_is_named(weights, monkeypatch):
    # The small file stands for a published model.
    monkeypatch.setattr(checks, "variant_of", lambda *_: "ViT_B32")
    attempt = look(a_test(weights))
    assert differing(attempt)[0] == [10]
    assert "is of ViT_B32, the row of ViT_B16" in differing(attempt)[1]


def test_a_bit_is_tested_at_the_rows_size():
    file = str(golden.path("bit/bit_1111_half.ckpt.npz"))
    attempt = look(a_test(file, model="BiT_R50x1", image_size=64))
    assert attempt.found.model.input_shape[1:3] == (64, 64)
    assert attempt.checks[4].status == "ok"


def test_few_images_make_smaller_batches_than_the_rows(weights):
    data = f"{DATA}:train,per_class=5,seed=0"
    trial = a_tuning(weights)
    few = dataclasses.replace(
        trial, recipe=dataclasses.replace(trial.recipe, data=data)
    )
    numbers, text = differing(look(few))
    assert 7 in numbers and "50 images make batches of 50, not of 64" in text


def test_what_was_not_opened_is_not_called_ok(weights):
    found = look(a_test(weights), open_files=False).checks
    assert {c.number for c in found if c.status == UNKNOWN} >= {5, 6, 9}
    other = look(a_test("ViT_B16/augreg"), weights="/some/file.npz", open_files=False)
    assert other.checks[9].status == UNKNOWN


def test_only_the_decisive_checks_forbid_a_verdict():
    assert DECISIVE == {3, 5, 6, 7, 9, 10}


def test_a_file_is_fine_tuned_at_the_size_of_its_run(weights):
    steps = "resize_small(56)|central_crop(48)"  # the file's own images have 32 pixels
    recipe = dataclasses.replace(RUN, weights=weights, image_size=48)
    trial = dataclasses.replace(a_tuning(weights), recipe=recipe, steps=steps)
    assert {check.status for check in look(trial).checks} == {"ok"}
