"""Devices under the JAX backend: `keras.distribution`, in one process or in many."""

import contextlib
import functools
import itertools
import operator
import os

import keras
import numpy as np

from keras_vit.devices.cluster import find_cluster, joining
from keras_vit.devices.context import ManyDevices, Strategy
from keras_vit.devices.tpu import find_tpu

# How a ViT is spread over the devices of an axis "model", whose size must divide
# `hidden_dim` and `mlp_dim` (Shoeybi et al., 2019, arXiv:1909.08053, section 3).
# The first product of a pair gives each device some of the features, the second sums
# over them: one exchange for the attention and one for the MLP of each block. Kernels
# are `(in, out)`. What is not named here lies whole on every device. Of a SwiGLU, whose
# gates stand before its values in `dense_1`, both are exchanged once more.
SLICES = (
    (r".*attention/query_key_value/kernel", (None, "model")),
    (r".*attention/query_key_value/bias", ("model",)),
    (r".*attention/projection/kernel", ("model", None)),
    (r".*mlp/dense_1/kernel", (None, "model")),
    (r".*mlp/dense_1/bias", ("model",)),
    (r".*mlp/dense_2/kernel", ("model", None)),
)


class JaxStrategy(ManyDevices):
    """A `keras.distribution.Distribution` as a `Strategy`.

    Args:
        distribution: `DataParallel` or `ModelParallel`.
        kind: `"cpu"`, `"gpu"` or `"tpu"`.
    """

    def __init__(self, distribution, kind):
        import jax

        replicas = distribution.num_model_replicas
        super().__init__("jax", kind, distribution.device_mesh.devices.size, replicas)
        self.distribution = distribution
        self.name = type(distribution).__name__
        self.num_hosts, self.host = jax.process_count(), jax.process_index()
        # Where a model is spread over several processes, they read the same images.
        self.part = (distribution.data_shard_id, min(self.num_hosts, replicas))

    def _scope(self):
        return self.distribution.scope()

    def _compile(self, model):
        import jax

        mesh = self.distribution.device_mesh.backend_mesh
        spec = jax.sharding.PartitionSpec
        split = jax.sharding.NamedSharding(mesh, spec(self.distribution.batch_dim_name))

        def call(trainable, fixed, images):
            return model.stateless_call(trainable, fixed, images, training=False)[0]

        # Outputs that every process holds whole: it cannot read the others' parts.
        everywhere = jax.sharding.NamedSharding(mesh, spec())
        compiled = jax.jit(call, out_shardings=everywhere)

        def forward(images, each):
            batch = jax.tree.map(
                lambda v: jax.make_array_from_callback(v.shape, split, v.__getitem__),
                images,
            )
            state = [v.value for v in model.trainable_variables]
            fixed = [v.value for v in model.non_trainable_variables]
            return compiled(state, fixed, batch)

        return forward

    def values(self, variables):
        return [np.asarray(_whole(variable.value)) for variable in variables]

    @contextlib.contextmanager
    def whole(self, variables):
        import jax

        parts = [v for v in variables if not _readable(v.value)]
        values = [v.value for v in parts]
        try:
            for variable, value in zip(parts, values):
                variable._value = jax.numpy.asarray(_whole(value))
            yield
        finally:
            for variable, value in zip(parts, values):
                variable._value = value

    def total(self, value):
        if self.num_hosts == 1:
            return value
        from jax.experimental import multihost_utils

        return float(multihost_utils.process_allgather(np.float32(value)).sum())


def scope_of_keras():
    """The `keras.distribution` that is set, as a `Strategy`, or `None`."""
    distribution = keras.distribution.distribution()
    return None if distribution is None else _adopted(distribution)


@functools.lru_cache(maxsize=1)  # it keeps what was compiled for the last model
def _adopted(distribution):
    device = str(distribution.device_mesh.devices.flat[0])
    kind = device.partition(":")[0]
    return JaxStrategy(distribution, kind if kind in ("cpu", "tpu") else "gpu")


