"""Trains tiny models on several logical CPU devices, and prints numbers as JSON.

    python replica_worker.py '{"replicas": 2, "cases": {"name": {...}, ...}}'

One process for each number of replicas: collectives of several sizes clash in one. For
each case one line: what plain Keras gives on one device, and what the replicas give.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from unittest import mock

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from keras_vit.training import Recipe, build_optimizer, train
from keras_vit.training.optimizers.averaging import averaged
from keras_vit.training.optimizers.losses import build_loss
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run import build

SIZES = {"image_size": 8, "patch_size": 4, "num_layers": 2, "hidden_dim": 16}
SIZES |= {"mlp_dim": 16, "num_heads": 2, "num_channels": 3}
BIT = {"num_blocks": (1,), "width_factor": 0.5, "image_size": 8}
RESNET = {"num_blocks": (1, 1), "stage_widths": (8, 16), "stem_width": 8}
RESNET |= {"image_size": 8, "batch_norm_momentum": 0.8}  # eight batch norms
CLASSES = 5
RECIPE = {
    "batch_size": 16,
    "optimizer": "sgd",
    "learning_rate": 0.003,  # of the paper's sweep
    "warmup_steps": 3,
    "global_clipnorm": None,
    "weight_decay": 0.0,
    "dropout_rate": 0.0,
    "drop_path_rate": 0.0,
    "jit_compile": "no",
    "dtype": "float32",
}
# What asks for something that plain Keras on one device does not have. Not `remat`,
# whose gradients tests/layers/test_remat.py compares with those without it.
OURS = ("accumulation_steps", "steps_per_execution")


def data(examples, batch_size, known=True, weighted=False):
    random = np.random.default_rng(3)
    images = random.normal(size=(examples, 8, 8, 3)).astype("float32")
    labels = random.integers(0, CLASSES, examples).astype("int32")
    rows = (images, labels)
    if weighted:  # the first ones nothing: a whole replica may have none
        rows += (np.where(np.arange(examples) < 4, 0, random.random(examples)),)
    dataset = tf.data.Dataset.from_tensor_slices(rows)
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
    arguments = {**SIZES, **case.get("sizes", {})}
    if case.get("bit"):
        keras.utils.set_random_seed(0)
        model = build.keras_vit.models.BiT(
            CLASSES, **BIT, remat=recipe.remat, dtype=recipe.dtype
        )
    elif case.get("resnet"):
        keras.utils.set_random_seed(0)
        model = build.keras_vit.models.ResNet(
            CLASSES, **RESNET, remat=recipe.remat, dtype=recipe.dtype
        )
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


def compiled(case, model, recipe):
    """The model to fit; no recipe lets averages overwrite the weights, a case may."""
    trainer = prepare_model(model, recipe)

    def make(*args, **kwargs):
        optimizer = build_optimizer(*args, **kwargs)
        optimizer.ema_overwrite_frequency = case.get("overwrite")
        return optimizer

    def loss(recipe, class_weights=None):
        made = build_loss(recipe, class_weights)
        if case.get("weighted"):
            made.reduction = "mean_with_sample_weight"
        return made

    with (
        mock.patch.object(build, "build_optimizer", make),
        mock.patch.object(build, "build_loss", loss),
    ):
        build.compile_model(trainer, recipe, total_steps=recipe.total_steps)
    return trainer


def masks(case, strategy):
    """What each random layer of the first block drops on each replica, twice over."""
    recipe = Recipe(**{**settings(case)[0], "total_steps": 1, "warmup_steps": 0})
    found = []
    for _ in range(2):
        with strategy.scope():
            trainer = prepare_model(build_case(case, recipe), recipe)
        block = trainer.get_layer("block_01")
        drops = [block.mlp.dropout, block.attention.dropout, block.mlp_tail[-1]]

        @tf.function
        def step(drops=drops):
            ones = tf.ones((64, 2))
            return [drop(ones, training=True) for drop in drops]

        draws = []
        for _ in range(2):
            results = strategy.run(step)
            local = [strategy.experimental_local_results(r) for r in results]
            draws.append([[_bits(value) for value in values] for values in local])
        found.append(draws)
    return {"masks": found}


def _bits(values):
    return np.packbits(np.asarray(values).ravel() > 0).tobytes().hex()


def trained(case, values, known=True):
    """Losses, metrics and weights of a case."""
    _, examples, epochs = settings(case)
    recipe = Recipe(**values, total_steps=epochs * -(-examples // 16))
    model = build_case(case, recipe)
    trainer = compiled(case, model, recipe)
    losses, weighted = Losses(), case.get("weighted", False)
    trainer.fit(
        data(examples, 16, known, weighted),
        epochs=epochs,
        callbacks=[losses],
        shuffle=False,
        verbose=0,
    )
    weights = [np.asarray(w, "float64") for w in model.get_weights()]
    result = {"losses": losses.values, "kind": type(trainer).__name__}
    result["steps"] = int(keras.ops.convert_to_numpy(trainer.optimizer.iterations))
    with averaged(trainer):
        result["evaluation"] = trainer.evaluate(
            data(35, 16, weighted=weighted), verbose=0
        )
        logits = trainer.predict(data(19, 16), verbose=0)
    return result, weights, np.asarray(logits, "float64")


def apart(a, b):
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def compared(case, strategy):
    """The numbers on one device, those on the replicas, and how far they are apart."""
    values, *_ = settings(case)
    keras.config.set_floatx(
        "float64" if values.get("dtype") == "float64" else "float32"
    )
    plain = {k: v for k, v in values.items() if k not in OURS}
    one, one_weights, one_logits = trained(case, plain)
    with strategy.scope():
        known = case.get("known", True)
        many, many_weights, many_logits = trained(case, values, known)

    return {
        "one": one,
        "many": many,
        "weights": apart(one_weights, many_weights),
        "logits": apart([one_logits], [many_logits]),
    }


def refusals(case, strategy):
    """The messages of what cannot be done on several replicas."""
    values, *_ = settings(case)
    with strategy.scope():
        recipe = Recipe(**{**values, "jit_compile": "yes"}, total_steps=20)
        model = build_case(case, recipe)
        trainer = prepare_model(model, recipe)
        calls = {
            "recipe": lambda: build.compile_model(trainer, recipe, total_steps=20),
            "xla": lambda: trainer.compile("sgd", "mse", jit_compile=True),
            "accumulation": lambda: trainer.compile(
                keras.optimizers.SGD(gradient_accumulation_steps=2), "mse"
            ),
            "sum": lambda: trainer.compile(
                "sgd", keras.losses.MeanSquaredError(reduction="sum")
            ),
        }
        found = {}
        for name, call in calls.items():
            try:
                call()
            except ValueError as error:
                found[name] = str(error)
    return {"refusals": found}


class Stop(keras.callbacks.Callback):
    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        self.after -= 1
        if not self.after:
            raise KeyboardInterrupt


def whole_run(case, strategy):
    """`train` on one device, on the replicas, and there once stopped and resumed."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tiny_runs import TINY, write_boxes, write_images, write_masks

    values = {**TINY.to_json(), **case.get("recipe", {})}
    root = Path(tempfile.mkdtemp())
    writers = {"segmentation": write_masks, "detection": write_boxes}
    write = writers.get(values["task"], write_images)
    recipe = Recipe(**{**values, "data": str(write(root / "images", count=44))})
    found = {"one": train(recipe, root / "one", devices="cpu:1").history}
    with strategy.scope():
        found["many"] = train(recipe, root / "many").history
        try:
            train(recipe, root / "again", save_steps=1, callbacks=[Stop(3)])
        except KeyboardInterrupt:
            found["again"] = train(recipe, root / "again", resume=True).history
    weights = [keras.saving.load_model(root / n / "model.keras") for n in found]
    weights = [[np.asarray(w) for w in model.get_weights()] for model in weights]
    found["weights"] = [apart(weights[0], other) for other in weights[1:]]
    return {"run": found}


