"""Recipes and their differences as text."""

import dataclasses

from keras_vit.common.tables import aligned

# The groups of fields, in the order of the sentence "data go through a model, which an
# optimizer changes along a schedule".
GROUPS = ("data", "pretraining", "model", "weights", "regularisation", "length")
GROUPS += ("schedule", "optimizer", "memory", "machine")

# Fields that only some values of `decay` read.
_DECAY_OF = {
    "decay_end": "linear",
    "decay_timescale": "rsqrt",
    "decay_at": "bit",
    "decay_to": "bit",
    "decay_every": "exponential",
    "decay_factor": "exponential",
}


def fields_of(recipe, group):
    """The fields of a recipe, or of `Recipe`, that are printed in a group."""
    fields = dataclasses.fields(recipe)
    return [field for field in fields if field.metadata["group"] == group]


def as_text(recipe):
    """A recipe in groups of lines, without what it leaves to the data or model."""
    lines = []
    for group in GROUPS:
        head = group
        for field in fields_of(recipe, group):
            if _says_something(recipe, field):
                value = _value(getattr(recipe, field.name))
                lines.append(f"{head:<16}{field.name:<24}{value}")
                head = ""
    return "\n".join(lines)


def _says_something(recipe, field):
    value = getattr(recipe, field.name)
    if value is None or value == ():
        return False
    if field.name == "corruption_rate":
        return recipe.masked_target is not None
    if field.name in _DECAY_OF:
        return recipe.decay == _DECAY_OF[field.name]
    # What hardly anybody changes is shown where it was changed.
    return not field.metadata["rare"] or value != field.default


class Difference(dict):
    """Name of a field to `(own value, the other's value)`; prints as a table."""

    def __str__(self):
        rows = [(name, *map(_value, values)) for name, values in self.items()]
        return aligned(rows) if rows else "no difference"


def _value(value):
    if value is None:
        return "-"
    if isinstance(value, (tuple, list)):
        return " ".join(map(_value, value)) or "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value >= 10_000 else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
