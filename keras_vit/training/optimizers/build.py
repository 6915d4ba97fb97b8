"""Builds the optimizer of a recipe."""

import keras

from keras_vit.training.optimizers.layer_groups import rate_factors
from keras_vit.training.optimizers.schedules import WarmupSchedule
from keras_vit.training.optimizers.update_rules import DecoupledAdam, MomentumSGD


def build_optimizer(recipe, model, *, total_steps, settable_rate=False):
    """The optimizer of a recipe, for the variables of a model.

    AdamW with `beta_1` 0.9 and `beta_2` 0.999, or SGD with momentum; decoupled weight
    decay (multiplied by the current rate, as in the ViT paper) on kernels only, and
    gradients clipped at a global norm.

    AdamW's epsilon is Keras's, 1e-7 added to the uncorrected root; that of big_vision
    is 1e-8, added to the corrected one. With that, rounding would move what has no true
    gradient, such as the biases of attention's keys, and the weights would depend on
    the number of replicas.

    Args:
        recipe: A `Recipe`.
        model: A built Keras model.
        total_steps: Integer, the number of updates of the whole run.
        settable_rate: Boolean, whether a callback sets the learning rate of a recipe
            whose schedule is constant, without warm-up and cool-down.

    Returns:
        An unbuilt `keras.optimizers.Optimizer`.
    """
    schedule = build_schedule(recipe, total_steps)
    if settable_rate:
        schedule = recipe.learning_rate
    common = {"global_clipnorm": recipe.global_clipnorm}
    if recipe.ema_momentum is not None:
        # Without `ema_overwrite_frequency`, which fails under a strategy; evaluation
        # and export put the averages in themselves, see `averaging.py`.
        common.update(use_ema=True, ema_momentum=recipe.ema_momentum)
    plain = recipe.momentum_dtype == "float32" and recipe.layer_decay is None
    if recipe.optimizer == "adamw" and plain and recipe.momentum == 0.9:
        optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=recipe.weight_decay, **common
        )
        optimizer.exclude_from_weight_decay(var_list=not_decayed(model))
        return optimizer
    factors = None
    if recipe.layer_decay is not None:
        factors = rate_factors(model, recipe.layer_decay)
    rule = DecoupledAdam if recipe.optimizer == "adamw" else MomentumSGD
    return rule(
        schedule,
        recipe.momentum,
        momentum_dtype=recipe.momentum_dtype,
        decoupled_weight_decay=recipe.weight_decay,
        not_decayed=[variable.path for variable in not_decayed(model)],
        rate_factors=factors,
        **common,
    )


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
    )


def not_decayed(model):
    """The trainable variables that weight decay must leave alone.

    Everything but kernels: biases, scales of norms, position embeddings and the
    class token. This is the mask of the official code.
    """
    return [v for v in model.trainable_variables if v.name != "kernel"]
