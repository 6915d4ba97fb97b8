"""Sums over a whole batch, also where each device has a part of it."""

import keras


def global_sum(value):
    """The sum of a value over all replicas; the value itself on one device.

    For divisors such as the number of objects: a loss that divides by those of its own
    part of the batch would depend on how many devices there are. Gradients do not pass.

    Args:
        value: Tensor. Under `tf.distribute`, called in the code of a replica, outside
            loops. Under JAX a batch is one array, however it lies on devices.
    """
    value = keras.ops.stop_gradient(value)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
    return value
