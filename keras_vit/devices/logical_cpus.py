"""Several logical CPU devices in each process of a MultiWorkerMirroredStrategy.

TensorFlow gives a process that has no GPU one CPU device, whatever number of logical
ones it has. Several of them only serve to try out, without the hardware, what will run
on hosts of several GPUs each.
"""

import contextlib


@contextlib.contextmanager
def every_logical_cpu(count):
    """A strategy made inside the block uses so many; below 2, nothing changes."""
    if count < 2:
        yield
        return
    # Private to TensorFlow, which has no public way.
    from tensorflow.python.distribute import collective_all_reduce_strategy as core

    def local_devices(self, cluster_resolver, worker_device):
        names = (f"{worker_device}/device:CPU:{i}" for i in range(count))
        return tuple(names), "CPU"

    extended = core.CollectiveAllReduceExtended
    original = extended._initialize_local_devices
    extended._initialize_local_devices = local_devices
    try:
        yield
    finally:
        extended._initialize_local_devices = original
