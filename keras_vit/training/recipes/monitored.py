"""What the tests of a run measure, and by which of these numbers tests are compared."""

# The numbers of each task that a test of the model gives, that by which tests are
# compared first. Boxes have their average precision at the end only.
MEASURED = {
    "classification": ("accuracy", "loss"),
    "multilabel": ("mean_ap", "loss"),
    "segmentation": ("mean_iou", "accuracy", "loss"),
    "detection": ("loss",),
}
PRETRAINING = ("loss", "accuracy", "commonest_colour", "visible_neighbours")


def measured(recipe):
    """The names of the numbers that a run has of each test, as in history.csv.

    Args:
        recipe: A `Recipe`.

    Returns:
        A tuple; those of the held-out images, which begin with `val_`, come first, and
        the first one is what tests are compared by.
    """
    names = MEASURED[recipe.task] if recipe.masked_target is None else PRETRAINING
    return (*(f"val_{name}" for name in names), *names, "learning_rate")


def monitored(recipe):
    """The number that compares tests, and whether less of it is better.

    Args:
        recipe: A `Recipe`.

    Returns:
        `(name, mode)`, the mode `"min"` or `"max"`.

    Example:

    >>> monitored(Recipe())
    ('val_accuracy', 'max')
    """
    name = recipe.monitor or measured(recipe)[0]
    mode = recipe.mode
    if mode == "auto":
        mode = "min" if name.endswith("loss") else "max"
    return name, mode


def best_row(recipe, history):
    """The best of some tests, the first of several that are equally good.

    Args:
        recipe: A `Recipe`.
        history: List of dictionaries, a row for each test, at least one.
    """
    name, mode = monitored(recipe)
    best = min if mode == "min" else max
    return best(history, key=lambda row: row[name])
