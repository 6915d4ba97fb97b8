"""Optimizers that see the gradient of the global batch."""

import functools

import keras
import tensorflow as tf


def reduce_first(optimizer):
    """Lets an optimizer sum the gradients over the replicas before all else.

    Keras sums last: norms are clipped on each replica by itself, so that the limit
    depends on their number; a loss scale looks for overflows on the first replica only;
    and what it decides inside a `cond`, such as when averages overwrite the weights,
    cannot wait for the other replicas and fails.

    Args:
        optimizer: A `keras.optimizers.Optimizer`, changed in place: what was excluded
            from its weight decay is not part of its configuration.

    Raises:
        ValueError: if it accumulates gradients itself.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is None:
        _become(optimizer, _SumsFirst, _Summed)
        inner = optimizer
    else:
        _become(optimizer, _SumsFirst)
        _become(inner, _Summed)
    if inner.gradient_accumulation_steps:
        raise ValueError(
            "`gradient_accumulation_steps` of an optimizer counts batches, and fails "
            "on several replicas. Received: gradient_accumulation_steps="
            f"{inner.gradient_accumulation_steps}. Use `accumulation_steps` of the "
            "recipe, which splits the batch."
        )
    # Keras must not see it: `_Summed` does it, without a `cond`.
    inner.overwrite_every = inner.ema_overwrite_frequency
    inner.ema_overwrite_frequency = None


def _become(optimizer, *mixins):
    if not isinstance(optimizer, mixins):
        optimizer.__class__ = _mixed(type(optimizer), mixins)


@functools.cache
def _mixed(cls, mixins):
    return type(cls.__name__, (*mixins, cls), {})


class _SumsFirst:
    """Gradients are summed over the replicas when they come in."""

    def apply(self, grads, trainable_variables=None):
        context = tf.distribute.get_replica_context()
        grads = list(grads)
        places = [i for i, gradient in enumerate(grads) if gradient is not None]
        sums = context.all_reduce(
            tf.distribute.ReduceOp.SUM, [grads[i] for i in places]
        )
        for place, value in zip(places, sums):
            grads[place] = value
        super().apply(grads, trainable_variables)


class _Summed:
    """Gradients are sums already: the rest is the same computation everywhere."""

    # Nothing here may be kept on the optimizer for a while: replicas take turns.

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)

    def _backend_apply_gradients(self, grads, trainable_variables):
        super()._backend_apply_gradients(grads, trainable_variables)
        if self.use_ema and self.overwrite_every:
            count = keras.ops.convert_to_tensor(self.iterations) + 1
            due = tf.equal(count % self.overwrite_every, 0)
            averages = self._model_variables_moving_average
            for variable, average in zip(self._trainable_variables, averages):
                value = tf.where(
                    due,
                    keras.ops.convert_to_tensor(average),
                    keras.ops.convert_to_tensor(variable),
                )
                variable.assign(value)

    def get_config(self):
        return {**super().get_config(), "ema_overwrite_frequency": self.overwrite_every}
