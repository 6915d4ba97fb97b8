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
from keras_vit.training.optimizers.build import not_decayed

CLASSES = 10


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


# What 1,800 CPU-seconds can feed: about 15 epochs of 0.8 million parameters. Within 100
# CPU-seconds, one run each, 46 % of the held-out images were right; 44 % with four
# blocks of width 192, 44 % with batches of 128 at the rate 2e-3, and 40 % if patches of
# 4 pixels with learned positions took the place of those that overlap.
OURS = {
    "image_size": 32,
    "patch_size": 8,
    "stride": 4,
    "num_layers": 6,
    "hidden_dim": 128,
    "mlp_dim": 256,
    "num_heads": 4,
    "pooling": "gap",
    "position_embedding": "sincos2d",
}
# Twice the size of the images, because the root of a BiT quarters it at once.
RESNET = {"image_size": 64, "num_blocks": (2, 2, 2), "width_factor": 0.5}
RECIPE = {
    "batch_size": 64,
    "augment": "crop_flip",
    "peak": 1.5e-3,
    "warm_up": 0.05,
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
}


def ours(images, labels, seed):
    """A small `keras_vit.ViT` with the small-data recipe."""
    model = keras_vit.ViT(CLASSES, **OURS)
    return _with_recipe(model, images, labels, seed, jit_compile=True)


def resnet(images, labels, seed):
    """A small `keras_vit.BiT` with the same recipe. XLA would slow it by a third."""
    model = keras_vit.BiT(CLASSES, **RESNET)
    return _with_recipe(model, images, labels, seed, jit_compile=False)


# The networks that the paper's lineage names, each of a size that suits 32 pixels.
LINEAGE = {
    "lenet5": lambda: keras_vit.LeNet5(CLASSES, num_channels=3),
    "vgg": lambda: keras_vit.VGG(
        CLASSES,
        num_convs=(2, 2, 2),
        widths=(32, 64, 128),
        hidden_dims=(),
        batch_norm=True,
        pooling="gap",
        image_size=32,
    ),
    "resnet_batch_norm": lambda: keras_vit.ResNet(
        CLASSES,
        image_size=64,
        num_blocks=(2, 2, 2),
        stage_widths=(128, 256, 512),
        stem_width=32,
    ),
    "hybrid": lambda: keras_vit.HybridViT(
        CLASSES,
        image_size=64,
        num_blocks=(2, 2),
        width_factor=0.5,
        num_layers=4,
        hidden_dim=128,
        mlp_dim=256,
        num_heads=4,
        pooling="gap",
    ),
}


def of_lineage(name):
    """A contender of `LINEAGE` with the same recipe."""

    def contender(images, labels, seed):
        return _with_recipe(LINEAGE[name](), images, labels, seed, jit_compile=False)

    return contender


def _with_recipe(model, images, labels, seed, jit_compile):
    size, side = RECIPE["batch_size"], model.input_shape[1]
    batches = keras_vit.data.from_arrays(images, labels).batches(
        size, image_size=side, training=True, augment=RECIPE["augment"], seed=seed
    )
    batches = batches.map(lambda x, y: (x, tf.one_hot(y, CLASSES)))
    optimizer = keras.optimizers.AdamW(
        0.0, weight_decay=RECIPE["weight_decay"], global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_list=not_decayed(model))
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=RECIPE["label_smoothing"]
    )
    model.compile(optimizer, loss, jit_compile=jit_compile)
    rate = warm_up_then_cosine(RECIPE["peak"], RECIPE["warm_up"])
    evaluation = keras_vit.data.preprocessing(side)

    def prepare(pixels):
        for step in evaluation.steps:
            pixels = step(pixels)
        return pixels

    return Contender(model, batches, size, prepare, rate)


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


CONTENDERS = {
    "ours": ours,
    "tutorial": tutorial,
    "resnet": resnet,
    **{name: of_lineage(name) for name in LINEAGE},
}
