"""Module attributes that are imported at their first use."""

import importlib


def lazy_attributes(namespace, targets):
    """`__getattr__` and `__dir__` for a module.

    Args:
        namespace: The module's `globals()`.
        targets: Dictionary of attribute name to `"module"` or `"module:attribute"`.
    """

    def __getattr__(name):
        if name not in targets:
            module = namespace["__name__"]
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        module, _, attribute = targets[name].partition(":")
        value = importlib.import_module(module)
        if attribute:
            value = getattr(value, attribute)
        namespace[name] = value
        return value

    def __dir__():
        return sorted({*namespace, *targets})

    return __getattr__, __dir__
