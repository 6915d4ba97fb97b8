"""The installation at import: a missing backend, a conflicting package, its noise."""

import contextlib
import importlib.metadata
import os
import re
import sys
import tempfile
import warnings

from keras_vit.common.interrupts import is_command

INSTALL_LINES = {
    "tensorflow": 'pip install "keras-vision-transformer[tf]" (or [tf-cpu])',
    "jax": 'pip install "keras-vision-transformer[jax]"',
    "torch": "pip install torch",
}

# Information in both of TensorFlow's forms ("I0000 00:00:17..." and "2026-01-01
# 12:00:00.0: I tensorflow/..."), what stands around it, and what builds for GPUs say at
# every start. Errors, fatal ones and other warnings are not among them.
_NOISE = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) is called"
    r"|I\d{4} "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: I "
    r"|To enable the following instructions: "
    r"|.*Unable to register cu(DNN|FFT|BLAS) factory"
    r"|.*computation placer already registered"
    r"|.*TF-TRT Warning: Could not find TensorRT"
)


def check_environment():
    """Explains a missing backend, and a foreign package of the same import name.

    Raises:
        ImportError: if the backend that Keras is set to use is not installed.
    """
    if is_command():  # in a program, the level is the programmer's business
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with without_noise():
            import keras  # noqa: F401
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in INSTALL_LINES:
            raise
        raise ImportError(
            f"Keras is set to use {missing}, which is not installed. Install it with "
            f"{INSTALL_LINES[missing]}, or choose another backend: set the environment "
            'variable KERAS_BACKEND to "tensorflow", "jax" or "torch" before the '
            "first import.",
            name=missing,
        ) from error
    # The index has an unrelated project named `keras-vit` with our import name.
    try:
        version = importlib.metadata.version("keras-vit")
    except importlib.metadata.PackageNotFoundError:
        return
    warnings.warn(
        f"The unrelated package `keras-vit` {version} is installed beside "
        "`keras-vision-transformer`. Both are imported as `keras_vit` and their files "
        "overwrite each other. Run `pip uninstall keras-vit`, then "
        "`pip install --force-reinstall --no-deps keras-vision-transformer`.",
        stacklevel=3,
    )


@contextlib.contextmanager
def without_noise():
    """Keeps stderr back inside the block, and then writes what is no noise.

    TensorFlow's C++ libraries write to the file descriptor, before any of their log
    settings are read. Where the block fails, all comes out.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as file:
        failed = True
        _flush()
        os.dup2(file.fileno(), 2)
        try:
            yield
            failed = False
        finally:
            _flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file:
                if failed or not _NOISE.match(line.decode("utf-8", "replace")):
                    with contextlib.suppress(OSError):
                        os.write(2, line)


def _flush():
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
