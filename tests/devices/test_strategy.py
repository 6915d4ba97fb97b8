"""What holds of a strategy on any machine: one device, sizes, scopes, refusals."""

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.devices import Strategy, as_strategy, current, strategy


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)


def test_one_cpu_is_a_strategy_like_any_other():
    found = strategy("cpu:1")
    assert (found.kind, found.num_devices, found.num_hosts) == ("cpu", 1, 1)
    assert found.is_chief and found.dtype is None
    assert found.per_replica_batch_size(7) == 7
    assert found.dataset(lambda index, count: (index, count), 7) == (0, 1)
    assert found.total(3) == 3 and found.chief_first(lambda: "done") == "done"
    assert keras.backend.backend() in repr(found) and "1 CPU" in str(found)


def test_the_scope_makes_it_current():
    outer, inner = Strategy(), Strategy(num_devices=2)
    assert current().num_devices == 1
    with outer.scope(), inner.scope() as inside:
        assert inside is current() is inner
        assert as_strategy("gpu:9") is inner  # the one in force
    assert current() is not outer
    assert as_strategy(outer) is outer


def test_a_scope_of_the_backend_itself_is_adopted():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        theirs = tf.distribute.MirroredStrategy(["CPU:0"])
    else:
        theirs = keras.distribution.DataParallel(devices=["cpu:0"])
    with theirs.scope():
        found = current()
        assert found.name == type(theirs).__name__ and found.kind == "cpu"
        assert found.num_replicas == 1 and as_strategy("gpu:9") is found is current()
    assert current().name == "one device"


def test_models_on_a_tpu_compute_in_bfloat16():
    tpu = Strategy(kind="tpu")
    with tpu.scope():
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    keras.config.set_dtype_policy("float64")  # chosen, so kept
    with tpu.scope():
        assert keras.config.dtype_policy().name == "float64"


def test_a_recipe_leaves_the_precision_to_the_devices_or_not():
    from keras_vit.training.model_arguments import resolve_dtype

    automatic = keras_vit.training.Recipe()
    chosen = keras_vit.training.Recipe(dtype="float32")
    assert resolve_dtype(automatic) == "float32"
    with Strategy(kind="tpu").scope():
        assert resolve_dtype(automatic) == "mixed_bfloat16"
        assert resolve_dtype(chosen) == "float32"


@pytest.mark.parametrize(
    ("batch_size", "parts", "told"),
    [(30, 1, "24 and 32"), (8, 2, "Nearest batch sizes: 16"), (12, 3, "24")],
)
def test_a_batch_that_does_not_divide_is_refused(batch_size, parts, told):
    several = Strategy(num_devices=8)
    with pytest.raises(ValueError, match=f"equal parts.*{told}.*learning rate"):
        several.per_replica_batch_size(batch_size, parts)
    assert several.per_replica_batch_size(48, 3) == 2


def test_it_is_refused_before_anything_is_read(tmp_path):
    recipe = keras_vit.training.Recipe(data="no such data", batch_size=30)
    run = tmp_path / "run"
    with pytest.raises(ValueError, match="batch_size=30 on 8 replicas"):
        keras_vit.training.train(recipe, run, devices=Strategy(num_devices=8))
    assert not run.exists()


def test_outputs_are_those_of_the_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    x = np.arange(15, dtype="float32").reshape(5, 3)
    found = Strategy().outputs(model, x)
    expected = x @ keras.ops.convert_to_numpy(model.layers[0].kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_several_outputs_keep_their_names():
    x = keras.Input((3,))
    model = keras.Model(x, {"double": x * 2, "sum": keras.ops.sum(x, axis=1)})
    rows = np.arange(15, dtype="float32").reshape(5, 3)
    found = Strategy().outputs(model, rows)
    assert found.keys() == {"double", "sum"}
    np.testing.assert_array_equal(found["double"], rows * 2)
    np.testing.assert_array_equal(found["sum"], rows.sum(1))


@pytest.mark.parametrize("devices", ["cpu:64", "gpu:64"])
def test_devices_that_are_not_there_are_refused(devices):
    kind = devices.partition(":")[0].upper()
    keras.distribution.list_devices()
    keras.ops.zeros(1)  # the backend has started: no more devices can be made
    with pytest.raises(ValueError, match=f"requested: 64 {kind}.*Found by"):
        strategy(devices)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX can do it")
def test_slices_of_a_model_need_jax():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        strategy("cpu", model_parallel=2)


def test_several_processes_need_one_folder():
    many = Strategy(num_devices=2)
    many.num_hosts = 2
    with pytest.raises(ValueError, match="all of them use: give `run`"):
        keras_vit.training.train(devices=many)
