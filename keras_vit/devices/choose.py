"""`strategy`: finds the available devices, or those that were asked for."""

import logging

import keras

from keras_vit.devices.active import active
from keras_vit.devices.context import Strategy
from keras_vit.devices.request import parse_devices

logger = logging.getLogger(__name__)


def strategy(devices="auto", *, model_parallel=1):
    """Finds the devices to train on, and makes one `Strategy` of them.

    A TPU is used where there is its hardware; else all GPUs; else one CPU. Several
    processes train together where `TF_CONFIG` or `KERAS_DISTRIBUTION_JOB_ADDRESSES`,
    `_NUM_PROCESSES` and `_PROCESS_ID` say so; on the hosts of a TPU slice, JAX knows by
    itself. Under the TensorFlow backend this gives a `TPUStrategy`,
    `MultiWorkerMirroredStrategy` or `MirroredStrategy`, under JAX a
    `keras.distribution.DataParallel` or `ModelParallel`, and for one device neither.
    Call it before anything else uses the backend.

    Args:
        devices: `"auto"`, or `"cpu"`, `"gpu"` or `"tpu"`, with a number for so many of
            this process: `"gpu:2"`. `"cpu:8"` makes eight devices of one CPU, to try
            out what several do; it is not faster. Where several processes train
            together, TensorFlow uses one CPU device of each.
        model_parallel: Integer, devices that share one copy of the model, each with a
            slice of its blocks (JAX backend only). Must divide the number of devices.
            Defaults to `1`: every device has a whole copy.

    Returns:
        A `Strategy`.

    Raises:
        ValueError: if the devices are not there, or the backend cannot use them.

    Example:

    >>> strategy = keras_vit.training.strategy("cpu:2")
    >>> with strategy.scope():
    ...     model = keras_vit.ViT_S16(10)
    """
    found = find(devices, model_parallel)
    logger.info("Devices: %s.", found)
    return found


def find(devices="auto", model_parallel=1):
    """As `strategy`, without logging what was found."""
    request = parse_devices(devices)
    backend = keras.backend.backend()
    if model_parallel < 1 or (model_parallel > 1 and backend != "jax"):
        raise ValueError(
            "`model_parallel` must be a positive integer, and more than 1 needs the "
            "JAX backend: set the environment variable KERAS_BACKEND=jax. "
            f"Received: model_parallel={model_parallel}, backend {backend!r}"
        )
    if backend == "tensorflow":
        from keras_vit.devices.on_tensorflow import tensorflow_strategy

        found = tensorflow_strategy(request)
    elif backend == "jax":
        from keras_vit.devices.on_jax import jax_strategy

        found = jax_strategy(request, model_parallel)
    else:
        if request.kind not in (None, "cpu") or (request.count or 1) > 1:
            raise ValueError(
                "Devices can be chosen under the TensorFlow and JAX backends. "
                f"Received: backend {backend!r}"
            )
        found = Strategy(backend)
    if model_parallel > 1 and found.num_devices == 1:
        raise ValueError(
            "`model_parallel` must divide the number of devices. "
            f"Received: model_parallel={model_parallel}, 1 device"
        )
    return found


def as_strategy(devices):
    """A `Strategy` from one, from what `strategy` takes, or the one in force."""
    if isinstance(devices, Strategy):
        return devices
    return active() or strategy(devices)
