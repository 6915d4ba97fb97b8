"""Devices under the TensorFlow backend: `tf.distribute`, in one process or in many."""

import contextlib
import functools
import os

import numpy as np

from keras_vit.devices.cluster import find_cluster, joining
from keras_vit.devices.context import ManyDevices, Strategy
from keras_vit.devices.tpu import find_tpu


class TensorFlowStrategy(ManyDevices):
    """A `tf.distribute.Strategy` as a `Strategy`.

    Args:
        strategy: `TPUStrategy`, `MirroredStrategy` or `MultiWorkerMirroredStrategy`.
        kind: `"cpu"`, `"gpu"` or `"tpu"`.
        num_hosts: Integer, processes that train together. A slice of TPUs has one,
            however many machines.
        host: Integer, number of this process.
    """

    def __init__(self, strategy, kind, num_hosts=1, host=0):
        super().__init__("tensorflow", kind, strategy.num_replicas_in_sync)
        self.strategy = strategy
        name = type(strategy).__name__.removesuffix("V2")
        names = {"CollectiveAllReduceStrategy": "MultiWorkerMirroredStrategy"}
        self.name = names.get(name, name)
        self.num_hosts, self.host, self.part = num_hosts, host, (host, num_hosts)

    def _scope(self):
        return self.strategy.scope()

    def dataset(self, make, batch_size):
        import tensorflow as tf

        each = self.per_replica_batch_size(batch_size)
        if self.num_hosts == 1 and self.kind != "tpu":
            # `fit` splits the whole batches of one process itself; there is nothing
            # to shard, and no reason to try.
            options = tf.data.Options()
            options.experimental_distribute.auto_shard_policy = (
                tf.data.experimental.AutoShardPolicy.OFF
            )
            return make(0, 1).with_options(options)

        def part(context):
            dataset = make(context.input_pipeline_id, context.num_input_pipelines)
            return dataset.rebatch(each, drop_remainder=True).prefetch(2)

        return self.strategy.distribute_datasets_from_function(part)

    def _compile(self, model):
        import tensorflow as tf

        def call(images):
            return model(images, training=False)

        compiled = tf.function(
            lambda parts: self.strategy.run(call, args=(parts,)), reduce_retracing=True
        )

        def forward(images, each):
            def part(context):
                first = context.replica_id_in_sync_group * each
                return tf.nest.map_structure(
                    lambda values: tf.convert_to_tensor(values[first : first + each]),
                    images,
                )

            parts = self.strategy.experimental_distribute_values_from_function(part)
            return tf.nest.map_structure(
                lambda values: self.strategy.gather(values, axis=0), compiled(parts)
            )

        return forward

    def assign(self, variable, value):
        import tensorflow as tf

        parts = variable.value
        summed = getattr(parts, "aggregation", None) == tf.VariableAggregation.SUM
        if not (summed and hasattr(parts, "values") and parts.dtype.is_integer):
            return variable.assign(value)
        # TensorFlow gives each replica an equal share, of integers rounded down.
        for index, part in enumerate(parts.values):
            part.assign(value if self.host == index == 0 else np.zeros_like(value))

    def total(self, value):
        if self.num_hosts == 1:
            return value
        import tensorflow as tf

        here = self.num_replicas // self.num_hosts

        def part(context):
            own = context.replica_id_in_sync_group % here == 0
            return tf.constant(float(value) if own else 0.0)

        parts = self.strategy.experimental_distribute_values_from_function(part)
        return float(self.strategy.reduce("SUM", parts, axis=None))


def tensorflow_strategy(request):
    """A `Strategy` for the devices that TensorFlow has.

    Args:
        request: A `Request`.

    Raises:
        ValueError: if there are no such devices, or a TPU that this build of TensorFlow
            cannot use.
    """
    cluster = find_cluster(prefer="tensorflow")
    tpu = find_tpu()
    if request.kind == "tpu" or (request.kind is None and tpu and cluster is None):
        return _tpu_strategy(tpu)
    _set_up(request)
    if cluster is not None:
        return _multi_worker_strategy(request, cluster)
    import tensorflow as tf

    for kind in (request.kind,) if request.kind else ("gpu", "cpu"):
        devices = tf.config.list_logical_devices(kind.upper())
        if devices:
            break
    request.check(len(devices), "TensorFlow")
    names = [device.name for device in devices[: request.count]]
    if len(names) == 1:
        return Strategy("tensorflow", kind)
    return TensorFlowStrategy(tf.distribute.MirroredStrategy(names), kind)


def scope_of_tensorflow():
    """The `tf.distribute` strategy that is in force, as a `Strategy`, or `None`."""
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return None
    return _adopted(tf.distribute.get_strategy())


@functools.lru_cache(maxsize=1)  # it keeps what was compiled for the last model
def _adopted(strategy):
    device = strategy.extended.worker_devices[0].upper()
    kind = next((k for k in ("tpu", "gpu") if k.upper() in device), "cpu")
    name = type(strategy).__name__
    several = "MultiWorker" in name or "CollectiveAllReduce" in name
    cluster = find_cluster(prefer="tensorflow") if several else None
    hosts = (1, 0) if cluster is None else (cluster.count, cluster.index)
    return TensorFlowStrategy(strategy, kind, *hosts)


def _set_up(request):
    """What must be set before TensorFlow looks for devices."""
    import tensorflow as tf

    # TensorFlow may have its devices already; they are counted later.
    with contextlib.suppress(RuntimeError, ValueError):
        if request.kind == "cpu":
            tf.config.set_visible_devices([], "GPU")
            if request.count:
                tf.config.set_logical_device_configuration(
                    tf.config.list_physical_devices("CPU")[0],
                    [tf.config.LogicalDeviceConfiguration()] * request.count,
                )
        elif request.kind == "gpu" and request.count:
            gpus = tf.config.list_physical_devices("GPU")
            tf.config.set_visible_devices(gpus[: request.count], "GPU")


@functools.cache  # a process can join its cluster only once
def _multi_worker_strategy(request, cluster):
    import tensorflow as tf

    os.environ["TF_CONFIG"] = cluster.to_tf_config()
    gpus = tf.config.list_physical_devices("GPU") if request.kind != "cpu" else []
    with joining(cluster, "TensorFlow"):
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    kind = "gpu" if gpus else "cpu"
    if kind == "cpu":
        request.check(
            strategy.num_replicas_in_sync // cluster.count,
            "TensorFlow",
            "It uses one CPU device in each of several processes: start more of them, "
            "or set the environment variable KERAS_BACKEND=jax.",
        )
    return TensorFlowStrategy(strategy, kind, cluster.count, cluster.index)


def _tpu_strategy(found):
    import tensorflow as tf

    advice = (
        'Set the environment variable KERAS_BACKEND=jax, with `pip install "jax[tpu]"`,'
        " or choose other devices, such as --devices cpu."
    )
    if found is None:
        raise ValueError(f"There is no TPU on this machine. {advice}")
    if not tf.config.list_physical_devices("TPU_SYSTEM") and found.startswith("/dev"):
        raise ValueError(_no_build(found, tf.__version__) + advice)
    name = "local" if found.startswith("/dev") else found.partition("=")[2]
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
    try:
        if resolver.master():
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.NotFoundError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"{_no_build(found, tf.__version__)}{advice} ({error})"
        ) from None
    return TensorFlowStrategy(tf.distribute.TPUStrategy(resolver), "tpu")


def _no_build(found, version):
    return (
        f"There is a TPU ({found}), but TensorFlow {version} was built without support "
        "for TPUs; the last build with it is tensorflow-tpu 2.20.0. "
    )
