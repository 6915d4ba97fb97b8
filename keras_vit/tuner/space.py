"""The search space: what is searched by default, and what may be searched."""

import dataclasses

from keras_vit.common.wording import hint
from keras_vit.models.variants.listing import canonical_name
from keras_vit.training.model_arguments import SMALL, family_of
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.recipes.text import fields_of
from keras_vit.tuner.ranges import Between, Choices, around

# The alpha of mixup, which a recipe writes behind its augmentation.
MIXUP = "mixup"

# They decide what is learned and by what it is judged: trials that differ in them
# cannot be compared.
FIXED = {
    *(field.name for g in ("data", "pretraining") for field in fields_of(Recipe, g)),
    "seed",
} - {"augment"}

# From weak to strong. The levels of AugReg mix images, too, from light2 on; here that
# is a choice of its own.
LEVELS = (
    *("none", "flip", "crop_flip", "inception", "augreg_light1"),
    *("inception_crop|flip|randaugment(2,10)", "inception_crop|flip|randaugment(2,15)"),
)
ALPHAS = (0.0, 0.1, 0.2, 0.5)

RATE = 5  # a factor, to both sides of the recipe's own
DECAY = 10


def vit_space(recipe):
    """What is searched around the recipe of a ViT or hybrid, in pretraining too."""
    space = {
        "learning_rate": around(recipe.learning_rate, RATE),
        "weight_decay": _decay(recipe),
        "dropout_rate": Between(0.0, 0.3),
        "drop_path_rate": Between(0.0, 0.3),
        "augment": Choices(_with(recipe.augment, LEVELS)),
    }
    if recipe.masked_target is None:
        space[MIXUP] = Choices(ALPHAS)
    if "num_layers" in SMALL.get(recipe.model, ()):
        space["num_layers"] = Between(2, 8)
        space["hidden_dim"] = Choices((64, 96, 128, 192))
    elif recipe.model in SMALL:
        space["width_factor"] = Choices((0.5, 1.0, 1.5))
    elif recipe.weights is None:
        sizes = ("ViT_Ti16", "ViT_S16", "ViT_B16")
        space["model"] = Choices(_with(canonical_name(recipe.model), sizes))
    return space


def bit_space(recipe):
    """What is searched around the recipe of a BiT ResNet."""
    sizes = ("BiT_R50x1", "BiT_R101x1", "BiT_R50x3")
    levels = ("none", "flip", "resize_crop", "inception")
    space = {
        "learning_rate": around(recipe.learning_rate, RATE),
        "weight_decay": _decay(recipe),
        "augment": Choices(_with(recipe.augment, levels)),
        MIXUP: Choices(ALPHAS),
    }
    if recipe.model in SMALL:
        space["width_factor"] = Choices((0.5, 1.0, 1.5))
    else:
        space["model"] = Choices(_with(canonical_name(recipe.model), sizes))
    return space


def default_space(recipe):
    """What is searched around a recipe by default."""
    return bit_space(recipe) if is_bit(recipe) else vit_space(recipe)


def is_bit(recipe):
    """Whether the recipe's model is a BiT ResNet."""
    return family_of(recipe.model) == "bit"


def own_values(recipe):
    """The values that a recipe has already, field to value."""
    values = dict(vars(recipe))
    # What the models do where a recipe says nothing.
    usual = {"dropout_rate": 0.0, "drop_path_rate": 0.0}
    usual |= SMALL.get(recipe.model, {})
    values |= {k: v for k, v in usual.items() if values[k] is None}
    return {MIXUP: 0.0, **values}


def with_values(recipe, values):
    """The recipe with other values in some fields.

    A new `hidden_dim` takes `mlp_dim` along, in proportion, unless that is given too;
    `mixup` becomes a step behind the augmentation.

    Raises:
        ValueError: if the values contradict each other.
    """
    fields = dict(values)
    alpha = fields.pop(MIXUP, 0.0)
    if alpha:
        augment = fields.get("augment", recipe.augment)
        fields["augment"] = f"{augment}|mixup({alpha:g})"
    if "hidden_dim" in fields and "mlp_dim" not in fields:
        own = own_values(recipe)
        fields["mlp_dim"] = fields["hidden_dim"] * own["mlp_dim"] // own["hidden_dim"]
    return dataclasses.replace(recipe, **fields)


def check_space(space, recipe):
    """Raises a `ValueError` naming the first field that cannot be searched so."""
    known = list(vars(recipe))
    for name, values in space.items():
        if name not in (*known, MIXUP):
            raise ValueError(
                f"A recipe has no field {name!r}. Received: {name}={values}."
                f"{hint(name, known)}"
            )
        if name in FIXED or isinstance(getattr(recipe, name, None), tuple):
            raise ValueError(
                f"`{name}` cannot be searched: trials must have the same data and the "
                f"same task to be compared. Received: {name}={values}"
            )
        for value in values.ends:  # the field's own rules, before any trial
            with_values(recipe, {name: value})


def _decay(recipe):
    own = recipe.weight_decay
    return around(own, DECAY) if own else Choices((0.0, 1e-4, 1e-3, 1e-2))


def _with(own, values):
    """The values, and the recipe's own before them if it is none of them."""
    return values if own in values else (own, *values)
