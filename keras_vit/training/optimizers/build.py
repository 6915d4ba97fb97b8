"""Builds the optimizer of a recipe."""

import keras

from keras_vit.training.optimizers.layer_groups import rate_factors
from keras_vit.training.optimizers.scaled_rate import ScaledSchedule
from keras_vit.training.optimizers.schedules import WarmupSchedule
from keras_vit.training.optimizers.update_rules import (
    DecoupledAdam,
    MomentumSGD,
    TensorFlowRMSProp,
)

RULES = {
    "adamw": DecoupledAdam,
    "sgd": MomentumSGD,
    "rmsprop": TensorFlowRMSProp,
}

# Of norms, which have no kernel.
NORM_WEIGHTS = ("gamma", "beta")


def build_optimizer(recipe, model, *, total_steps, settable_rate=False):
    """The optimizer of a recipe, for the variables of a model.

    AdamW with `beta_1` 0.9 and `beta_2` 0.999, SGD with momentum, or RMSProp; weight
    decay (multiplied by the current rate, as in the ViT paper, or added to the
    gradient) on kernels only or on more, and gradients clipped at a global norm.

    AdamW's epsilon is Keras's, 1e-7 added to the uncorrected root; that of big_vision
    is 1e-8, added to the corrected one. With that, rounding would move what has no true
    gradient, such as the biases of attention's keys, and the weights would depend on
    the number of replicas.

    Args:
        recipe: A `Recipe`.
        model: A built Keras model.
        total_steps: Integer, the number of updates of the whole run.
        settable_rate: Boolean, whether a callback sets the learning rate. It is then a
            plain number where the recipe's schedule is one; else the schedule goes on
            from what was set.

    Returns:
        An unbuilt `keras.optimizers.Optimizer`.
    """
    schedule = build_schedule(recipe, total_steps)
    if settable_rate:
        plain = is_plain_rate(recipe)
        schedule = recipe.learning_rate if plain else ScaledSchedule(schedule)
    common = {"global_clipnorm": recipe.global_clipnorm}
    if recipe.ema_momentum is not None:
        # Without `ema_overwrite_frequency`, which fails under a strategy; evaluation
        # and export put the averages in themselves, see `averaging.py`.
        common.update(use_ema=True, ema_momentum=recipe.ema_momentum)
    kept = not_decayed(model, recipe.weight_decay_on)
    decoupled = recipe.weight_decay_form == "decoupled"
    plain = recipe.momentum_dtype == "float32" and recipe.layer_decay is None
    plain = plain and decoupled
    if recipe.optimizer == "adamw" and plain and recipe.momentum == 0.9:
        optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=recipe.weight_decay, **common
        )
        optimizer.exclude_from_weight_decay(var_list=kept)
        return _tracking(optimizer, schedule)
    factors = None
    if recipe.layer_decay is not None:
        factors = rate_factors(model, recipe.layer_decay)
    optimizer = RULES[recipe.optimizer](
        schedule,
        recipe.momentum,
        momentum_dtype=recipe.momentum_dtype,
        decoupled_weight_decay=recipe.weight_decay if decoupled else 0.0,
        l2_weight_decay=0.0 if decoupled else recipe.weight_decay,
        not_decayed=[variable.path for variable in kept],
        rate_factors=factors,
        **common,
    )
    return _tracking(optimizer, schedule)


def _tracking(optimizer, schedule):
    """The optimizer, with the factor of its schedule among its variables."""
    if isinstance(schedule, ScaledSchedule):
        # By which it is saved with the state, and known to a compiled step.
        optimizer._track_variable(schedule.scale)
    return optimizer


def is_plain_rate(recipe):
    """Whether the learning rate is one number: no decay, warm-up and cool-down."""
    parts = (recipe.decay, recipe.warmup_steps, recipe.cooldown_steps)
    return parts == ("constant", 0, 0)


def build_schedule(recipe, total_steps):
    """The learning rate of a recipe as a function of the update.

    Args:
        recipe: A `Recipe`.
        total_steps: Integer, the number of updates of the whole run.

    Returns:
        A `WarmupSchedule`.
    """
    return WarmupSchedule(
        recipe.learning_rate,
        total_steps,
        warmup_steps=recipe.resolve_warmup(total_steps),
        decay=recipe.decay,
        end=recipe.decay_end,
        timescale=recipe.decay_timescale,
        cooldown_steps=recipe.cooldown_steps,
        decay_at=[round(share * total_steps) for share in recipe.decay_at],
        decay_to=recipe.decay_to,
        every=recipe.decay_every * total_steps,
        factor=recipe.decay_factor,
    )


def not_decayed(model, decayed="kernels"):
    """The trainable variables that weight decay must leave alone.

    Args:
        model: A built model.
        decayed: As `Recipe.weight_decay_on`. Defaults to `"kernels"`: biases, scales of
            norms, position embeddings and the class token stay, which is the mask of
            the official code of ViT.
    """
    trained = model.trainable_variables
    if decayed == "kernels":
        return [v for v in trained if v.name != "kernel"]
    norms = NORM_WEIGHTS if decayed == "all_but_norms" else ()
    return [v for v in trained if v.name in norms]
