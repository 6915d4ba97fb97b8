"""Measures of attention (distance, entropy) and of tokens (norms)."""

import numpy as np
from keras import ops

from keras_vit.visualize.anatomy import (
    blocks_of,
    checked_images,
    geometry,
    run,
    to_array,
)
from keras_vit.visualize.attention import each_layer


def attention_distance(maps, grid, cell, prefix=0):
    """The mean distance between a patch and those that it attends to.

    Rows and columns of the first `prefix` tokens are dropped and the rest is not
    normalised again, as in the paper: attention to the class token counts as none.

    Args:
        maps: Array `(..., tokens, tokens)` of attention.
        grid: Pair `(rows, columns)` of patches.
        cell: Pair `(height, width)`, pixels from one patch to the next.
        prefix: Integer, the number of tokens before the first patch.

    Returns:
        Array `(...)`, pixels: the mean over query patches.

    Example:

    >>> maps = np.full((4, 4), 1 / 4)  # uniform, on 2 x 2 patches of 16 pixels
    >>> keras_vit.visualize.attention_distance(maps, (2, 2), (16, 16))
    13.65685424949238

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 7
    (right) and appendix D.7.
    """
    places = np.indices(grid).reshape(2, -1).T * np.asarray(cell)  # (N, 2)
    apart = np.sqrt(((places[:, None] - places) ** 2).sum(axis=-1))  # (N, N)
    maps = maps[..., prefix:, prefix:]
    return np.einsum("...qk,qk->...", maps, apart) / len(places)


def mean_attention_distance(model, images):
    """The mean attention distance of each head, over a batch of images.

    Args:
        model: As in `attention_maps`.
        images: As in `attention_maps`. The paper takes 128 of them.

    Returns:
        Array `(layers, heads)`, in pixels of the image (of a hybrid too: its patches
        are as far apart as the pixels that the ResNet made them of).

    Raises:
        ValueError: if the model has no attention.

    Example:

    >>> distances = keras_vit.visualize.mean_attention_distance(model, images)
    >>> keras_vit.visualize.plot_attention_distance(distances).savefig("depth.png")

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 7
    (right) and appendix D.7.
    """
    blocks_of(model, "mean_attention_distance")
    place = geometry(model, checked_images(model, images))
    return np.stack(
        [
            attention_distance(maps, place.grid, place.cell, place.prefix).mean(axis=0)
            for maps in each_layer(model, images, None, "mean_attention_distance")
        ]
    )


def attention_entropy(model, images):
    """How widely each head spreads its attention.

    Args:
        model: As in `attention_maps`.
        images: As in `attention_maps`.

    Returns:
        Array `(layers, heads)`, nats, the mean over all tokens of all images: 0 for a
        head that looks at one token, `log(tokens)` for one that looks at all alike.

    Raises:
        ValueError: if the model has no attention.

    Example:

    >>> keras_vit.visualize.attention_entropy(model, images).argmin(axis=1)
    """
    layers = each_layer(model, images, None, "attention_entropy")
    return np.stack([entropy(maps).mean(axis=(0, 2)) for maps in layers])


def entropy(maps):
    """The entropy of each row of attention maps, nats: `(..., tokens)`."""
    logs = np.log(np.maximum(maps, np.finfo(maps.dtype).tiny))
    return -(maps * logs).sum(axis=-1)


def token_norms(model, images):
    """The length of every token before the first block and after each.

    Args:
        model: As in `attention_maps`.
        images: As in `attention_maps`.

    Returns:
        Float32 array `(layers + 1, B, tokens)`, Euclidean norms; class token and
        register tokens come first. See `norm_outliers`.

    Raises:
        ValueError: if the model has no Transformer blocks.

    Example:

    >>> norms = keras_vit.visualize.token_norms(model, images)
    >>> norms[-1, :, 1:].max(axis=1)  # the longest patch token of each image
    """
    blocks = blocks_of(model, "token_norms")
    images = checked_images(model, images)
    tensors = [blocks[0].input, *(block.output for block in blocks)]
    values = run(model, images, tensors)
    return np.stack(
        [to_array(ops.norm(ops.cast(x, "float32"), axis=-1)) for x in values]
    )


def norm_outliers(norms, factor=4.0):
    """Which tokens are much longer than the others of their image and layer.

    Large ViTs keep global information in a few patches of the background, which
    register tokens take over where there are some.

    Args:
        norms: Array `(..., tokens)`, such as `token_norms` returns. Leave the first
            tokens out (`norms[..., prefix:]`) for patches alone.
        factor: Float, how many times the median is too long. The reference sets a
            fixed limit for one model; a multiple suits all.

    Returns:
        Boolean array of the shape of `norms`.

    Example:

    >>> norms = keras_vit.visualize.token_norms(model, images)[..., 1:]
    >>> keras_vit.visualize.norm_outliers(norms).mean(axis=(1, 2))  # by layer

    Reference: [Darcet et al., 2024](https://arxiv.org/abs/2309.16588), section 2.
    """
    return norms > factor * np.median(norms, axis=-1, keepdims=True)
