"""Real training on several devices and in several processes, against one device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import write_images

from keras_vit.devices.launch import launch

# Every test starts processes of its own, which takes a minute together.
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
JOB = [sys.executable, str(HERE / "device_job.py")]


def environment(backend):
    return {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), str(HERE.parent)]),
        # A proxy that nobody answers at: the processes must find each other past it.
        "http_proxy": "http://192.0.2.1:9",
        "XLA_FLAGS": "",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    write_images(folder / "images", count=24)
    return folder


def one_process(folder, backend, *devices):
    """Results of one process that trains on one choice of devices after the other."""
    subprocess.run(
        [*JOB, folder, *devices],
        env={**os.environ, **environment(backend)},
        check=True,
        timeout=300,
    )
    return [result(folder, each) for each in devices]


def processes(folder, backend, count, devices, *options, restarts=0):
    """Results of several processes, the chief's first."""
    status = launch(
        [*JOB, str(folder), devices, *options],
        count,
        restarts=restarts,
        environment=environment(backend),
    )
    assert status == 0
    return [result(folder, devices, index) for index in range(count)]


def result(folder, devices, index=0):
    place = folder / f"run-{devices.replace(':', '').replace('/', '-')}"
    found = dict(np.load(place / f"process-{index}.npz"))
    found["history"] = json.loads(str(found["history"]))
    found["facts"] = json.loads(str(found["facts"]))
    return found


def assert_same(one, other, tolerance=1e-5):
    for row, wanted in zip(one["history"], other["history"], strict=True):
        assert row == pytest.approx(wanted, abs=tolerance)
    for name in other:
        if name.startswith("weight-") or name in ("evaluation", "predictions"):
            np.testing.assert_allclose(one[name], other[name], atol=5 * tolerance)


def facts(found):
    names = ("name", "devices", "replicas", "hosts")
    return [found["facts"][name] for name in names]


# JAX --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_one_jax_device(folder):
    """Results on one device, after those on eight: JAX must be asked for them first."""
    pytest.importorskip("jax")
    (folder / "jax").mkdir()
    (folder / "jax" / "images").symlink_to(folder / "images")
    _, one = one_process(folder / "jax", "jax", "cpu:8", "cpu:1")
    assert facts(one) == ["one device", 1, 1, 1]
    return one


def test_eight_jax_devices_train_as_one(on_one_jax_device, folder):
    many = result(folder / "jax", "cpu:8")
    assert facts(many) == ["DataParallel", 8, 8, 1]
    assert_same(many, on_one_jax_device)


def test_slices_of_a_model_train_as_the_whole(on_one_jax_device, folder):
    [sliced] = one_process(folder / "jax", "jax", "cpu:8/2")
    assert facts(sliced) == ["ModelParallel", 8, 4, 1]
    assert_same(sliced, on_one_jax_device)


def test_two_jax_processes_train_as_one(on_one_jax_device, folder):
    first, second = processes(folder / "jax", "jax", 2, "cpu:2")
    assert facts(first) == ["DataParallel", 4, 4, 2]
    assert_same(first, on_one_jax_device)
    assert_same(second, first, 1e-9)


def test_a_model_in_slices_over_two_jax_processes(on_one_jax_device, folder):
    first, second = processes(folder / "jax", "jax", 2, "cpu:1/2")
    assert facts(first) == ["ModelParallel", 2, 1, 2]
    assert first["facts"]["part"] == second["facts"]["part"] == [0, 1]
    assert_same(first, on_one_jax_device)


# TensorFlow -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_one_tensorflow_device(folder):
    (folder / "tf").mkdir()
    (folder / "tf" / "images").symlink_to(folder / "images")
    [one] = one_process(folder / "tf", "tensorflow", "cpu:1")
    assert facts(one) == ["one device", 1, 1, 1]
    return one


def test_four_tensorflow_devices_train_as_one(on_one_tensorflow_device, folder):
    [many] = one_process(folder / "tf", "tensorflow", "cpu:4")
    assert facts(many) == ["MirroredStrategy", 4, 4, 1]
    assert_same(many, on_one_tensorflow_device)


def test_two_processes_of_two_devices_train_as_one(on_one_tensorflow_device, folder):
    first, second = processes(folder / "tf", "tensorflow", 2, "cpu:2")
    assert facts(first) == ["MultiWorkerMirroredStrategy", 4, 4, 2]
    assert_same(first, on_one_tensorflow_device)
    assert_same(second, first, 1e-9)
    # The first process wrote all of it, and nothing is left of another.
    names = {path.name for path in (folder / "tf" / "run-cpu2").iterdir()}
    assert not [name for name in names if name.startswith(".") and name != ".lock"]
    assert {"model.keras", "history.csv", "run.json"} <= names


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_killed_process_changes_nothing_but_the_time(backend, tmp_path):
    """The whole job starts again from its last checkpoint, to the bits of one run."""
    runs = []
    for name in ("whole", "killed"):
        folder = tmp_path / name
        write_images(folder / "images", count=24)
        kill = ("--kill", "1") if name == "killed" else ()
        runs.append(processes(folder, backend, 2, "cpu:1", *kill, restarts=1)[0])
    whole, killed = runs
    assert (tmp_path / "killed" / "killed").exists()
    for name in whole:
        if name.startswith("weight-"):
            np.testing.assert_array_equal(killed[name], whole[name])
    assert killed["history"] == whole["history"]
    record = json.loads((tmp_path / "killed" / "run-cpu1" / "run.json").read_text())
    assert [session["step"] for session in record["sessions"]] == [0, 2]
