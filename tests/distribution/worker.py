"""Trains tiny models on several logical CPU devices, and prints numbers as JSON.

    python worker.py '{"replicas": 2, "cases": {"name": {...}, ...}}'

One process for each number of replicas: collectives of several sizes clash in one. For
each case one line: what plain Keras gives on one device, and what the replicas give.
"""

import json
import os
import sys
import traceback

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from keras_vit.training import Recipe, build
from keras_vit.training.averaging import averaged
from keras_vit.training.replicas import prepare_model

SIZES = {"image_size": 8, "patch_size": 4, "num_layers": 2, "hidden_dim": 16}
SIZES |= {"mlp_dim": 16, "num_heads": 2, "num_channels": 3}
BIT = {"num_blocks": (1,), "width_factor": 0.5, "image_size": 8}
CLASSES = 5
RECIPE = {
    "batch_size": 16,
    "optimizer": "sgd",
    "learning_rate": 0.02,
    "warmup_steps": 3,
    "global_clipnorm": None,
    "weight_decay": 0.0,
    "dropout_rate": 0.0,
    "drop_path_rate": 0.0,
    "jit_compile": "no",
}
# What asks for something that plain Keras on one device does not have.
OURS = ("accumulation_steps", "steps_per_execution", "remat")


def data(examples, batch_size, known=True):
    random = np.random.default_rng(3)
    images = random.normal(size=(examples, 8, 8, 3)).astype("float32")
    labels = random.integers(0, CLASSES, examples).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    if not known:
        dataset = dataset.filter(lambda *_: True)
    return dataset.batch(batch_size)


class Losses(keras.callbacks.Callback):
    """Keeps the loss of each execution by itself, not that of the epoch so far."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(float(logs["loss"]))
        self.model.reset_metrics()


def settings(case):
    """The recipe of a case, and the examples and epochs to train on."""
    recipe = {**RECIPE, **case.get("recipe", {})}
    return recipe, case.get("examples", 80), case.get("epochs", 4)


def build_case(case, recipe):
    arguments = dict(SIZES)
    if case.get("bit"):
        keras.utils.set_random_seed(0)
        model = build.keras_vit.models.BiT(CLASSES, **BIT, remat=recipe.remat)
    else:
        names = ("dropout_rate", "drop_path_rate", "dtype")
        arguments.update({name: getattr(recipe, name) for name in names})
        arguments["attention_dropout_rate"] = recipe.attention_dropout_rate
        arguments["remat"] = recipe.remat
        model = build.build_model(recipe, CLASSES, arguments)
    # A head of zeros, as in a new model, would give zero gradients to all else.
    head = model.get_layer("head").kernel
    head.assign(0.3 * np.random.default_rng(1).normal(size=head.shape))
    return model


def trained(case, values):
    """Losses, metrics and weights of a case."""
    _, examples, epochs = settings(case)
    recipe = Recipe(**values, total_steps=epochs * -(-examples // 16))
    make = build.build_optimizer
    if "overwrite" in case:

        def overwriting(*args, **kwargs):
            optimizer = make(*args, **kwargs)
            optimizer.ema_overwrite_frequency = case["overwrite"]
            return optimizer

        build.build_optimizer = overwriting
    try:
        model = build_case(case, recipe)
        trainer = prepare_model(model, recipe)
        build.compile_model(trainer, recipe, total_steps=recipe.total_steps)
    finally:
        build.build_optimizer = make
    losses = Losses()
    trainer.fit(
        data(examples, 16, case.get("known", True)),
        epochs=epochs,
        callbacks=[losses],
        shuffle=False,
        verbose=0,
    )
    weights = [np.asarray(w, "float64") for w in model.get_weights()]
    result = {"losses": losses.values, "kind": type(trainer).__name__}
    result["steps"] = int(keras.ops.convert_to_numpy(trainer.optimizer.iterations))
    with averaged(trainer):
        result["evaluation"] = trainer.evaluate(data(35, 16), verbose=0)
        logits = trainer.predict(data(19, 16), verbose=0)
    return result, weights, np.asarray(logits, "float64")


def compared(case, strategy):
    """The numbers on one device, those on the replicas, and how far they are apart."""
    values, *_ = settings(case)
    keras.config.set_floatx(
        "float64" if values.get("dtype") == "float64" else "float32"
    )
    plain = {k: v for k, v in values.items() if k not in OURS}
    one, one_weights, one_logits = trained(case, plain)
    with strategy.scope():
        many, many_weights, many_logits = trained(case, values)

    def apart(a, b):
        return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))

    return {
        "one": one,
        "many": many,
        "weights": apart(one_weights, many_weights),
        "logits": apart([one_logits], [many_logits]),
    }


def main():
    job = json.loads(sys.argv[1])
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * job["replicas"]
    )
    devices = [f"CPU:{index}" for index in range(job["replicas"])]
    strategy = tf.distribute.MirroredStrategy(devices)
    for name, case in job["cases"].items():
        try:
            result = compared(case, strategy)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
            traceback.print_exc()
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
