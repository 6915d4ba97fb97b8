"""A recipe with batches of another size, scaled as its source scales it."""

import dataclasses
import logging

logger = logging.getLogger(__name__)

# What each value of `batch_scaling` does, and for whom.
SCALING = {
    "none": "rate and length stay, as in the ViT paper",
    "rate": "the rate grows with the batch, as in BiT's pre-training",
    "rate_and_steps": "the rate grows with the batch and the number of updates falls, "
    "as in the notebooks of BiT",
}
STEPS = ("total_steps", "warmup_steps", "evaluate_every", "cooldown_steps")


def scaled(recipe, batch_size):
    """The same run with batches of another size; see `Recipe.scaled_to`."""
    ratio = batch_size / recipe.batch_size
    changes = {"batch_size": batch_size}
    if recipe.batch_scaling != "none":
        changes["learning_rate"] = recipe.learning_rate * ratio
    if recipe.batch_scaling == "rate_and_steps":
        for name in STEPS:
            if getattr(recipe, name):
                changes[name] = max(1, round(getattr(recipe, name) / ratio))
    changed = dataclasses.replace(recipe, **changes)
    logger.info(
        "Batches of %d instead of %d: %s.\n%s",
        batch_size,
        recipe.batch_size,
        SCALING[recipe.batch_scaling],
        recipe.diff(changed),
    )
    return changed
