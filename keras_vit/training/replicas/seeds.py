"""Dropout, stochastic depth and masks that differ between replicas."""

import keras
import tensorflow as tf


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator whose draws are another function of its state on each replica.

    The state is the same everywhere, so that checkpoints and restarts stay simple.
    With Keras's own generator every replica draws the same mask (keras issue 20611).
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return seed
        replica = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return tf.random.fold_in(seed, replica)


def draw_per_replica(model):
    """Lets every seed generator inside a model draw anew on each replica.

    That of any layer, Keras's own included. Outside a strategy they draw what they
    drew before.
    """
    for layer in model._flatten_layers():
        for generator in layer._seed_generators:
            # In place: the state has a name and an owner already.
            generator.__class__ = ReplicaSeedGenerator
