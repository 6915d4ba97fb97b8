"""A TPU is a piece of hardware."""

import sys
import types

import keras
import pytest

from keras_vit.devices import on_tensorflow, strategy
from keras_vit.devices.tpu import find_tpu


def machine(root, *files):
    for file in files:
        name, _, text = file.partition("=")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "environment", "expected"),
    [
        (["dev/accel0", "dev/accel1"], {}, "/dev/accel0"),
        (
            ["dev/vfio/0", "dev/vfio/vfio"],
            {"TPU_ACCELERATOR_TYPE": "v5e"},
            "/dev/vfio/0",
        ),
        (
            [
                "dev/vfio/3",
                "sys/bus/pci/devices/0000:00:04.0/vendor=0x1ae0\n",
                "sys/bus/pci/devices/0000:00:04.0/device=0x0063\n",
            ],
            {},
            "/dev/vfio/3",
        ),
        ([], {"TPU_NAME": "mine"}, "TPU_NAME=mine"),
    ],
)
def test_its_hardware_is_found(tmp_path, files, environment, expected):
    assert find_tpu(machine(tmp_path, *files), environment) == expected


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ([], {}),
        (["dev/accel/accel0"], {}),  # another maker's chip
        (["dev/vfio/0"], {}),  # a device lent to a virtual machine
        (["dev/vfio/vfio"], {"TPU_ACCELERATOR_TYPE": "v5e"}),
        (
            [  # Google's network card
                "dev/vfio/0",
                "sys/bus/pci/devices/0000:00:04.0/vendor=0x1ae0",
                "sys/bus/pci/devices/0000:00:04.0/device=0x0042",
            ],
            {},
        ),
    ],
)
def test_other_hardware_is_none(tmp_path, files, environment):
    assert find_tpu(machine(tmp_path, *files), environment) is None


def test_an_installed_library_is_no_tpu(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "libtpu", types.ModuleType("libtpu"))
    monkeypatch.setenv("TPU_LIBRARY_PATH", "/lib/libtpu.so")
    assert find_tpu(tmp_path) is None


tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="of the TensorFlow backend"
)


@tensorflow_only
def test_tensorflow_without_a_tpu_build_names_the_other_backend(monkeypatch):
    monkeypatch.setattr(on_tensorflow, "find_tpu", lambda: "/dev/accel0")
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for devices in ("auto", "tpu"):
        with pytest.raises(ValueError, match=r"There is a TPU.*without support") as e:
            strategy(devices)
        assert "KERAS_BACKEND=jax" in str(e.value)


@tensorflow_only
def test_a_tpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(on_tensorflow, "find_tpu", lambda: None)
    with pytest.raises(ValueError, match="There is no TPU on this machine"):
        strategy("tpu")
