"""The model of the Keras tutorial "Image classification with Vision Transformer".

Written from its published facts: images resized to 72 x 72, patches of 6, tokens of
64, eight blocks with four heads of 64 each, MLPs of 128 and 64 with dropout 0.1, all
tokens flattened into a classifier of 2048 and 1024 with dropout 0.5; AdamW with the
rate 1e-3 and weight decay 1e-4, batches of 256; images normalised by the mean and
variance of the training set, flipped, rotated by up to 0.02 of a turn, and zoomed by up
to 0.2. Nothing of keras_vit is used.

Reference: https://keras.io/examples/vision/image_classification_with_vision_transformer
"""

import keras
from keras import layers, ops

BATCH_SIZE = 256
IMAGE_SIZE = 72
PATCH_SIZE = 6
WIDTH = 64
HEADS = 4
BLOCKS = 8
BLOCK_MLP = (128, 64)
HEAD_MLP = (2048, 1024)


class Patches(layers.Layer):
    """Cuts images into flat patches: `(B, H, W, C)` to `(B, N, 6 * 6 * C)`."""

    def call(self, images):
        patches = ops.image.extract_patches(images, PATCH_SIZE)
        rows, columns, values = patches.shape[1:]
        return ops.reshape(patches, (-1, rows * columns, values))


class PatchEncoder(layers.Layer):
    """Projects patches and adds a learned vector for each place."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.projection = layers.Dense(WIDTH)
        self.positions = layers.Embedding(count, WIDTH)

    def call(self, patches):
        places = ops.expand_dims(ops.arange(self.count), 0)
        return self.projection(patches) + self.positions(places)


def build(num_classes, images):
    """The compiled model; its input is pixels in [0, 255].

    Args:
        num_classes: Integer.
        images: The training images, `uint8`, for the normalisation.
    """
    normalization = layers.Normalization()
    normalization.adapt(images.astype("float32"))
    inputs = keras.Input(images.shape[1:])
    x = normalization(inputs)
    x = layers.Resizing(IMAGE_SIZE, IMAGE_SIZE)(x)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.RandomRotation(0.02)(x)
    x = layers.RandomZoom(0.2, 0.2)(x)
    x = Patches()(x)
    x = PatchEncoder((IMAGE_SIZE // PATCH_SIZE) ** 2)(x)
    for _ in range(BLOCKS):
        x = _block(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = _mlp(x, HEAD_MLP, 0.5)
    model = keras.Model(inputs, layers.Dense(num_classes)(x))
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def _block(x):
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(HEADS, key_dim=WIDTH, dropout=0.1)(y, y)
    x = layers.Add()([x, y])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    return layers.Add()([x, _mlp(y, BLOCK_MLP, 0.1)])


def _mlp(x, widths, rate):
    for width in widths:
        x = layers.Dense(width, activation=keras.activations.gelu)(x)
        x = layers.Dropout(rate)(x)
    return x
