"""Which weights a run keeps: the last, or those that did best on held-out images."""

# By what the best weights of each task are known.
BEST_BY = {"classification": "val_accuracy", "segmentation": "val_mean_iou"}
BEST_BY["detection"] = "val_loss"


def kept_row(recipe, history):
    """The row of a run's history whose weights model.keras has.

    Args:
        recipe: The run's `Recipe`, whose `keep` decides.
        history: List of dictionaries, a row for each test of the model, at least one.

    Returns:
        One of them; of several that are equally good, the first.
    """
    if recipe.keep == "last":
        return history[-1]
    name = BEST_BY[recipe.task]
    best = min if name == "val_loss" else max
    return best(history, key=lambda row: row[name])
