"""LiteRT: converted by TensorFlow, run by the LiteRT interpreter."""

import os
import zipfile

import numpy as np

from keras_vit.exporting.describing import FILE, as_json


def write(job):
    """Writes the file of `job.path`."""
    import tensorflow as tf

    options = {}
    if job.format == "litert_int8":
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        if job.quantization == "static":
            options["representative_dataset"] = lambda: (
                [image[None]] for image in job.calibration
            )
    job.served().export(
        job.path,
        format="litert",
        verbose=False,
        # Not TensorFlow's own operations, which need a larger runtime.
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
        **options,
    )
    _describe(job)


def _describe(job):
    """Adds files behind the model, as the metadata of TensorFlow Lite lie there.

    What reads models stops before them, and whatever reads zip archives finds them.
    """
    with zipfile.ZipFile(job.path, "a") as behind:
        behind.writestr(FILE, as_json(job))
        if job.about["classes"]:
            behind.writestr("labels.txt", "\n".join(job.about["classes"]))


def runner(job):
    """A function of images, of the file as the LiteRT interpreter runs it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(job.path), num_threads=os.cpu_count())
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()
    shape = None

    def run(images):
        nonlocal shape
        if shape != images.shape:
            shape = images.shape
            interpreter.resize_tensor_input(taken["index"], shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], images)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(given["index"]))

    return run
