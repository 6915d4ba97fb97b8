"""Which weights a run keeps, when it ends before its time, and what it says of both."""

from keras_vit.training.recipes.monitored import best_row, monitored


def kept_row(recipe, history):
    """The row of a run's history whose weights model.keras has.

    Args:
        recipe: The run's `Recipe`, whose `keep` decides.
        history: List of dictionaries, a row for each test of the model, at least one.

    Returns:
        One of them; of several that are equally good, the first.
    """
    return history[-1] if recipe.keep == "last" else best_row(recipe, history)


def other_row(recipe, history):
    """The row whose weights last.keras or best.keras has, beside model.keras."""
    return history[-1] if recipe.keep == "best" else best_row(recipe, history)


def end_of_patience(recipe, history):
    """Why a run is to end after the tests that it has had, or `None`.

    That follows from the tests alone, so that a resumed run needs nothing else.

    Args:
        recipe: The run's `Recipe`, whose `early_stopping` is the patience.
        history: As for `kept_row`.
    """
    best = best_row(recipe, history) if recipe.early_stopping else history[-1]
    since = len(history) - 1 - history.index(best)
    if not recipe.early_stopping or since < recipe.early_stopping:
        return None
    name, _ = monitored(recipe)
    tests = "test" if since == 1 else f"{since} tests"
    return (
        f"Stopped early after test {len(history)}: {name} was best in test "
        f"{best['epoch']}, with {best[name]:.4g}, and not better in the {tests} since."
    )


def what_is_kept(recipe, judged, other):
    """What run.json says of the two files of weights.

    Args:
        recipe: The run's `Recipe`.
        judged: The row of the weights in model.keras.
        other: The row of those in the other file.

    Returns:
        A dictionary; its `said` is a sentence for people.
    """
    name, mode = monitored(recipe)
    file = "last.keras" if recipe.keep == "best" else "best.keras"
    of, instead = (
        f"test {row['epoch']} ({name} {row[name]:.4g})" for row in (judged, other)
    )
    has = f"has those of {instead}"
    if other["epoch"] == judged["epoch"]:
        has = "has the same weights"
    return {
        "monitor": name,
        "mode": mode,
        "model.keras": judged,
        file: other,
        "said": f"Judged is model.keras, of {of}; {file} {has}.",
    }
