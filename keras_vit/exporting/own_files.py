"""Files of this package: a whole model, or weights under the paths of variables."""

import json

import keras

from keras_vit.checkpoints.writing import write_safetensors
from keras_vit.common.keras_files import check_room, save_keras
from keras_vit.exporting.weight_files import outputs_of, values_in
from keras_vit.models.vision_model import settings_of


def write_keras(job):
    """Writes a `.keras` file, which loads with `keras.saving.load_model`."""
    save_keras(job.plain, job.path)


def keras_runner(job):
    model = keras.saving.load_model(job.path, compile=False)
    return lambda images: outputs_of(model, images)


def write_h5(job):
    """Writes a `.weights.h5` file, for `load_weights` of a model built alike."""
    check_room(job.plain, job.path.parent)
    job.plain.save_weights(job.path)


def h5_runner(job):
    model = type(job.plain).from_config(job.plain.get_config())
    model.load_weights(job.path)
    return lambda images: outputs_of(model, images)


def write_own_safetensors(job):
    """Writes a safetensors file whose header says how the model was made."""
    about = {"settings": settings_of(job.plain), "metadata": job.plain.metadata}
    write_safetensors(job.path, values_in(job), {"keras_vit": json.dumps(about)})
