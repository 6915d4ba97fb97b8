"""The environment of a run: what must be equal for equal results."""

import contextlib
import importlib.metadata
import os
import platform
import sys

import keras
import tensorflow as tf

from keras_vit.data.graphs import usable_cores
from keras_vit.devices import current

# Packages, and the names under which pip may have installed them.
PACKAGES = {
    "keras_vit": ("keras-vision-transformer",),
    "keras": ("keras",),
    "numpy": ("numpy",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-tpu"),
    "jax": ("jax",),
    "tensorflow_datasets": ("tensorflow-datasets",),
}

# Variables that change threads or arithmetic.
THREADS = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
VARIABLES = (
    *THREADS,
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_DETERMINISTIC_OPS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)


def describe_environment():
    """Versions, platform, backend, devices and threads, for run.json."""
    threading = tf.config.threading
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "backend": keras.backend.backend(),
        "devices": [str(device) for device in keras.distribution.list_devices()],
        "strategy": current().to_json(),
        "versions": {name: _version(name) for name in PACKAGES if _version(name)},
        "threads": {
            "processors": usable_cores(),
            # 0 lets TensorFlow choose: one per processor.
            "intra_op": threading.get_intra_op_parallelism_threads(),
            "inter_op": threading.get_inter_op_parallelism_threads(),
        },
        "variables": {
            name: os.environ[name] for name in VARIABLES if name in os.environ
        },
    }


def _version(name):
    """The version of a package, or `None` where it is not installed."""
    module = sys.modules.get(name)
    if getattr(module, "__version__", None):
        return module.__version__
    for distribution in PACKAGES[name]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(distribution)
    return None


def compare_environments(before, now):
    """Sentences about what differs and may change the last bits of a result."""
    names = ("python", "platform", "backend", "devices", "strategy", "threads")
    if "strategy" not in before:
        names = (name for name in names if name != "strategy")  # an older run
    old, new = before.get("versions", {}), now.get("versions", {})
    values = [
        *((name, before.get(name), now.get(name)) for name in (*names, "variables")),
        *((name, old.get(name), new.get(name)) for name in sorted({*old, *new})),
    ]
    return [
        f"{name}: {then} before, {value} now"
        for name, then, value in values
        if then != value
    ]
