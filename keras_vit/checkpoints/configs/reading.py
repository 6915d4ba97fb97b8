"""Reads the values of a configuration, each with its type and its bounds."""

import math
from dataclasses import dataclass, field

from keras_vit.checkpoints.preparation import INTERPOLATIONS, Preparation
from keras_vit.common.wording import hint

# The activations of configurations, as far as this package has them.
GELUS = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_accurate": "tanh",
    "gelu_tanh": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "gelu_python_tanh": "tanh",
    "quick_gelu": "quick",
    "quickgelu": "quick",
}
# Sizes that a configuration may claim, so that none asks for all of the memory.
_LARGEST_SIDE, _MOST = 16384, 100_000


@dataclass(frozen=True)
class Description:
    """What a configuration says of a model.

    Attributes:
        facts: Arguments of which the arrays show nothing, such as `gelu`.
        arguments: Other arguments of the constructor.
        sizes: `(name in the configuration, argument, value)` of what arrays show too.
        aside: `(beginning of a path, what it is)` of variables that take no part.
        preparation: A `Preparation`, or `None` where nothing is said.
        class_names: List of strings, or `None`.
        notes: Sentences that the user should read.
    """

    facts: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=dict)
    sizes: tuple = ()
    aside: tuple = ()
    preparation: Preparation | None = None
    class_names: list | None = None
    notes: tuple = ()


class Values:
    """A dictionary of a configuration, whose values are checked as they are read.

    Args:
        values: Dictionary.
        origin: String, the file for messages.
        where: String, which part of the configuration this is.
    """

    def __init__(self, values, origin, where="config.json"):
        if not isinstance(values, dict):
            raise ValueError(
                f"The {where} of {origin} must be a JSON object. Received: "
                f"{values!r:.80}"
            )
        self.values, self.origin, self.where = values, origin, where

    def __contains__(self, name):
        return self.values.get(name) is not None

    def error(self, name, why):
        """A ValueError that names the key and its value."""
        return ValueError(
            f"The {self.where} of {self.origin} says {name}="
            f"{_short(self.values.get(name))}, which {why}. Fetch the file again if it "
            "is damaged, or use the model with the project that wrote it."
        )

    def part(self, name):
        """Another dictionary in this one, empty where it is missing."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.error(name, "must be a JSON object")
        return Values(value or {}, self.origin, f"{self.where} ({name})")

    def text(self, name, default=None):
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(name, "must be a string")
        return value

    def flag(self, name, default=False):
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(name, "must be true or false")
        return value

    def integer(self, name, default=None, most=_MOST):
        value = self.values.get(name)
        if value is None:
            return default
        if not _is_integer(value) or not 1 <= value <= most:
            raise self.error(name, f"must be an integer from 1 to {most}")
        return int(value)

    def number(self, name, default=None, low=0.0, high=math.inf):
        value = self.values.get(name)
        if value is None:
            return default
        if not _is_number(value) or not low < value <= high:
            raise self.error(name, f"must be a number in ({low}, {high}]")
        return float(value)

    def size(self, name, default=None):
        """`(height, width)` from an integer or a pair."""
        value = self.values.get(name)
        if value is None:
            return default
        pair = value if isinstance(value, (list, tuple)) else [value, value]
        sides = all(_is_integer(v) and 1 <= v <= _LARGEST_SIDE for v in pair)
        if len(pair) != 2 or not sides:
            raise self.error(
                name, f"must be one or two integers from 1 to {_LARGEST_SIDE}"
            )
        return int(pair[0]), int(pair[1])

    def channels(self, name, default=None):
        """A tuple of one number for each channel, from a number or a list."""
        value = self.values.get(name)
        if value is None:
            return default
        several = value if isinstance(value, (list, tuple)) else [value]
        if not several or not all(map(_is_number, several)) or len(several) > 64:
            raise self.error(name, "must be a list of numbers")
        return tuple(map(float, several))

    def require(self, defaults):
        """Raises for each value that is not the only one that this package has."""
        for name, only in defaults.items():
            value = self.values.get(name)
            only = only if isinstance(only, tuple) else (only,)
            same = (value == o and _kind(value) == _kind(o) for o in only)
            if value is None or any(same):
                continue
            raise self.error(
                name,
                f"keras_vit does not have: {name} must be "
                f"{' or '.join(map(repr, only))}",
            )

    def known(self, names):
        """Raises for a key of which nothing is known and that says something."""
        for name, value in self.values.items():
            if name in names or name.startswith("_") or value in (None, False):
                continue
            if value in ({}, []) or value == "":
                continue
            raise self.error(
                name,
                "is not known to keras_vit, so that it may change the outputs."
                f"{hint(name, names)} Remove it from the configuration if it does not",
            )

    def gelu(self, name, default):
        """The argument `gelu` of an activation's name."""
        activation = self.text(name, default)
        if activation not in GELUS:
            raise self.error(
                name,
                "is an activation that keras_vit does not have in a Transformer: "
                "gelu, gelu_tanh and quick_gelu it has",
            )
        return GELUS[activation]


def nearest_interpolation(name):
    """A kind of interpolation that there is: of the others, rare ones, bilinear."""
    return name if name in INTERPOLATIONS else "bilinear"


def names_in_order(labels):
    """Class names as a list, from a list or `{index: name}`; `None` if not whole."""
    if isinstance(labels, dict):
        if set(labels) != {str(i) for i in range(len(labels))}:
            return None
        labels = [labels[str(i)] for i in range(len(labels))]
    if not isinstance(labels, list) or not labels:
        return None
    generic = [f"LABEL_{i}" for i in range(len(labels))]
    if not all(isinstance(label, str) for label in labels) or labels == generic:
        return None
    return labels


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _kind(value):
    return "number" if _is_number(value) else type(value).__name__


def _is_integer(value):
    return _is_number(value) and value == int(value)


def _is_number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)
