"""Attention maps of Transformer blocks, and attention rollout."""

import operator

import numpy as np

from keras_vit.common.checks import check_choice
from keras_vit.layers import AttentionPooling
from keras_vit.visualize.anatomy import (
    blocks_of,
    checked_images,
    geometry,
    layer_named,
    run,
    to_array,
)


def attention_maps(model, images, layers=None):
    """The attention of every head to every token.

    Args:
        model: A ViT, a hybrid or a model of masked patch prediction.
        images: Array `(B, H, W, C)`, as the model takes it: in `[-1, 1]`, or pixels
            where it was made with `include_preprocessing`. One image `(H, W, C)` is a
            batch of one.
        layers: Integer or sequence of integers, blocks counted from 0, negative ones
            from the last. Defaults to all of them.

    Returns:
        Float32 array `(layers, B, heads, tokens, tokens)`: row q holds how much token
        q takes from each token, and sums to 1. Class token and register tokens come
        first. All layers of ViT-B/16 take 22 MB for each image of 224 pixels.

    Raises:
        ValueError: if the model has no attention, no such block, or other images.

    Example:

    >>> maps = keras_vit.visualize.attention_maps(keras_vit.ViT_B16(), images, -1)
    >>> maps.shape
    (1, 4, 12, 197, 197)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    appendix A, equation 6.
    """
    return np.stack(list(each_layer(model, images, layers, "attention_maps")))


def attention_to_patches(model, images, layers=None):
    """What the class token of each layer and head takes from each patch.

    A model without a class token has the mean over its patches in that place.

    Args:
        model: As in `attention_maps`.
        images: As in `attention_maps`.
        layers: As in `attention_maps`.

    Returns:
        Float32 array `(layers, B, heads, rows, columns)`. The shares of class and
        register tokens are left out.

    Raises:
        ValueError: as `attention_maps`.

    Example:

    >>> maps = keras_vit.visualize.attention_to_patches(model, images, layers=-1)
    >>> maps.shape  # ViT-B/16, one layer, four images, twelve heads
    (1, 4, 12, 14, 14)
    """
    blocks_of(model, "attention_to_patches")
    images = checked_images(model, images)
    place, queries = geometry(model, images), summary_rows(model)
    maps = each_layer(model, images, layers, "attention_to_patches")
    return place.on_grid(np.stack([m[:, :, queries].mean(axis=2) for m in maps]))


def summary_rows(model):
    """The rows that stand for an image: of the class token, or of all patches."""
    encoder = layer_named(model, "patch_encoder")
    return slice(0, 1) if encoder.class_token else slice(encoder.prefix_tokens, None)


def each_layer(model, images, layers, view):
    """The maps of `attention_maps`, one layer after the other."""
    blocks = blocks_of(model, view)
    blocks = [blocks[i] for i in _chosen(layers, len(blocks))]
    images = checked_images(model, images)
    for block, x in zip(blocks, run(model, images, [b.input for b in blocks])):
        x = block.attention_norm(x)
        _, scores = block.attention(x, training=False, return_attention_scores=True)
        yield to_array(scores)


def _chosen(layers, count):
    if layers is None:
        return range(count)
    try:
        numbers = [operator.index(layers)]
    except TypeError:
        numbers = [operator.index(number) for number in layers]
    if not numbers or not all(-count <= number < count for number in numbers):
        raise ValueError(
            f"`layers` must be numbers of blocks, from 0 to {count - 1}, or from "
            f"{-count} to -1 counted from the last. Received: layers={layers}"
        )
    return numbers


def pooling_attention(model, images):
    """The attention of the learned query of a MAP head to the last tokens.

    Args:
        model: A ViT or hybrid with `pooling="map"`.
        images: As in `attention_maps`.

    Returns:
        Float32 array `(B, heads, tokens)`; rows sum to 1.

    Raises:
        ValueError: if the head is of another kind.

    Example:

    >>> model = keras_vit.ViT_B16(pooling="map")
    >>> keras_vit.visualize.pooling_attention(model, images).shape
    (4, 12, 196)

    Reference: [Zhai et al., 2022](https://arxiv.org/abs/2106.04560), section 2.2.
    """
    blocks_of(model, "pooling_attention")
    pooling = layer_named(model, "pooling")
    if not isinstance(pooling, AttentionPooling):
        raise ValueError(
            "pooling_attention needs a model with pooling='map': other heads have no "
            "attention of their own. Use attention_rollout instead, or "
            "attention_maps: with a class token its row of the last layer. "
            f"Received: {model.name!r}"
        )
    images = checked_images(model, images)
    (tokens,) = run(model, images, [pooling.input])
    _, scores = pooling(tokens, return_attention_scores=True)
    return to_array(scores)[:, :, 0]


