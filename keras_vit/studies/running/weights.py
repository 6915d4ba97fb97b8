"""Fetches the weights that cells begin with, before the first cell is trained."""

from keras_vit.checkpoints.registry import find_source
from keras_vit.models.variants.listing import canonical_name
from keras_vit.training.model_arguments import SMALL


class WeightsMissing(ValueError):
    """Weights that cells of a study begin with cannot be had."""


def fetch_weights(cells, folder):
    """Makes sure that all weights are on this machine; downloads those that are not.

    Args:
        cells: List of `Cell`, those that are to be run.
        folder: The `StudyFolder`. A cell that has saved a model of its own needs its
            first weights no more.

    Raises:
        WeightsMissing: naming all weights that cannot be had, and the cells that need
            them.
    """
    needed = {}
    for cell in cells:
        recipe = cell.recipe
        if recipe.weights is not None and not folder.run(cell.name).model.exists():
            named = None if recipe.model in SMALL else canonical_name(recipe.model)
            key = (recipe.weights, named, recipe.image_size)
            needed.setdefault(key, []).append(cell.name)
    missing = []
    for (weights, variant, size), names in needed.items():
        try:
            find_source(weights, variant, size)
        except (ValueError, OSError) as error:
            of = "" if variant is None else f" of {variant}"
            more = f" and {len(names) - 1} more cells" if len(names) > 1 else ""
            missing.append(f"{weights}{of}, for {names[0]}{more}: {error}")
    if missing:
        raise WeightsMissing(
            "Weights that cells begin with cannot be had, and no cell was begun:\n  "
            + "\n  ".join(missing)
            + "\nGive the same command again when they are there. The cells that have "
            "ended stay."
        )
