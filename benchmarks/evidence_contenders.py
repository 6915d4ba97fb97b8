"""Who learns CIFAR-10 in `evidence_cifar10.py`: a model and its recipe each.

A contender is a function of the training images that returns a `Contender`. Images are
`uint8`, `(N, 32, 32, 3)`; what a contender does to them happens in its batches or in
its model, and costs it time.
"""

import dataclasses
import math
from collections.abc import Callable

import keras
import keras_tutorial_vit
import tensorflow as tf

import keras_vit
from keras_vit.training.optimizers import LabelSmoothedCrossentropy, not_decayed

CLASSES = 10
SIDE = 32


@dataclasses.dataclass(frozen=True)
class Contender:
    """A compiled model with what `fit` and an evaluation need."""

    model: keras.Model
    batches: tf.data.Dataset  # training, without end
    batch_size: int
    prepare: Callable  # uint8 images to the model's input, for evaluation
    learning_rate: Callable | None = None  # of the share of the budget that is used


def warm_up_then_cosine(peak, warm_up):
    """A learning rate as a function of the progress in [0, 1]."""

    def rate(progress):
        decay = max(0.0, progress - warm_up) / (1.0 - warm_up)
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, decay)))
        return peak * min(1.0, progress / warm_up) * cosine

    return rate


# Half the width of ViT-Ti/16 with patches of 4 pixels: what 1,800 seconds can feed.
OURS = {
    "patch_size": 4,
    "num_layers": 6,
    "hidden_dim": 128,
    "mlp_dim": 256,
    "num_heads": 4,
    "pooling": "gap",
    "position_embedding": "learned",
}
OURS_RECIPE = {
    "batch_size": 128,
    "augment": "crop_flip",
    "peak": 1e-3,
    "warm_up": 0.05,
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
}

# A fifth of BiT-R50x1's width and one unit per stage; its root halves the image twice.
RESNET = {"num_blocks": (1, 1, 1), "width_factor": 0.5}
RESNET_RECIPE = dict(OURS_RECIPE)


def ours(images, labels, seed, model=OURS, recipe=OURS_RECIPE, dtype=None):
    """A small `keras_vit.ViT` with the small-data recipe."""
    vit = keras_vit.ViT(CLASSES, image_size=SIDE, dtype=dtype, **model)
    return _with_recipe(vit, images, labels, seed, recipe)


def resnet(images, labels, seed, model=RESNET, recipe=RESNET_RECIPE, dtype=None):
    """A small `keras_vit.BiT` with the same recipe."""
    bit = keras_vit.BiT(CLASSES, image_size=SIDE, dtype=dtype, **model)
    return _with_recipe(bit, images, labels, seed, recipe)


def _with_recipe(model, images, labels, seed, recipe):
    source = keras_vit.data.from_arrays(images, labels)
    batches = source.batches(
        recipe["batch_size"],
        image_size=SIDE,
        training=True,
        augment=recipe["augment"],
        seed=seed,
    )
    optimizer = keras.optimizers.AdamW(
        0.0, weight_decay=recipe["weight_decay"], global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_list=not_decayed(model))
    model.compile(
        optimizer,
        LabelSmoothedCrossentropy(recipe["label_smoothing"]),
        jit_compile=True,
    )
    rate = warm_up_then_cosine(recipe["peak"], recipe["warm_up"])
    size = recipe["batch_size"]
    return Contender(model, batches, size, keras_vit.preprocess_input, rate)


def tutorial(images, labels, seed):
    """The Keras tutorial's model and recipe.

    Without XLA, which has no kernel for its rotation; with the augmentation moved into
    the batches and the rest compiled, a step takes 1.4 times as long.
    """
    model = keras_tutorial_vit.build(CLASSES, images)
    size = keras_tutorial_vit.BATCH_SIZE
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images), seed=seed)
        .repeat()
        .batch(size, drop_remainder=True)
        .prefetch(2)
    )
    return Contender(model, batches, size, lambda x: tf.cast(x, "float32"))


CONTENDERS = {"ours": ours, "tutorial": tutorial, "resnet": resnet}
