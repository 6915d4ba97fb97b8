"""Quiet logs, fixed seeds and little memory for every test."""

import ctypes
import gc
import logging
import os
import sys
from pathlib import Path

# Before Keras is imported anywhere. It is imported by fixtures, not here: the process
# that only hands out tests to others needs none of it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow's own allocator of large arrays never gives memory back.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

import pytest

# Files that run in every environment that we admit, under either backend, in seconds.
SMOKE = {
    "test_smoke.py",
    "layers/tokens/test_patch_encoder.py",
    "layers/transformer/test_attention.py",
    "layers/transformer/test_stochastic_depth.py",
    *("models/test_preprocessing.py", "models/variants/test_listing.py"),
    "checkpoints/test_positions.py",
    *("data/pipeline/test_images.py", "data/pipeline/test_parts.py"),
    "data/test_loading.py",
    *("training/recipes/test_recipes.py", "training/folder/test_state.py"),
    *("training/optimizers/test_losses.py", "training/optimizers/test_schedules.py"),
    *("devices/test_cluster.py", "devices/test_request.py", "devices/test_tpu.py"),
    "evaluation/test_metrics.py",
}


def pytest_collection_modifyitems(items):
    tests = Path(__file__).parent
    for item in items:
        if str(item.path.relative_to(tests)) in SMOKE:
            item.add_marker(pytest.mark.smoke)


def pytest_configure(config):
    smoke = "smoke: runs in every environment that we admit; see .ci/runtimes"
    config.addinivalue_line("markers", smoke)
    # Keras reads TensorFlow's variables in a way that NumPy 2 calls old.
    ignore = "ignore:__array__ implementation doesn't accept:DeprecationWarning"
    config.addinivalue_line("filterwarnings", ignore)
    _libc("mallopt", _ARENA_MAX, 2)


def pytest_collection_finish():
    """What is imported by now stays, so the garbage collector need not look at it."""
    gc.collect()
    gc.freeze()


# Of glibc's malloc.h. Freed memory otherwise stays with each of TensorFlow's many
# threads, which adds up to gigabytes over a session.
_ARENA_MAX = -8


def _libc(name, *numbers):
    """Calls a function of the C library where it has one of that name."""
    if os.name == "posix":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*numbers)


_status = []


def pytest_sessionfinish(session, exitstatus):
    if not hasattr(session.config, "workerinput"):  # of pytest-xdist: it ends by itself
        _status.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    # After a whole session TensorFlow's threads have been seen to crash while the
    # interpreter shuts down, when every result was printed: leave without that.
    sys.stdout.flush()
    sys.stderr.flush()
    if _status:
        os._exit(_status[0])


@pytest.fixture(autouse=True)
def same_log():
    """The command line gives the package's log a handler; the next test wants none."""
    yield
    logger = logging.getLogger("keras_vit")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


@pytest.fixture(autouse=True)
def fixed_seeds():
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")


@pytest.fixture(autouse=True, scope="module")
def free_memory():
    """What Keras keeps of models and their graphs goes when a file of tests ends."""
    yield
    import keras

    _forget_gradients(keras.backend.backend())
    keras.backend.clear_session()
    _libc("malloc_trim", 0)


def _forget_gradients(backend):
    """TensorFlow lists custom gradients for ever, and each keeps the graph it is of."""
    if backend == "tensorflow":
        from tensorflow.python.framework import ops

        listed = ops.gradient_registry._registry
        for name in [name for name in listed if name.startswith("CustomGradient-")]:
            del listed[name]


@pytest.fixture
def mocked_tfds(tmp_path, monkeypatch):
    """TFDS gives four random examples of any set, and thinks that files are there."""
    import tensorflow_datasets as tfds

    from keras_vit.data.sets.catalog import DATASETS

    monkeypatch.setattr("keras_vit.data.sets.downloads.answer", lambda url: None)
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    for facts in DATASETS.values():
        for name in facts.manual:
            (manual / name).touch()
    with tfds.testing.mock_data(num_examples=4, data_dir=str(tmp_path)):
        yield
