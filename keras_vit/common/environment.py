"""Checks of the installation at import: a missing backend, a conflicting package."""

import importlib.metadata
import os
import warnings

from keras_vit.common.interrupts import is_command
from keras_vit.common.noise import without_noise

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
