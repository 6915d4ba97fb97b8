"""Traces training for a TPU without one, and prints what came of it as JSON.

    python tpu_trace.py '{"name": {"recipe": {...}}, ...}'

A `TPUStrategy` is built on a stand-in for the TPU's resolver, with logical CPU devices
for cores. Variables are really made and steps really go through TPU replication; the
graphs cannot run, which needs a TPU. With a TensorFlow that has TPU kernels, each case
also lists the operations of its step that have none.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TPU_SKIP_MDS_QUERY"] = "1"  # or libtpu asks the cloud's metadata server
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from replica_worker import build_case, compiled, settings
from tensorflow.python.client import session
from tensorflow.python.framework import kernels
from tensorflow.python.tpu import tpu_system_metadata

from keras_vit.training import Recipe
from keras_vit.training.replicas.loops import compiled_steps

PREFIX = "/job:localhost/replica:0/task:0/device:"
CORES = 2
# Marks of the TPU rewrite, what it leaves on the host, and a traced function's inputs.
MARKS = {"TPUReplicate", "TPUReplicatedInput", "TPUReplicatedOutput"}
MARKS |= {"TPUReplicateMetadata", "TPUCompilationResult", "Placeholder"}


class StandIn(tf.distribute.cluster_resolver.ClusterResolver):
    tpu_hardware_feature = None

    def master(self, *args, **kwargs):
        return ""

    def cluster_spec(self):
        return tf.train.ClusterSpec({})

    def num_accelerators(self, *args, **kwargs):
        return {"TPU": CORES}

    def get_tpu_system_metadata(self):
        names = [("CPU", 0), *(("TPU", core) for core in range(CORES))]
        devices = [
            session._DeviceAttributes(f"{PREFIX}{kind}:{index}", kind, 1 << 30, place)
            for place, (kind, index) in enumerate(names)
        ]
        return tpu_system_metadata.TPUSystemMetadata(
            num_cores=CORES,
            num_hosts=1,
            num_of_cores_per_host=CORES,
            topology=None,
            devices=devices,
        )


def stand_in_strategy():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * (CORES + 1)
    )
    tf.config.list_logical_devices()
    strategy = tf.distribute.TPUStrategy(StandIn())
    strategy.extended._tpu_devices = np.array(
        [[f"{PREFIX}CPU:{core + 1}"] for core in range(CORES)], dtype=object
    )
    return strategy


def operations(function):
    """The types of all operations in a concrete function."""
    found = {op.type for op in function.graph.get_operations()}
    library = function.graph.as_graph_def().library.function
    return found | {node.op for part in library for node in part.node_def}


def without_kernel(types):
    """Those that no TPU kernel is registered for, `None` where the build has none."""

    def registered(name):
        found = kernels.get_registered_kernels_for_op(name).kernel
        return any(kernel.device_type == "XLA_TPU_JIT" for kernel in found)

    missing = sorted(name for name in types if not registered(name))
    return None if len(missing) == len(types) else sorted(set(missing) - MARKS)


def on_cores(strategy, step):
    @tf.function
    def function(*data):
        return strategy.run(step, args=(data,))

    return function


def trace(case, strategy):
    values, *_ = settings(case)
    recipe = Recipe(**values, total_steps=20)
    with strategy.scope():
        model = build_case(case, recipe)
        trainer = compiled(case, model, recipe)

    def per_core(shape, dtype):
        return strategy.experimental_distribute_values_from_function(
            lambda _: tf.zeros(shape, dtype)
        )

    batch = per_core((8, 8, 8, 3), "float32"), per_core((8,), "int32")
    result = {"trainer": type(trainer).__name__, "missing": {}}
    for name in ("train_step", "test_step", "predict_step"):
        function = on_cores(strategy, getattr(trainer, name))
        types = operations(function.get_concrete_function(*batch))
        result["missing"][name] = without_kernel(types)
        result[name] = sorted(types & {"TPUReplicateMetadata", "CrossReplicaSum"})
    images, labels = tf.zeros((64, 8, 8, 3)), tf.zeros((64,), tf.int32)
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    for name, step, dataset in (
        ("fit", trainer.train_step, data.batch(16, drop_remainder=True).repeat()),
        ("evaluate", trainer.test_step, data.batch(16, drop_remainder=True)),
    ):
        iterator = iter(strategy.experimental_distribute_dataset(dataset))
        steps = compiled_steps(trainer, step)
        function = steps.get_concrete_function(iterator, tf.constant(4))
        result[name] = sorted(function.structured_outputs[1])
    return result


def main():
    cases = json.loads(sys.argv[1])
    strategy = stand_in_strategy()
    for name, case in cases.items():
        print(json.dumps({"name": name, **trace(case, strategy)}), flush=True)


if __name__ == "__main__":
    main()
