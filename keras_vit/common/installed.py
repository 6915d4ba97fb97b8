"""Checks for optional packages, and names the extra that installs them."""

import importlib.util


def is_installed(module):
    """Whether a module could be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def install_line(extra):
    """The command that installs an extra of this package."""
    return f'pip install "keras-vision-transformer[{extra}]"'


def need(what, extra, *modules, **packages):
    """Raises unless all modules are installed, naming those that are missing.

    Args:
        what: String, what needs them, as a sentence begins: `"This search"`.
        extra: String, the extra of this package that brings them.
        modules: Names of modules.
        packages: Names of modules, each with the name that pip knows it by.

    Raises:
        ImportError: with the line that installs the extra.

    Example:

    >>> need("This search", "tuner", keras_tuner="keras-tuner")
    """
    wanted = {**dict(zip(modules, modules)), **packages}
    missing = [module for module in wanted if not is_installed(module)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ImportError(
            f"{what} needs {', '.join(wanted[m] for m in missing)}, which {verb} not "
            f"installed: {install_line(extra)}",
            name=missing[0],
        )
