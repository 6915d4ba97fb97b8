"""Where a run took place: what must be equal for equal results."""

import importlib.metadata
import os
import platform
import sys

import keras

from keras_vit.devices import current

PACKAGES = {
    "keras_vit": "keras-vision-transformer",
    "keras": "keras",
    "numpy": "numpy",
    "tensorflow": "tensorflow",
    "jax": "jax",
    "tensorflow_datasets": "tensorflow-datasets",
}

# Variables that change threads or arithmetic.
VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_DETERMINISTIC_OPS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)


def describe_environment():
    """Versions, platform, backend, devices and threads, for run.json."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "backend": keras.backend.backend(),
        "devices": [str(device) for device in keras.distribution.list_devices()],
        "strategy": current().to_json(),
        "versions": {name: version(name) for name in PACKAGES if version(name)},
        "threads": _threads(),
        "variables": {
            name: os.environ[name] for name in VARIABLES if name in os.environ
        },
    }


def version(name):
    """The version of a package, or `None` where it is not installed."""
    module = sys.modules.get(name)
    if getattr(module, "__version__", None):
        return module.__version__
    # TensorFlow comes under several distribution names.
    names = [PACKAGES[name]]
    if name == "tensorflow":
        names += ["tensorflow-cpu", "tensorflow-tpu"]
    for distribution in names:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def compare_environments(before, now):
    """Sentences about what differs and may change the last bits of a result."""
    lines = []
    names = ("python", "platform", "backend", "devices", "strategy", "threads")
    for name in (*names, "variables"):
        if name == "strategy" and name not in before:
            continue  # written before there were several
        if before.get(name) != now.get(name):
            lines.append(f"{name}: {before.get(name)} before, {now.get(name)} now")
    old, new = before.get("versions", {}), now.get("versions", {})
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            lines.append(f"{name}: {old.get(name)} before, {new.get(name)} now")
    return lines


def _threads():
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        processors = os.cpu_count()
    threads = {"processors": processors}
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        settings = tensorflow.config.threading
        # 0 lets TensorFlow choose: one per processor.
        threads["intra_op"] = settings.get_intra_op_parallelism_threads()
        threads["inter_op"] = settings.get_inter_op_parallelism_threads()
    return threads