def jax_strategy(request, model_parallel=1):
    """A `Strategy` for the devices that JAX has.

    Args:
        request: A `Request`.
        model_parallel: Integer, devices that share one copy of the model.

    Raises:
        ValueError: if there are no such devices.
    """
    import jax

    _set_up(request)
    cluster = find_cluster()
    if not jax.distributed.is_initialized():
        if cluster is not None:
            _join(cluster)
        elif _is_pod():
            keras.distribution.initialize()
    devices = _devices(request)
    kind = _kind_of(devices[0])
    if kind == "gpu":
        _leave_gpus_to_jax()
    if len(devices) % model_parallel:
        raise ValueError(
            "`model_parallel` must divide the number of devices. Received: "
            f"model_parallel={model_parallel}, {len(devices)} devices"
        )
    if len(devices) == 1:
        return Strategy("jax", kind)
    names = [f"{device.platform}:{device.id}" for device in devices]
    options = {"auto_shard_dataset": False}
    if model_parallel == 1:
        distribution = keras.distribution.DataParallel(devices=names, **options)
        return JaxStrategy(distribution, kind)
    shape = (len(names) // model_parallel, model_parallel)
    mesh = keras.distribution.DeviceMesh(shape, ("batch", "model"), names)
    options["batch_dim_name"] = "batch"
    layout = keras.distribution.LayoutMap(mesh)
    for path, axes in SLICES:
        layout[path] = axes
    distribution = keras.distribution.ModelParallel(layout_map=layout, **options)
    return JaxStrategy(distribution, kind)


def _set_up(request):
    """What must be set before JAX looks for devices."""
    import jax

    if request.kind != "cpu":
        return
    # JAX may have its devices already; they are counted later.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_platforms", "cpu")
        if request.count:
            jax.config.update("jax_num_cpu_devices", request.count)


def _join(cluster):
    import jax

    if "cpu" in (jax.config.jax_platforms or "cpu"):
        # Without an implementation, CPU processes cannot compute together.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    addresses = ",".join(cluster.addresses)
    with joining(cluster, "JAX"):
        keras.distribution.initialize(addresses, cluster.count, cluster.index)


def _is_pod():
    """Whether this is one of several hosts of a cloud TPU, which JAX knows itself."""
    hosts = os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")
    return find_tpu() is not None and len([host for host in hosts if host]) > 1


def _devices(request):
    import jax

    try:
        devices = jax.devices(request.kind)
    except RuntimeError:
        devices = []
    local = [d for d in devices if d.process_index == jax.process_index()]
    found = find_tpu()
    if found and not request.kind and devices and _kind_of(devices[0]) != "tpu":
        if not os.environ.get("JAX_PLATFORMS"):  # nobody chose so
            raise ValueError(
                f"There is a TPU ({found}), but JAX cannot use it: install libtpu with "
                '`pip install "jax[tpu]"`, or choose `--devices cpu`.'
            )
    request.check(len(local), "JAX")
    if request.count is None:
        return devices
    process_of = operator.attrgetter("process_index")
    hosts = itertools.groupby(sorted(devices, key=process_of), key=process_of)
    return [device for _, own in hosts for device in list(own)[: request.count]]


def _kind_of(device):
    platform = device.platform
    return platform if platform in ("cpu", "tpu") else "gpu"


def _leave_gpus_to_jax():
    """TensorFlow only reads images here: it must not take the memory of the GPUs."""
    import tensorflow as tf

    # TensorFlow may have started already, or be built without GPUs.
    with contextlib.suppress(RuntimeError, ValueError):
        tf.config.set_visible_devices([], "GPU")


def _readable(value):
    return value.is_fully_addressable or value.is_fully_replicated


def _whole(value):
    """The whole of an array of which other processes hold parts."""
    if _readable(value):
        return value
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(value, tiled=True)
