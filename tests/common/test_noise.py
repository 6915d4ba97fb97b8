"""What importing the package writes to stderr: nothing, but every error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_vit
from keras_vit.common.environment import without_noise

ROOT = Path(keras_vit.__file__).parents[1]


def test_importing_the_package_in_a_program_or_notebook_writes_nothing():
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    variables.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-c", "import keras_vit"],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LINES = {
    # As TensorFlow 2.21 and 2.16 write them.
    "WARNING: All log messages before absl::InitializeLog() is called are written": 0,
    "I0000 00:00:1796122469.424177   21180 port.cc:153] oneDNN custom operations": 0,
    "2024-05-01 09:30:00.123456: I tensorflow/core/util/port.cc:113] oneDNN": 0,
    "E0000 00:00:17.4 9 cuda_dnn.cc:8310] Unable to register cuDNN factory: why": 0,
    "E0000 00:00:17.4 9 cuda_driver.cc:40] failed call to cuInit: UNKNOWN ERROR": 1,
    "2024-05-01 09:30:00.123456: W tensorflow/gpu_device.cc:1] Cannot dlopen": 1,
    "F0000 00:00:17.4 9 x.cc:1] Check failed": 1,
    "ImportError: libcudart.so.12": 1,
}


def test_information_goes_and_errors_stay(capfd):
    with without_noise():
        os.write(2, "".join(f"{line}\n" for line in LINES).encode())
        assert capfd.readouterr().err == ""
    shown = capfd.readouterr().err.splitlines()
    assert shown == [line for line, kept in LINES.items() if kept]


def test_everything_comes_out_where_the_import_fails(capfd):
    with pytest.raises(ImportError), without_noise():
        os.write(2, b"I0000 00:00:17.4 9 port.cc:153] the last words\n")
        raise ImportError("no such library")
    assert "the last words" in capfd.readouterr().err
