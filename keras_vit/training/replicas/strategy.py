"""The `tf.distribute` strategy that a model was made under."""

import contextlib


def num_replicas(model):
    """The replicas over which `fit` splits a batch: 1 without a `tf.distribute`
    strategy, and on other backends, where one program spans all devices."""
    strategy = getattr(model, "distribute_strategy", None)
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope(model):
    """A context in which the variables of optimizer and metrics are made.

    That of the strategy under which the model was made, if there is one.
    """
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()
