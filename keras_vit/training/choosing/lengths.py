"""What a run of another length keeps of its recipe."""

import dataclasses
import logging

from keras_vit.data.sets.sizes import num_training_examples
from keras_vit.training.datasets import load_data

logger = logging.getLogger(__name__)

# Updates at the beginning and at the end, which a recipe chooses for its own length.
PARTS = ("warmup_steps", "cooldown_steps")


def keep_shares(recipe, base, given=()):
    """The shares of warm-up and cool-down that another recipe has.

    Args:
        recipe: A `Recipe`, which may be longer or shorter than `base`. Where its
            length is in epochs and the size of its data is not known, the data are
            loaded.
        base: The `Recipe` that it was made of.
        given: Names of fields, which stay as they are.

    Returns:
        A `Recipe`: the same one, or one whose warm-up and cool-down fit its length.

    Raises:
        ValueError: if the data must be loaded and cannot.

    Example:

    >>> base = keras_vit.training.recipe("vit_finetune_pets")  # 100 of 500 updates
    >>> keep_shares(dataclasses.replace(base, total_steps=10), base).warmup_steps
    2
    """
    names = [name for name in PARTS if name not in given and getattr(base, name)]
    same = (recipe.epochs, recipe.total_steps) == (base.epochs, base.total_steps)
    if same or not names:
        return recipe
    total, before = _updates(recipe, recipe), _updates(base, recipe)
    changes = {n: min(total * getattr(base, n) // before, total - 1) for n in names}
    for name, value in changes.items():
        logger.info(
            "%s is %d instead of %d, the same share of a run of %d updates.",
            *(name, value, getattr(base, name), total),
        )
    return dataclasses.replace(recipe, **changes)


def _updates(recipe, loadable):
    """The updates of a run; on the data of another recipe where its own are unknown."""
    if recipe.total_steps is not None:
        return recipe.total_steps
    images = num_training_examples(recipe.data)
    if images is None:
        # To read every image, for the few that may be broken, would take too long.
        train_data, _ = load_data(dataclasses.replace(loadable, corrupt="error"))
        images = train_data.num_examples
    return recipe.resolve_steps(images // min(recipe.batch_size, images))
