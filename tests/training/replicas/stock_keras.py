"""What plain Keras does on two replicas: the failures that keras_vit works around.

Prints one JSON object, from the name of a case to what came of it.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

IMAGES = np.random.default_rng(0).normal(size=(18, 4)).astype("float32")
LABELS = np.arange(18) % 3
SGD = keras.optimizers.SGD


def trained(strategy, optimizer, examples=16, inputs=None, **options):
    """The weights and the updates done, in two epochs with batches of four."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        x = inputs or keras.Input((4,))
        first = keras.tree.flatten(x)[0]
        model = keras.Model(x, keras.layers.Dense(3)(first))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer(), loss, jit_compile=False, **options)
    images = IMAGES[:examples]
    if inputs:
        images = [images, images[:, 0] > 0]
        data = tf.data.Dataset.from_tensor_slices(((*images,), LABELS[:examples]))
    else:
        data = tf.data.Dataset.from_tensor_slices((images, LABELS[:examples]))
    model.fit(data.batch(4), epochs=2, verbose=0)
    return np.asarray(model.get_weights()[0]), model


def moved(strategy, *args, **options):
    """How far the weights are from those of one device."""
    one, _ = trained(tf.distribute.get_strategy(), *args, **options)
    two, _ = trained(strategy, *args, **options)
    return float(np.abs(one - two).max())


def masks_agree(strategy):
    with strategy.scope():
        drop = keras.layers.Dropout(0.5, seed=1)
    step = tf.function(lambda: drop(tf.ones((8, 8)), training=True))
    one, two = strategy.experimental_local_results(strategy.run(step))
    return bool(np.all(one == two))


def steps_done(**options):
    """Updates in two epochs of five on one device, with data that do not end."""
    _, model = trained(tf.distribute.get_strategy(), SGD)
    model.compile(SGD(), "mse", jit_compile=False, **options)
    data = tf.data.Dataset.from_tensors((IMAGES[:4], IMAGES[:4, :3])).repeat()
    model.fit(data, epochs=2, steps_per_epoch=5, verbose=0)
    return int(model.optimizer.iterations)


def steps_of_unknown_number():
    """Updates in three epochs of four, of which Keras is not told."""
    _, model = trained(tf.distribute.get_strategy(), SGD)
    model.compile(SGD(), "mse", jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices((IMAGES[:16], IMAGES[:16, :3]))
    data = data.filter(lambda *_: True).batch(4, drop_remainder=True)
    model.fit(data, epochs=3, verbose=0)
    return int(model.optimizer.iterations)


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    flag = [keras.Input((4,)), keras.Input((), dtype="bool")]
    cases = {
        "plain": lambda: moved(strategy, SGD),
        "clip": lambda: moved(strategy, lambda: SGD(1.0, global_clipnorm=0.1)),
        "short batch": lambda: moved(strategy, SGD, examples=17),
        "accumulation": lambda: moved(
            strategy, lambda: SGD(gradient_accumulation_steps=2)
        ),
        "overwrite": lambda: moved(
            strategy, lambda: SGD(use_ema=True, ema_overwrite_frequency=2)
        ),
        "steps per execution": lambda: moved(strategy, SGD, steps_per_execution=2),
        "boolean input": lambda: moved(strategy, SGD, inputs=flag),
        "masks agree": lambda: masks_agree(strategy),
        "steps beyond the epoch": lambda: steps_done(steps_per_execution=2),
        "steps beyond the data": steps_of_unknown_number,
    }
    found = {}
    for name, case in cases.items():
        try:
            found[name] = case()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
