"""Module attributes that are imported on first use."""

import importlib


def lazy_attributes(namespace, homes):
    """`__getattr__`, `__dir__` and `__all__` for the face of a package.

    Args:
        namespace: The face's `globals()`.
        homes: Dictionary of modules, their paths below `keras_vit`, to the names that
            are imported from them. A module without names is an attribute itself.

    Example:

    >>> homes = {"training.run.train": ["Result", "train"], "data.steps": []}
    >>> __getattr__, __dir__, __all__ = lazy_attributes(globals(), homes)
    """
    modules = {name: home for home, names in homes.items() for name in names}
    modules |= {
        home.rpartition(".")[2]: home for home, names in homes.items() if not names
    }

    def __getattr__(name):
        if name not in modules:
            package = namespace["__name__"]
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = modules[name]
        value = importlib.import_module(f"keras_vit.{home}")
        if homes[home]:
            value = getattr(value, name)
        namespace[name] = value
        return value

    def __dir__():
        return sorted({*namespace, *modules})

    return __getattr__, __dir__, sorted(modules)
