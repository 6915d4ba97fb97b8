"""The package as a newcomer's program finds it."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import keras_vit.data
assert "tensorflow_datasets" not in sys.modules
source = keras_vit.data.load("fashion_mnist_mini:test[:64]")
for images, labels in source.batches(32, image_size=28, training=True, epochs=1):
    pass
import keras
assert keras.backend.backend() == "jax"
print(repr(source), images.shape)
"""


@pytest.mark.slow
def test_it_works_beside_jax_and_says_nothing():
    environment = dict(os.environ, KERAS_BACKEND="jax", TF_CPP_MIN_LOG_LEVEL="2")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    wanted = (
        "<Source fashion_mnist_mini:test[:64], 64 examples, 10 classes> (32, 28, 28, 3)"
    )
    assert done.stdout.strip() == wanted
    noise = [line for line in done.stderr.splitlines() if line[:1] in "EFW"]
    assert all("absl::InitializeLog" in line for line in noise), done.stderr
