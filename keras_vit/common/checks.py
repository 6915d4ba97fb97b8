"""Checks of arguments: each error names the rule and what was received."""

import numbers

from keras_vit.common.wording import hint

# What other projects call a choice of this package: kinds of pooling.
SYNONYMS = {"avg": "gap", "average": "gap", "mean": "gap", "cls": "token"}


def is_integer(value):
    """Whether a value is an integer, of Python or NumPy, and no boolean."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value):
    """Whether a value is a real number, of Python or NumPy, and no boolean."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_choice(value, choices, name):
    """Raises unless `value` is one of `choices`, naming the closest one."""
    if value not in choices:
        meant = SYNONYMS.get(value, value) if isinstance(value, str) else value
        asked = hint(meant if meant in choices else value, choices)
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}.{asked}"
        )


def check_boolean(**values):
    """Raises unless every value is `True` or `False`."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(
                f"`{name}` must be True or False. Received: {name}={value!r}"
            )


def check_positive(**values):
    """Raises unless every value is a positive integer."""
    for name, value in values.items():
        if not is_integer(value) or value < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value!r}"
            )


def check_rate(**values):
    """Raises unless every value is a number in [0, 1)."""
    for name, value in values.items():
        if not is_number(value) or not 0 <= value < 1:
            raise ValueError(
                f"`{name}` must be a number in [0, 1). Received: {name}={value!r}"
            )
