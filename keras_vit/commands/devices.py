"""The option `--devices` of the commands that compute."""

import contextlib
import logging


@contextlib.contextmanager
def on_devices(devices, model_parallel=1):
    """Inside the block, models live on the devices that were asked for.

    Where several processes run the command, all but the first one only complain.

    Yields:
        The `Strategy`.
    """
    from keras_vit.devices import strategy

    found = strategy(devices, model_parallel=model_parallel)
    if not found.is_chief:
        logging.getLogger("keras_vit").setLevel(logging.WARNING)
    with found.scope():
        yield found
