"""Finds a recipe by name: a published run, a file or a run folder."""

import os
from pathlib import Path

from keras_vit.common.regular import check_regular
from keras_vit.training.model_arguments import SMALL
from keras_vit.training.recipes.checks import SIZES
from keras_vit.training.recipes.recipe import Recipe, recipe
from keras_vit.training.recipes.records import read_json, read_record, recipe_of


def find_recipe(name):
    """The recipe of a published name, of a JSON file, or of a run folder.

    Args:
        name: String, a name from `list_recipes()`; or the path of a file that holds
            what `Recipe.to_json` gives, of a run.json, or of a run folder. A file
            need not name every field: the others have their defaults.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: if there is no such recipe, or the file holds none.
    """
    path = Path(name)
    if path.is_dir() and (path / "run.json").is_file():
        path = path / "run.json"
    elif not path.is_file():
        if os.path.lexists(path) and not path.is_dir():
            check_regular(path)  # says what it is
        if path.suffix == ".json" or len(path.parts) > 1:
            raise ValueError(f"There is no recipe in {name}: no such file.")
        return recipe(name)
    if path.name == "run.json":
        return recipe_of(read_record(path), path)
    try:
        values = read_json(path)
        if isinstance(values, dict):
            values = values.get("recipe", values)
        return Recipe.from_json(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold a recipe: {error}") from None


def model_of_run(path):
    """What a recipe must say to make the model of a run again, classes apart.

    Args:
        path: What `Recipe.weights` may be.

    Returns:
        A dictionary of `Recipe` fields; empty where `path` is no run folder.

    Raises:
        ValueError: if the folder's run.json is not the record of a run.
    """
    file = Path(path) / "run.json"
    if not file.is_file():
        return {}
    record = read_record(file)
    recipe = recipe_of(record, file)
    names = ("task", "head", "model", "image_size", "pooling", *SIZES)
    names += ("position_embedding", "position_scope")
    fields = {name: getattr(recipe, name) for name in names}
    model = record.get("resolved", {}).get("model", {})
    if recipe.model in SMALL:  # whose patches follow the images
        patch = model.get("patch_size", recipe.patch_size)
        fields["patch_size"] = patch[0] if isinstance(patch, list) else patch
        size = model.get("image_size", recipe.image_size)
        fields["image_size"] = tuple(size) if isinstance(size, list) else size
    if "num_channels" in model:
        fields["num_channels"] = model["num_channels"]
    return fields