def read_weights(model, images):
    """How much of each token of the last layer the head reads: `(B, tokens)`.

    The class token alone; with mean pooling each token that it averages alike; with
    class token and mean side by side half of either; with several tokens side by side
    each alike; with a MAP head the mean of its attention over heads. Without any
    pooling the class token where there is one, else the mean of the patches.
    """
    blocks_of(model, "read_weights")
    place, pooling = geometry(model, images), layer_named(model, "pooling")
    if isinstance(pooling, AttentionPooling):
        return pooling_attention(model, images).mean(axis=1)
    tokens = place.prefix + place.grid[0] * place.grid[1]
    weights = np.zeros((len(images), tokens), "float32")
    kind = None if pooling is None else pooling.pooling
    if kind is None:
        has_class = layer_named(model, "patch_encoder").class_token
        kind = "token" if has_class else "gap"
    parts = {
        "token": [(0, 1)],
        "gap": [(place.prefix, tokens)],
        "gap_all": [(0, tokens)],
        "prefix": [(0, place.prefix)],
        "token+gap": [(0, 1), (place.prefix, tokens)],
    }[kind]
    for first, last in parts:
        weights[:, first:last] = 1 / (last - first) / len(parts)
    return weights


def rollout(maps, heads="mean"):
    """How much of each input token reaches each output token, over all layers.

    Each layer's attention is averaged over heads, the identity is added for the
    residual connection, rows are normalised again, and the layers are multiplied.

    Args:
        maps: Arrays `(B, heads, tokens, tokens)` from first layer to last, such as
            `attention_maps` returns.
        heads: `"mean"`, or `"max"`: the strongest head in the place of the mean.

    Returns:
        Array `(B, tokens, tokens)`; rows sum to 1.

    Raises:
        ValueError: if `heads` is unknown or there is no layer.

    Example:

    >>> maps = keras_vit.visualize.attention_maps(model, images)
    >>> keras_vit.visualize.rollout(maps)[:, 0]  # of the class token

    Reference: [Abnar and Zuidema, 2020](https://arxiv.org/abs/2005.00928); as used in
    [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix D.8.
    """
    check_choice(heads, ("mean", "max"), "heads")
    rolled = None
    for scores in maps:
        scores = scores.mean(axis=1) if heads == "mean" else scores.max(axis=1)
        scores = scores + np.eye(scores.shape[-1], dtype=scores.dtype)
        scores /= scores.sum(axis=-1, keepdims=True)
        rolled = scores if rolled is None else scores @ rolled
    if rolled is None:
        raise ValueError("`maps` must hold at least one layer. Received: none")
    return rolled


def attention_rollout(model, images, heads="mean"):
    """How much of each patch reaches the input of the head.

    That is the class token; with mean pooling the mean of the tokens that it reads,
    with a MAP head its own attention; without pooling the class token where there is
    one, else the mean of the patches.

    Args:
        model: As in `attention_maps`.
        images: As in `attention_maps`.
        heads: `"mean"` or `"max"`; see `rollout`.

    Returns:
        Float32 array `(B, rows, columns)`. The shares of class and register tokens
        are left out, so that an image's sum is at most 1.

    Raises:
        ValueError: if the model has no attention, or `heads` is unknown.

    Example:

    >>> shares = keras_vit.visualize.attention_rollout(keras_vit.ViT_B16(), images)
    >>> keras_vit.visualize.plot_attention(images, shares).savefig("attention.png")

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    D.8 and figure 14.
    """
    rolled = rollout(each_layer(model, images, None, "attention_rollout"), heads)
    return reaching_head(model, checked_images(model, images), rolled)


def reaching_head(model, images, rolled):
    """Of what `rollout` returns, what reaches the head: `(B, rows, columns)`."""
    shares = np.einsum("bq,bqk->bk", read_weights(model, images), rolled)
    return geometry(model, images).on_grid(shares)