def batch_norm(case, strategy):
    """How far a batch norm is from that of one device; two of its replicas rest."""
    count = strategy.num_replicas_in_sync
    images = np.random.default_rng(0).normal(3, 2, (max(1, count - 2), 4, 4, 3))
    plain = build.keras_vit.layers.BatchNorm(dtype="float64")
    expected = np.asarray(plain(images, training=True))
    with strategy.scope():
        norm = build.keras_vit.layers.BatchNorm(dtype="float64")
        norm.build(images.shape)

    def share(context):
        index = context.replica_id_in_sync_group
        return tf.constant(images[index : index + 1])

    @tf.function
    def step(shares):
        return strategy.run(lambda x: norm(x, training=True), args=(shares,))

    shares = strategy.experimental_distribute_values_from_function(share)
    parts = strategy.experimental_local_results(step(shares))
    outputs = np.concatenate([np.asarray(part) for part in parts])
    pairs = zip(plain.weights, norm.weights)
    weights = [[np.asarray(w) for w in pair] for pair in pairs]
    return {"batch_norm": [apart([expected], [outputs]), apart(*zip(*weights))]}


KINDS = {
    "batch_norm": batch_norm,
    "masks": masks,
    "refusals": refusals,
    "run": whole_run,
}


def main():
    job = json.loads(sys.argv[1])
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * job["replicas"]
    )
    devices = [f"CPU:{index}" for index in range(job["replicas"])]
    # The default, collectives, where threads are few: on a machine of two cores eight
    # that wait for each other take minutes.
    few = job["replicas"] <= 2
    reduction = None if few else tf.distribute.ReductionToOneDevice()
    strategy = tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)
    for name, case in job["cases"].items():
        try:
            result = KINDS.get(case.get("kind"), compared)(case, strategy)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
            traceback.print_exc()
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
