"""TensorFlow SavedModel: written by Keras, read by TensorFlow alone."""

import numpy as np

from keras_vit.common.files import write_text
from keras_vit.exporting.describing import FILE, as_json


def write(job):
    """Writes the folder of `job.path`."""
    job.served().export(job.path, format="tf_saved_model", verbose=False)
    extra = job.path / "assets.extra"  # where a SavedModel has room for others
    extra.mkdir(exist_ok=True)
    write_text(extra / FILE, as_json(job))


def runner(job):
    """A function of images, of the file as TensorFlow loads it."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(job.path))

    def run(images):
        # The loaded object must outlive its signature.
        outputs = loaded.signatures["serving_default"](tf.constant(images))
        return np.asarray(next(iter(outputs.values())))

    return run
