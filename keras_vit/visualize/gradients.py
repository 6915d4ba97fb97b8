"""Relevance of each patch for a class: gradient times attention."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers import AttentionPooling
from keras_vit.layers.transformer.attention import (
    attend,
    flatten_tokens,
    merge_heads,
    split_heads,
)
from keras_vit.visualize.anatomy import (
    blocks_of,
    checked_images,
    geometry,
    layer_named,
    run,
    to_array,
)
from keras_vit.visualize.attention import read_weights
from keras_vit.visualize.classes import chosen_classes, head_of, logits


def relevance(model, images, class_index=None):
    """How much each patch counts for a class, by gradient times attention.

    In each layer attention is multiplied with the gradient of the class's logit with
    respect to it; what is positive is averaged over heads and passed on to the input
    tokens as the residual connections do. Unlike rollout, it depends on the class.

    Args:
        model: A ViT or hybrid with classes.
        images: As in `attention_maps`.
        class_index: Integer, or one for each image. Defaults to each image's most
            probable class.

    Returns:
        Float32 array `(B, rows, columns)`, not negative: what reaches the class
        token, with mean pooling the mean of the tokens that it reads, with a MAP head
        its query.

    Raises:
        ValueError: if the model has no attention, classes or pooling, there is no such
            class, or the backend is neither TensorFlow nor JAX.

    Example:

    >>> cat = keras_vit.visualize.relevance(model, images, class_index=281)
    >>> keras_vit.visualize.plot_attention(images, cat).savefig("cat.png")

    Reference: [Chefer et al., 2021](https://arxiv.org/abs/2103.15679), equations 5
    and 6.
    """
    blocks = blocks_of(model, "relevance")
    head_of(model, "relevance")
    pooling = layer_named(model, "pooling")
    if pooling is None:
        raise ValueError(
            "relevance needs one vector of scores for each image. Received: "
            f"{model.name!r}, made with pooling=None. Use attention_rollout instead."
        )
    images = checked_images(model, images)
    (tokens,) = run(model, images, [blocks[0].input])
    scores, outputs = _forward(model, tokens)
    classes = chosen_classes(class_index, to_array(outputs))
    chosen = np.eye(outputs.shape[-1], dtype="float32")[classes]  # (B, K)

    def total(nudges):
        return ops.sum(_forward(model, tokens, nudges)[1] * chosen)

    gradients = _gradients(total, [ops.zeros_like(each) for each in scores])
    layers = [
        np.maximum(to_array(a) * to_array(g), 0).mean(axis=1)
        for a, g in zip(scores, gradients)
    ]  # (B, queries, tokens)
    if isinstance(pooling, AttentionPooling):
        weights = layers.pop()[:, 0]
    else:
        weights = read_weights(model, images)
    rolled = np.eye(layers[0].shape[-1], dtype="float32")
    for layer in layers:
        rolled = rolled + layer @ rolled
    values = np.einsum("bq,bqk->bk", weights, np.broadcast_to(rolled, layers[0].shape))
    return geometry(model, images).on_grid(values)


def _gradients(function, values):
    """The gradients of a scalar function of a list of tensors."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            for value in values:
                tape.watch(value)
            result = function(values)
        return tape.gradient(result, values)
    if backend == "jax":
        import jax

        return jax.grad(function)(values)
    raise ValueError(
        "relevance needs gradients from TensorFlow or JAX. Received: the backend "
        f"{backend!r}. Use attention_rollout instead, or set KERAS_BACKEND."
    )


# The layers of the model, called one by one, so that attention can be nudged ---------


def _forward(model, x, nudges=None):
    """The attention scores of all layers, and the logits.

    Args:
        model: A ViT or hybrid with a head.
        x: The tokens that the first block reads.
        nudges: Tensors to add to the scores of each layer, last a MAP head's, or
            `None`: the gradients with respect to them are those of the scores.
    """
    blocks = blocks_of(model, "relevance")
    nudges = iter(nudges or [])
    scores = []
    for i, block in enumerate(blocks):
        if i:
            x = _with_positions(model, i, x)
        x, seen = _block(block, x, next(nudges, None))
        scores.append(seen)
    for layer in model.layers[model.layers.index(blocks[-1]) + 1 :]:
        if layer.name == "head":
            return scores, ops.cast(logits(layer, x), "float32")
        if isinstance(layer, AttentionPooling):
            x, seen = _pooling(layer, x, next(nudges, None))
            scores.append(seen)
        else:
            x = layer(x)


def _with_positions(model, i, x):
    """Adds what a model with positions at every layer adds before block `i`."""
    shared = layer_named(model, "position_embedding")
    layer = shared or layer_named(model, f"position_embedding_{i:02d}")
    return x if layer is None else layer(x)


def _block(block, inputs, nudge):
    """`TransformerBlock` without training, its scores nudged."""
    x, scores = _attention(block.attention, block.attention_norm(inputs), nudge)
    for layer in block.attention_tail:
        x = layer(x)
    x = shortcut = inputs + x
    x = block.mlp(block.mlp_norm(x))
    for layer in block.mlp_tail:
        x = layer(x)
    return shortcut + x, scores


def _attention(layer, x, nudge):
    """`MultiHeadSelfAttention`, its scores nudged."""
    batch, length, width = x.shape
    parts = layer.query_key_value(flatten_tokens(x))
    query, key, value = split_heads(parts, length, 3, layer.num_heads)
    if layer.qk_norm:
        query, key = layer.query_norm(query), layer.key_norm(key)
    x, scores = attend(query, key, value, _nudging(nudge), bias=layer.bias())
    x = layer.projection(flatten_tokens(merge_heads(x)))
    return ops.reshape(x, (batch, length, width)), scores


def _pooling(layer, x, nudge):
    """`AttentionPooling`, its scores nudged."""
    query = layer.query(ops.reshape(layer.probe, (1, -1)))
    query = split_heads(query, 1, 1, layer.num_heads)[0]
    parts = layer.key_value(flatten_tokens(x))
    key, value = split_heads(parts, x.shape[1], 2, layer.num_heads)
    query = ops.broadcast_to(query, (key.shape[0], *query.shape[1:]))
    x, scores = attend(query, key, value, _nudging(nudge))
    x = layer.projection(merge_heads(x))
    return (x + layer.mlp(layer.norm(x)))[:, 0], scores


def _nudging(nudge):
    """Stands where `attend` applies dropout to the scores."""
    if nudge is None:
        return None
    return lambda scores, training: scores + ops.cast(nudge, scores.dtype)
