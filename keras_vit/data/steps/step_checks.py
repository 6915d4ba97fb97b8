"""What the arguments of steps may be: checked when a step is made, before any image."""

import difflib
import math
import numbers

METHODS = (
    *("bilinear", "nearest", "bicubic", "area"),
    *("lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
)
MODES = ("constant", "reflect", "symmetric")


def check_lengths(step, *fields, least=1):
    """Raises unless the fields are integers of `least` or more, pixels."""
    for field in fields:
        value = getattr(step, field)
        if not isinstance(value, numbers.Integral) or value < least:
            kind = "a positive integer" if least else "an integer, 0 or more"
            raise _error(step, field, f"must be {kind}, pixels")


def check_method(step):
    """Raises unless TensorFlow can resize so."""
    _check_name(step, "method", METHODS)


def check_mode(step):
    """Raises unless TensorFlow can pad so."""
    if not isinstance(step.mode, str) or step.mode.lower() not in MODES:
        _check_name(step, "mode", MODES)  # to TensorFlow, capital letters are the same


def check_probability(step):
    """Raises unless the probability is one."""
    if not _is_number(step.probability) or not 0 <= step.probability <= 1:
        raise _error(step, "probability", "must lie in [0, 1]")


def check_pixel(step, field="value"):
    """Raises unless the field is a value that a pixel can have."""
    value = getattr(step, field)
    if not _is_number(value) or not 0 <= value <= 255:
        raise _error(step, field, "must lie in [0, 255]")


def check_range(step):
    """Raises unless black and white become two different numbers."""
    both = (step.low, step.high)
    if not all(map(_is_number, both)) or step.low == step.high:
        raise ValueError(
            f"`low` and `high` of {type(step).__name__}, the values of black and "
            f"white, must be two different numbers. Received: low={step.low!r}, "
            f"high={step.high!r}"
        )


def _is_number(value):
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _check_name(step, field, known):
    name = getattr(step, field)
    if name in known:
        return
    close = difflib.get_close_matches(str(name), known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise _error(step, field, f"must be one of {', '.join(known)}", hint)


def _error(step, field, rule, hint=""):
    return ValueError(
        f"`{field}` of {type(step).__name__} {rule}. "
        f"Received: {field}={getattr(step, field)!r}.{hint}"
    )
