"""Trains the tiny recipe on given devices; run by the tests, in one process or in many.

    device_job.py FOLDER DEVICES [DEVICES ...] [--kill HOST]

Every process writes `FOLDER/<run>/process-<host>.npz`: weights, history and outputs.
"""

import dataclasses
import faulthandler
import json
import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np
from tiny_runs import TINY

import keras_vit
from keras_vit.devices import strategy
from keras_vit.training import RunFolder, train

# Twelve of these images are left for the test: no multiple of any number of replicas.
RECIPE = dataclasses.replace(
    TINY,
    **{"batch_size": 16, "test_fraction": 0.25, "epochs": 2, "hidden_dim": 16},
    **{"mlp_dim": 16, "accumulation_steps": 2, "ema_momentum": 0.9},
    # Of TensorFlow's steps, that on one device only could be compiled.
    jit_compile="no" if keras.backend.backend() == "tensorflow" else "auto",
    **{"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "drop_path_rate": 0.0},
)


class Kill(keras.callbacks.Callback):
    """Ends this process as `kill -9` does, once."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def use_every_cpu_of_several_processes(count):
    """Lets `MultiWorkerMirroredStrategy` use so many logical CPUs of each process.

    TensorFlow has no public way: without GPUs it takes one device of each. Several
    stand in for hosts of several GPUs each.
    """
    from tensorflow.python.distribute import collective_all_reduce_strategy as core

    def local_devices(self, cluster_resolver, worker_device):
        names = (f"{worker_device}/device:CPU:{i}" for i in range(count))
        return tuple(names), "CPU"

    core.CollectiveAllReduceExtended._initialize_local_devices = local_devices


def run(folder, devices, kill=None):
    """Trains, evaluates and predicts, and writes down what came out."""
    name, _, slices = devices.partition("/")
    if keras.backend.backend() == "tensorflow":
        use_every_cpu_of_several_processes(int(name.partition(":")[2]))
    found = strategy(name, model_parallel=int(slices or 1))
    place = folder / f"run-{devices.replace(':', '').replace('/', '-')}"
    data = folder / "images"
    callbacks = [Kill(folder / "killed")] if kill == found.host else []
    result = train(
        dataclasses.replace(RECIPE, data=str(data)),
        place,
        devices=found,
        callbacks=callbacks,
        resume=RunFolder(place).is_run(),
        progress=False,
    )
    with found.scope():
        model = result.load_model()
        evaluation = keras_vit.evaluation.evaluate(model, batch_size=5)
        files = sorted(str(file) for file in data.rglob("*.png"))[:7]
        predictions = keras_vit.predict(model, files, batch_size=3)
        weights = found.values(model.weights)
    shares = [dict(each.classes) for each in predictions]
    names = sorted(shares[0])
    np.savez(
        place / f"process-{found.host}.npz",
        history=json.dumps(result.history),
        evaluation=[evaluation.loss, evaluation.accuracy, evaluation.num_examples],
        predictions=[[share[name] for name in names] for share in shares],
        facts=json.dumps({**found.to_json(), "part": found.part}),
        **{f"weight-{index:02d}": value for index, value in enumerate(weights)},
    )


if __name__ == "__main__":
    faulthandler.dump_traceback_later(120, exit=True)  # rather than wait forever
    folder, *rest = sys.argv[1:]
    kill = int(rest.pop()) if "--kill" in rest else None
    for each in rest:
        if each != "--kill":
            run(Path(folder), each, kill)
