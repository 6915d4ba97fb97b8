"""A search is resumed with the settings that it has, and with no others."""

import dataclasses

from keras_vit.common.wording import display
from keras_vit.tuner.budget import Budget

_OF_BUDGET = tuple(field.name for field in dataclasses.fields(Budget))


def check_options(folder, *, recipe=None, space=None, fields=None, **given):
    """Raises unless what is given agrees with the settings of a search.

    Args:
        folder: A `SearchFolder`.
        recipe: A `Recipe`, or a dictionary of some of its fields.
        space: Dictionary of fields to their ranges.
        fields: Names of the fields that are searched, all of them.
        given: Fields of `SearchSettings` and of its budget; `None` is not given.

    Raises:
        ValueError: that lists what differs.
    """
    settings, lines = folder.settings(), []
    if recipe is not None:
        own = settings.recipe
        if isinstance(recipe, dict):
            recipe = dataclasses.replace(own, **recipe)
        lines += [(name, *values) for name, values in own.diff(recipe).items()]
    for name, values in (space or {}).items():
        lines.append((name, settings.space.get(name, "not searched"), values))
    if fields is not None and set(fields) != set(settings.space):
        lines.append(("fields", " ".join(settings.space), " ".join(fields)))
    for name, value in given.items():
        if value is not None:
            holder = settings.budget if name in _OF_BUDGET else settings
            lines.append((name, getattr(holder, name), value))
    text = "".join(
        f"\n  {name}: {old} in the search, {new} now"
        for name, old, new in lines
        if old != new
    )
    if text:
        raise ValueError(
            f"The search in {display(folder)} goes on with its own settings, and these "
            f"differ:{text}\nResume it without them, or start a new search in another "
            "folder."
        )
