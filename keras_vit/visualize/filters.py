"""The first filters of a model and their principal components."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers import StandardizedConv2D
from keras_vit.models.vision_model import look_inside
from keras_vit.visualize.anatomy import check_floating, layer_named, patch_and_stride


def patch_filters(model):
    """The filters of the first layer, which reads pixels.

    Args:
        model: A model of this package. Of a ViT these are the patch embedding's; of
            every other model those of the first convolution, standardised where that
            is how they multiply the image.

    Returns:
        Float32 array `(filters, height, width, channels)`, for a ViT `hidden_dim`
        filters of the patch's size.

    Raises:
        ValueError: if the model has neither, or its kernel is quantized.

    Example:

    >>> keras_vit.visualize.patch_filters(keras_vit.ViT_S16()).shape
    (384, 16, 16, 3)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 7
    (left).
    """
    encoder = layer_named(model, "patch_encoder")
    of_image = (x for x in model.layers if isinstance(x, keras.layers.Conv2D))
    first = next(of_image, None)
    if first is not None:
        kernel = _float(first.kernel, model)  # (height, width, C, filters)
        if isinstance(first, StandardizedConv2D):
            kernel = first.standardized(kernel)
        return np.moveaxis(ops.convert_to_numpy(kernel), -1, 0)
    if encoder is None:
        raise ValueError(
            "patch_filters needs a model of keras_vit with its first layers. Received: "
            f"{model.name!r}, without a layer 'patch_encoder' or a convolution."
            f"{look_inside(model)}"
        )
    kernel = _float(encoder.projection.kernel, model)  # (P1 * P2 * C, D)
    height, width = patch_and_stride(model)[0]
    filters = ops.convert_to_numpy(kernel).T
    return filters.reshape(len(filters), height, width, -1)


def _float(kernel, model):
    check_floating(kernel, f"first layer of {model.name!r}")
    return ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))


def filter_components(model, count=28):
    """The principal components of the filters, the most important first.

    Args:
        model: As in `patch_filters`.
        count: Integer, at most the number of filters, and of values in one. Defaults
            to 28, as in the paper.

    Returns:
        Float32 array `(count, height, width, channels)` of orthonormal filters. Their
        sign says nothing; the largest value of each is positive.

    Raises:
        ValueError: if there are fewer than `count`.

    Example:

    >>> components = keras_vit.visualize.filter_components(keras_vit.ViT_B16())
    >>> components.shape
    (28, 16, 16, 3)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 7
    (left).
    """
    filters = patch_filters(model)
    flat = filters.reshape(len(filters), -1)
    if not 1 <= count <= min(flat.shape):
        raise ValueError(
            f"`count` must be from 1 to {min(flat.shape)}: the model has {len(flat)} "
            f"filters of {flat.shape[1]} values. Received: count={count}"
        )
    components = principal_components(flat, count)
    return components.reshape(count, *filters.shape[1:]).astype("float32")


def principal_components(rows, count):
    """The first `count` principal directions of `rows` `(n, d)`: `(count, d)`."""
    centred = rows.astype("float64") - rows.mean(axis=0, dtype="float64")
    components = np.linalg.svd(centred, full_matrices=False)[2][:count]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return components * signs[:, None]
