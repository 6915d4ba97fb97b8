"""Finds the patches and blocks in a model of this package, and runs parts of it."""

import dataclasses
import re

import keras
import numpy as np
from keras import ops

from keras_vit.layers import TransformerBlock
from keras_vit.layers.tokens.grids import pair, patch_grid, stem_factor
from keras_vit.models.vision_model import image_shape, look_inside


@dataclasses.dataclass(frozen=True)
class Geometry:
    """How the tokens of a batch lie in its images."""

    # Patches, (rows, columns).
    grid: tuple
    # Pixels of the image from one patch to the next, (height, width).
    cell: tuple
    # The number of tokens before the first patch: class and register tokens.
    prefix: int

    def on_grid(self, tokens):
        """`(..., prefix + N)` to `(..., rows, columns)`, without the prefix."""
        return tokens[..., self.prefix :].reshape(*tokens.shape[:-1], *self.grid)


def layer_named(model, name):
    """A layer, or `None` where the model has none of this name."""
    return next((each for each in model.layers if each.name == name), None)


def blocks_of(model, view):
    """The Transformer blocks of a model, from first to last.

    Args:
        model: A Keras model.
        view: String, what the blocks are wanted for, as the subject of the error.

    Raises:
        ValueError: if there are none.
    """
    blocks = [each for each in model.layers if isinstance(each, TransformerBlock)]
    if blocks and layer_named(model, "patch_encoder"):
        return blocks
    if feature_map(model) is not None:
        raise ValueError(
            f"{view} needs Transformer blocks; convolutional networks have no "
            "attention. Use class_activation or feature_colours instead. "
            f"Received: {model.name!r}"
        )
    raise ValueError(
        f"{view} needs a ViT or hybrid of keras_vit. Received: {model.name!r}, a model "
        f"without its Transformer blocks.{look_inside(model)}"
    )


def feature_map(model):
    """What the head of a convolutional network makes its features of, or `None`.

    Returns:
        A symbolic tensor `(B, rows, columns, channels)`, the last of its kind before
        the head; `None` for a model with patches, one that has another inside, and
        where there is no such map.
    """
    last = None
    for layer in model.layers:
        if layer.name == "head":
            break
        if isinstance(layer, _NO_MAP) or layer.name == "patch_encoder":
            return None
        if not isinstance(layer, _BEFORE_MAPS) and len(_shape(layer)) == 4:
            last = layer.output
    return last


# What is no part of a network, and what no convolutional network has.
_BEFORE_MAPS = (keras.layers.InputLayer, keras.layers.Rescaling)
_NO_MAP = (TransformerBlock, keras.Model)


def _shape(layer):
    try:
        return getattr(layer.output, "shape", ())
    except (AttributeError, ValueError):  # of no model, or used more than once
        return ()


def geometry(model, images):
    """The `Geometry` of a ViT or hybrid for images `(B, H, W, C)`."""
    return geometry_at(model, images.shape[1:3])


def geometry_at(model, size):
    """The `Geometry` of a ViT or hybrid for images of a size in pixels."""
    patch, stride = patch_and_stride(model)
    factor = reduction(model)
    sides = [-(-side // factor) for side in size]  # the stem rounds up
    return Geometry(
        grid=patch_grid(sides, patch, stride),
        cell=tuple(factor * s for s in stride),
        prefix=layer_named(model, "patch_encoder").prefix_tokens,
    )


def patch_and_stride(model):
    """Two pairs `(height, width)`: in pixels, or in positions of a hybrid's map."""
    patches = layer_named(model, "patches")
    patch = pair(patches.patch_size, "patch_size")
    return patch, patch if patches.stride is None else pair(patches.stride, "stride")


def reduction(model):
    """By how much the ResNet of a hybrid shrinks an image; 1 for a ViT."""
    if layer_named(model, "root_conv") is None:
        return 1
    # By layers, not settings, which models that were cut out of others lack.
    stages = {re.match(r"stage(\d+)_|", layer.name)[1] for layer in model.layers}
    return stem_factor(stages - {None})


def checked_images(model, images):
    """`images` as a batch that the model takes; one image is a batch of one.

    Raises:
        ValueError: if it is no batch of images, or of another size.
    """
    images = np.asarray(ops.convert_to_numpy(images))
    images = images[None] if images.ndim == 3 else images
    wanted = image_shape(model)
    fits = images.ndim == 4 and all(
        ours in (None, theirs) for ours, theirs in zip(wanted, images.shape[1:])
    )
    if fits and len(images):
        return images
    shape = ", ".join("any" if side is None else str(side) for side in wanted)
    raise ValueError(
        f"`images` must be a batch of at least one image, of shape (batch, {shape}), "
        f"or one image. Received: an array of shape {images.shape}"
    )


def check_floating(kernel, name):
    """Raises if a kernel holds the integers of a quantized layer."""
    if "float" not in keras.backend.standardize_dtype(kernel.dtype):
        raise ValueError(
            f"The {name} is quantized, and its integers alone are no weights. "
            f"Received: a kernel of {kernel.dtype}. Look at the model before it is "
            "quantized."
        )


def run(model, images, tensors):
    """Values of a model's symbolic tensors for a batch, without training.

    Args:
        model: A functional model.
        images: Array `(B, H, W, C)`.
        tensors: List of its intermediate symbolic tensors.
    """
    view = keras.Model(model.input, list(tensors))
    inputs = ops.convert_to_tensor(images)
    if isinstance(model.input, dict):  # masked patch prediction: nothing is hidden
        count = model.input["shown"].shape[1]
        shown = np.tile(np.arange(count, dtype="int32"), (len(images), 1))
        inputs = {"image": inputs, "shown": ops.convert_to_tensor(shown)}
    values = view(inputs, training=False)
    return list(values) if isinstance(values, (list, tuple)) else [values]


def to_array(x):
    """A tensor as an array of float32 at least."""
    dtype = keras.backend.result_type(x.dtype, "float32")
    return ops.convert_to_numpy(ops.cast(x, dtype))
