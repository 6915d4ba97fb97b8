"""Which step is compiled: of a whole model, or of one with fewer blocks."""

import dataclasses
import math
import re

from keras_vit.costs.chips import CHIPS
from keras_vit.models.variants.rows import HYBRID_VARIANTS, VIT_VARIANTS
from keras_vit.training.model_arguments import model_arguments


def find_chip(topology):
    """The facts of a topology's devices, and their number.

    Raises:
        ValueError: if it is not written as `"v5e:2x4"`, or the chip is not known.
    """
    name, _, shape = topology.partition(":")
    if name not in CHIPS or not re.fullmatch(r"\d+(x\d+)*", shape):
        raise ValueError(
            f"`topology` must be a generation ({', '.join(CHIPS)}) and its chips along "
            f"each side, such as 'v5e:2x4'. Received: topology={topology!r}"
        )
    chip = CHIPS[name]
    return chip, chip.devices * math.prod(map(int, shape.split("x")))


def step_request(recipe, topology, num_classes, num_layers=None, backend="jax"):
    """The step as `compiling.compile_step` wants it, perhaps with fewer blocks."""
    recipe = dataclasses.replace(recipe, weights=None)
    arguments = model_arguments(recipe, native_size=None, num_channels=3)
    arguments.setdefault("image_size", 224)
    constructor = None
    if num_layers is not None:
        constructor, sizes = _sizes(recipe)
        arguments = {**arguments, **sizes, "num_layers": num_layers}
    return {
        "recipe": recipe.to_json(),
        "constructor": constructor,
        "arguments": arguments,
        "num_classes": num_classes,
        "batch_size": recipe.batch_size,
        "total_steps": recipe.total_steps or 1_000_000,
        "topology": topology,
        "backend": backend,
    }


def _sizes(recipe):
    """Constructor and sizes of a model with a number of blocks."""
    if recipe.model == "small":
        return "ViT", {}
    for constructor, rows in (("ViT", VIT_VARIANTS), ("HybridViT", HYBRID_VARIANTS)):
        if recipe.model in rows:
            sizes = dataclasses.asdict(rows[recipe.model])
            sizes.pop("params")
            return constructor, sizes
    raise ValueError(
        "The quick mode compiles models of one and two equal blocks, which a ResNet "
        f"does not have. Received: model={recipe.model!r}. Compile it in full."
    )


def depth_of(recipe):
    """The number of blocks of a recipe's model."""
    _, sizes = _sizes(recipe)
    return (
        sizes.get("num_layers")
        or step_request(recipe, "", 1)["arguments"]["num_layers"]
    )
