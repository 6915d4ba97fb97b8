"""Ranges: the values that a search may give to one field of a recipe."""

import dataclasses
import math

from keras_vit.common.checks import is_number

# From this ratio of its ends on, a range is searched by orders of magnitude.
WIDE = 10


@dataclasses.dataclass(frozen=True)
class Between:
    """All numbers of a range, whole ones where both ends are whole numbers.

    Args:
        low: Integer or float, the smallest value.
        high: The largest value, above `low`.
        log: Boolean, whether each order of magnitude is searched as much as the next.
            By default where both ends are positive floats, ten times apart or more.

    Example:

    >>> Between(1e-4, 1e-2)
    Between(low=0.0001, high=0.01, log=True)
    """

    low: float
    high: float
    log: bool | None = None

    def __post_init__(self):
        finite = all(map(math.isfinite, (self.low, self.high)))
        if not finite or not self.low < self.high:
            raise ValueError(
                "The low end of a range must be below its high end. "
                f"Received: low={self.low}, high={self.high}"
            )
        if self.log is None:
            far = self.low > 0 and self.high / self.low >= WIDE
            object.__setattr__(self, "log", far and not self.is_whole)
        if self.log and self.low <= 0:
            raise ValueError(
                "A range by orders of magnitude must begin above 0. "
                f"Received: low={self.low}, log=True"
            )

    @property
    def is_whole(self):
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    # Whether there is one value only.
    is_fixed = False

    @property
    def ends(self):
        """The values to check: if the rules of the field allow them, they allow all."""
        return self.low, self.high

    def __contains__(self, value):
        return is_number(value) and self.low <= value <= self.high

    def value(self, drawn):
        """The value of a drawn number: floats are rounded to three digits."""
        return int(drawn) if self.is_whole else float(f"{drawn:.3g}")

    def declare(self, hp, name, default):
        """Registers the range with KerasTuner's `HyperParameters`; the drawn number."""
        default = default if default in self else None
        options = {"sampling": "log" if self.log else "linear", "default": default}
        kind = hp.Int if self.is_whole else hp.Float
        return kind(name, self.low, self.high, **options)

    def __str__(self):
        return f"{self.low:g}..{self.high:g}{' by magnitude' if self.log else ''}"


@dataclasses.dataclass(frozen=True)
class Choices:
    """Some values; a single one is no choice, but stays as it is.

    Args:
        values: Sequence of different values: all numbers, or all strings or booleans.
    """

    values: tuple

    def __post_init__(self):
        values = tuple(self.values)
        if any(isinstance(v, float) for v in values):
            values = tuple(float(v) if type(v) is int else v for v in values)
        object.__setattr__(self, "values", values)
        kinds = {type(value) for value in values}
        if len(kinds) != 1 or not kinds <= {bool, int, float, str}:
            raise ValueError(
                "Choices must be all numbers, all strings or all booleans, at least "
                f"one. Received: {list(values)}"
            )
        if len(set(values)) < len(values):
            raise ValueError(f"Choices must differ. Received: {list(values)}")

    @property
    def is_fixed(self):
        """Whether there is one value only."""
        return len(self.values) == 1

    @property
    def ends(self):
        """The values to check: all."""
        return self.values

    def __contains__(self, value):
        return value in self.values

    def value(self, drawn):
        """The value of what was drawn."""
        return drawn

    def declare(self, hp, name, default):
        """Registers the choice with KerasTuner's `HyperParameters`; what is drawn."""
        default = default if default in self else self.values[0]
        if self.is_fixed:
            return hp.Fixed(name, self.values[0])
        return hp.Choice(name, list(self.values), default=default)

    def __str__(self):
        return ", ".join(map(str, self.values))


def range_from_json(values):
    """The `Between` or `Choices` of its fields as a dictionary."""
    return Choices(values["values"]) if "values" in values else Between(**values)


def around(value, factor):
    """From a `factor`-th of a positive value to so many times of it, by magnitude."""
    low, high = (float(f"{end:.3g}") for end in (value / factor, value * factor))
    return Between(low, high, log=True)


def range_from_text(text):
    """The range that a string describes.

    Args:
        text: `"1e-4..1e-2"`, all numbers of a range, by magnitude where its ends are
            far apart; `"flip,crop_flip"`, some values; or one value. Commas in brackets
            belong to the value.

    Raises:
        ValueError: if it is none of these.

    Example:

    >>> range_from_text("0.0..0.3"), range_from_text("64,96")
    (Between(low=0.0, high=0.3, log=False), Choices(values=(64, 96)))
    """
    low, dots, high = text.partition("..")
    if dots:
        ends = [_value(end) for end in (low, high)]
        if not all(isinstance(end, int | float) for end in ends):
            raise ValueError(
                f"A range is written LOW..HIGH, as in 1e-4..1e-2. Received: {text!r}"
            )
        return Between(*ends)
    return Choices([_value(part) for part in _parts(text)])


def _parts(text):
    """What stands between the commas outside of brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _value(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.strip().lower(), text.strip())
