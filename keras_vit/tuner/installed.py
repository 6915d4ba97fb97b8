"""What a search needs besides the package itself."""

import importlib.util

INSTALL = 'pip install "keras-vision-transformer[tuner]"'

# Module to the name that pip knows it by.
ALWAYS = {"keras_tuner": "keras-tuner"}
BAYESIAN = {"scipy": "scipy", "sklearn": "scikit-learn"}


def check_installed(needed=ALWAYS):
    """Raises an `ImportError` naming the first package that is not installed.

    Args:
        needed: Dictionary of modules, `ALWAYS` or `BAYESIAN`.
    """
    for module, package in needed.items():
        if importlib.util.find_spec(module) is None:
            raise ImportError(
                f"This search needs {package}, which is not installed: {INSTALL}",
                name=module,
            )
