"""Whether a run chooses something by a score, and so needs a validation part."""


def chosen_by_score(recipe, callbacks=()):
    """What a run chooses by a score: test images must choose nothing.

    Args:
        recipe: A `Recipe`.
        callbacks: The user's callbacks. Those count that watch a `val_*` number.

    Returns:
        List of reasons in words, each a clause; empty where nothing is chosen.

    Example:

    >>> chosen_by_score(Recipe(keep="best"))
    ["keep='best' keeps the weights of the best epoch"]
    """
    reasons = []
    if recipe.keep == "best":
        reasons.append("keep='best' keeps the weights of the best epoch")
    if recipe.early_stopping:
        reasons.append(f"early_stopping={recipe.early_stopping} ends the training")
    if recipe.task == "multilabel" and recipe.validation_fraction != 0:
        # Without a validation part, thresholds are a half.
        reasons.append("task='multilabel' chooses a threshold for each label")
    for callback in callbacks:
        watched = getattr(callback, "monitor", None)
        if isinstance(watched, str) and watched.startswith("val_") and _acts(callback):
            reasons.append(f"{type(callback).__name__} watches {watched!r}")
    return reasons


def _acts(callback):
    """Whether it does something by what it watches; a checkpoint may save them all."""
    return getattr(callback, "save_best_only", True)
