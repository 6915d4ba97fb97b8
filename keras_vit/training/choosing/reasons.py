"""Why a field of a recipe is what it is."""


class Reason(str):
    """A sentence that says why, and the fields of a `Recipe` that it speaks of."""

    def __new__(cls, text, *fields):
        reason = super().__new__(cls, text)
        reason.fields = fields
        return reason


def with_changes(reasons, advised, recipe):
    """The reasons for a recipe, with what is otherwise in another one.

    Args:
        reasons: List of `Reason`.
        advised: The `Recipe` that they are for.
        recipe: The `Recipe` that was made of it.

    Returns:
        List of strings.
    """
    return [reason + _changes(reason.fields, advised, recipe) for reason in reasons]


def _changes(fields, advised, recipe):
    length = {"epochs": recipe.epochs, "total_steps": recipe.total_steps}
    changed = []
    for name in fields:
        # Of the length, the kind of it that the recipe has.
        names = [n for n in length if length[n]] if name in length else [name]
        changed += [n for n in names if getattr(recipe, n) != getattr(advised, n)]
    if not changed:
        return ""
    text = ", ".join(f"{name}={getattr(recipe, name)!r}" for name in changed)
    return f" Given instead: {text}."
