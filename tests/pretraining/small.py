"""A small backbone and its batches, shared by the tests of masked patches."""

import numpy as np
import tensorflow as tf

import keras_vit
from keras_vit.models.vision_model import image_shape

SMALL = {
    "patch_size": 4,
    "num_layers": 1,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "num_heads": 2,
    "image_size": (8, 12),
}


def masked_model(target="mean_colour", name=None, **arguments):
    backbone = keras_vit.ViT(5, **{**SMALL, **arguments})
    return keras_vit.MaskedPatchPrediction(backbone, target, name=name)


def images(model, count=6, seed=0):
    """Blocks of 2x2 pixels of one colour, in the model's value range."""
    low, high = model.settings["pretraining"]["value_range"]
    height, width, channels = image_shape(model)
    shape = (count, height // 2, width // 2, channels)
    x = np.random.default_rng(seed).uniform(low, high, shape).astype("float32")
    return x.repeat(2, axis=1).repeat(2, axis=2)


def batches(model, count=6, size=3, training=True, seed=0):
    x = tf.data.Dataset.from_tensor_slices(images(model, count)).batch(size)
    return keras_vit.data.corrupt_patches(x, model, training=training, seed=seed)


def compiled(model, optimizer="adam", **options):
    target = model.settings["pretraining"]["target"]
    model.compile(
        optimizer,
        loss=keras_vit.MaskedPatchLoss(target),
        weighted_metrics=keras_vit.pretraining.masked_patch_metrics(model),
        **options,
    )
    return model
