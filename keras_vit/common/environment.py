"""Checks of the installation at import: a missing backend, a conflicting package."""

import contextlib
import importlib.metadata
import os
import sys
import warnings

from keras_vit.common.interrupts import is_command

INSTALL_LINES = {
    "tensorflow": 'pip install "keras-vision-transformer[tf]" (or [tf-cpu])',
    "jax": 'pip install "keras-vision-transformer[jax]"',
    "torch": "pip install torch",
}


def check_environment():
    """Explains a missing backend, and a foreign package of the same import name.

    Raises:
        ImportError: if the backend that Keras is set to use is not installed.
    """
    try:
        with _quiet_stderr() if is_command() else contextlib.nullcontext():
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
def _quiet_stderr():
    """Drops what TensorFlow's C++ libraries write while they load.

    They write to the file descriptor, before any of their log settings are read. In
    a program these lines are the programmer's business; a command's user wants only
    the command's own messages.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
