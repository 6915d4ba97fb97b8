"""The command `keras-vit recipes`."""

import dataclasses
from typing import Annotated, Literal

import tyro

from keras_vit.terminal import show


@dataclasses.dataclass
class Recipes:
    """List the published training runs, or print the recipe of one.

    To train with it: `keras-vit train --recipe NAME`; each field is also an option.
    """

    # One recipe, such as vit_finetune_cifar10, or a JSON file that holds one; all if
    # not given.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")
    ] = None
    # Compare with this other recipe: print the fields that differ.
    diff: str | None = None
    # Output format; JSON can be edited and passed to train --recipe.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.training.recipes.files import find_recipe
        from keras_vit.training.recipes.recipe import Recipe, list_recipes

        if self.name is None and self.diff is None:
            show(list_recipes(), self.format)
            return 0
        recipe = Recipe() if self.name is None else find_recipe(self.name)
        if self.diff is not None:
            show(recipe.diff(find_recipe(self.diff)), self.format)
        else:
            if self.format == "text":
                print(_origin(self.name), end="")
            show(recipe, self.format)
        return 0


def _origin(name):
    """What is known of a published run besides its recipe, or nothing."""
    from keras_vit.training.recipes.look_up import find_run

    try:
        run = find_run(name)
    except ValueError:  # a file
        return ""
    lines = [f"{'source':<16}{run.source}"]
    for field, values in run.sweep.items():
        tried = " ".join(f"{value:g}" for value in values)
        lines.append(f"{'tried':<16}{field:<24}{tried}")
    if run.note:
        lines.append(f"{'note':<16}{run.note}")
    return "\n".join(lines) + "\n\n"
