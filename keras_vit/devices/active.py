"""The devices of the current scope."""

import keras

from keras_vit.devices.context import Strategy, entered


def active():
    """The `Strategy` whose scope is active, or `None`.

    Also where the scope is one of `tf.distribute` or `keras.distribution` itself.
    """
    found = entered()
    if found is not None:
        return found
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from keras_vit.devices.on_tensorflow import scope_of_tensorflow as scope_of
    elif backend == "jax":
        from keras_vit.devices.on_jax import scope_of_keras as scope_of
    else:
        return None
    return scope_of()


def current():
    """The `Strategy` whose scope is active; outside of any, one device."""
    found = active()
    return Strategy() if found is None else found
