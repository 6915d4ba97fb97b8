"""The option `--devices` of the commands that compute."""

import contextlib
import logging

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def on_devices(devices, model_parallel=1):
    """Inside the block, models live on the devices that were asked for.

    If several processes run the command, only the first one logs and prints.

    Yields:
        The `Strategy`.
    """
    from keras_vit.devices.choose import find

    found = find(devices, model_parallel)
    if not found.is_chief:
        logging.getLogger("keras_vit").setLevel(logging.WARNING)
    logger.info("Devices: %s.", found)
    with found.scope():
        yield found
