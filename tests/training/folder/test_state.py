import keras
import numpy as np
import pytest
from tiny_runs import TINY, assert_same_bits

from keras_vit.training.folder.state import (
    Position,
    last_state,
    list_states,
    read_state,
    save_state,
    variables_of,
)
from keras_vit.training.run.build import build_model, compile_model

SIZES = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_layers": 1}
SIZES |= {"hidden_dim": 8, "mlp_dim": 8, "num_heads": 2, "dropout_rate": 0.5}


def made(dtype="float32", **sizes):
    recipe = TINY
    model = build_model(recipe, 3, {**SIZES, **sizes, "dtype": dtype})
    compile_model(model, recipe, total_steps=10)
    return model


def values(model):
    return [keras.ops.convert_to_numpy(v) for _, v in variables_of(model)]


def scramble(model):
    random = np.random.default_rng(0)
    for _, variable in variables_of(model):
        variable.assign(random.integers(0, 100, variable.shape))


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "bfloat16"])
def test_every_variable_comes_back_to_the_bit(tmp_path, dtype):
    # The policy bfloat16 keeps the weights themselves in a type that NumPy lacks.
    first = made(dtype)
    scramble(first)
    position = Position(step=7, history=[{"epoch": 1, "loss": 0.1 + 0.2}], seconds=1.5)
    save_state(tmp_path / "checkpoints", first, position)
    second = made(dtype)
    checkpoint = last_state(tmp_path / "checkpoints")
    checkpoint.restore(second)
    assert checkpoint.position == position
    assert_same_bits(values(second), values(first))


def test_the_seeds_of_dropout_are_among_the_variables(model):
    paths = [v.path for group, v in variables_of(model) if group == "model"]
    assert any("seed_generator" in path for path in paths)
    assert len(paths) > len(model.weights)


def test_the_last_two_checkpoints_are_kept(tmp_path, model):
    for step in (1, 2, 3, 10):
        save_state(tmp_path, model, Position(step=step))
    names = [path.name for path in list_states(tmp_path)]
    assert names == ["step-000000003.npz", "step-000000010.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path, model, damage, caplog
):
    for step in (1, 2):
        save_state(tmp_path, model, Position(step=step))
    newest = list_states(tmp_path)[-1]
    data = bytearray(newest.read_bytes())
    if damage == "flipped":
        # Inside a member: the file's own headers hold bytes that nobody reads.
        data[data.index(b'"variables"')] ^= 1
    newest.write_bytes(data[: {"truncated": len(data) - 30, "empty": 0}.get(damage)])
    with pytest.raises(ValueError, match="is damaged"):
        read_state(newest)
    assert last_state(tmp_path).position.step == 1
    assert newest.name in caplog.text
    list_states(tmp_path)[0].write_bytes(b"")
    with pytest.raises(ValueError, match=r"No checkpoint of this run can be read"):
        last_state(tmp_path)


def test_no_checkpoint_is_no_error(tmp_path):
    assert last_state(tmp_path / "nowhere") is None


def test_a_checkpoint_of_another_model_is_refused(tmp_path, model):
    save_state(tmp_path, model, Position())
    with pytest.raises(ValueError, match="another model or optimizer"):
        last_state(tmp_path).restore(made(num_layers=2))
