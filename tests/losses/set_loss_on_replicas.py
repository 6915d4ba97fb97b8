"""Prints the set loss and its gradients of a batch, on one device and on two."""

import json
import sys

import numpy as np
import tensorflow as tf

from keras_vit.losses import SetLoss


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    dtypes = ("float32", "float32", "float32", "int32")
    values = [np.array(v, d) for v, d in zip(json.load(sys.stdin), dtypes)]
    # An image of two objects and an empty one here, two with one object there.
    parts = [[tf.constant(v[part]) for v in values] for part in ([0, 1], [2, 2])]
    whole = [tf.concat(both, 0) for both in zip(*parts)]
    loss = SetLoss()

    @tf.function
    def step(logits, boxes, objects, classes):
        with tf.GradientTape() as tape:
            tape.watch([logits, boxes])
            truth = {"boxes": objects, "classes": classes}
            value = loss(truth, {"logits": logits, "boxes": boxes})
        return value, *tape.gradient(value, [logits, boxes])

    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )

    def share(index):
        return strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group][index]
        )

    given = [share(index) for index in range(4)]

    @tf.function
    def on_both():
        return strategy.run(step, given)

    found = [strategy.experimental_local_results(value) for value in on_both()]
    both = [float(sum(found[0])), *(np.concatenate(v).tolist() for v in found[1:])]
    alone = [np.asarray(value).tolist() for value in step(*whole)]
    print(json.dumps([alone, both]))


main()
