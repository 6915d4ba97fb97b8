"""What training adds to Keras, under the other backend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = (
    *("optimizers/test_averaging.py", "optimizers/test_update_rules.py"),
    *("optimizers/test_pixel_metrics.py", "replicas/test_accumulation.py"),
    "../layers/test_remat.py",
    "../devices/test_strategy.py",
)


@pytest.mark.slow
def test_averages_accumulation_and_optimizers_work_on_jax():
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *[str(HERE / name) for name in FILES]],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
