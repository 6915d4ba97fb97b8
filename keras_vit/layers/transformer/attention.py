"""Multi-head self-attention, and the functions that make it up."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers.base import CompositeLayer
from keras_vit.layers.transformer.layer_norm import LayerNorm


def attend(query, key, value, dropout=None, training=False, bias=None):
    """Scaled dot-product attention; the softmax runs in float32 at least.

    Args:
        query: Tensor of shape `(batch, heads, queries, key_dim)`.
        key: Tensor of shape `(batch, heads, keys, key_dim)`.
        value: Tensor of shape `(batch, heads, keys, key_dim)`.
        dropout: Layer applied to the attention scores, or `None`.
        training: Passed to `dropout`.
        bias: Tensor added to the logits, `(heads, queries, keys)` with or without a
            batch before it, or `None`.

    Returns:
        The attended values `(batch, heads, queries, key_dim)`, and the scores
        `(batch, heads, queries, keys)`: rows that sum to 1, before dropout.
    """
    # The official code scales the query, not the logits.
    query = query * query.shape[-1] ** -0.5
    scores = _scores(query, key, bias)
    weights = scores if dropout is None else dropout(scores, training=training)
    return ops.matmul(ops.cast(weights, value.dtype), value), scores


def _scores(query, key, bias=None):
    logits = ops.matmul(query, _transposed(key))
    dtype = keras.backend.result_type(logits.dtype, "float32")
    logits = ops.cast(logits, dtype)
    if bias is not None:
        logits = logits + ops.cast(bias, dtype)
    return ops.softmax(logits, axis=-1)


def hiding(keep):
    """What is added to attention logits, so that padding gets no attention.

    Args:
        keep: Boolean tensor `(batch, tokens)`, true where a token is real.

    Returns:
        Tensor `(batch, 1, 1, tokens)`: 0, and -1e9 where a token is padding. Where all
        are, the scores stay finite.
    """
    bias = ops.where(ops.cast(keep, "bool"), 0.0, -1e9)
    return bias[:, None, None, :]


def _transposed(x):
    return ops.transpose(x, (0, 1, 3, 2))


@ops.custom_gradient
def attended(query, key, value):
    """The first result of `attend` without dropout, with a written-out gradient.

    The gradient of the softmax needs, for each query, the sum over all keys of scores
    times their gradients. That is the output times its gradient, summed over the head:
    a much smaller tensor than the scores.

    Reference: [Dao et al., 2022](https://arxiv.org/abs/2205.14135), appendix B.2.
    """
    scale = query.shape[-1] ** -0.5
    scaled = query * scale
    scores = _scores(scaled, key)
    weights = ops.cast(scores, value.dtype)
    output = ops.matmul(weights, value)

    def gradient(*args, upstream=None):
        dy = args[0] if upstream is None else upstream
        total = ops.sum(ops.cast(dy * output, scores.dtype), axis=-1, keepdims=True)
        dscores = ops.cast(ops.matmul(dy, _transposed(value)), scores.dtype)
        dlogits = ops.cast(scores * (dscores - total), query.dtype)
        return (
            ops.matmul(dlogits, key) * scale,
            ops.matmul(_transposed(dlogits), scaled),
            ops.matmul(_transposed(weights), dy),
        )

    return output, gradient


def flatten_tokens(x):
    """`(B, N, D)` to `(B * N, D)` where that is faster, else unchanged.

    TensorFlow flattens the operand of a dense layer anyway and restores its shape
    before the bias is added. Flattened here, the bias becomes part of the matrix
    product. Other backends keep the batch apart (on a TPU the merged
    dimension would have to be laid out anew).
    """
    if keras.backend.backend() != "tensorflow":
        return x
    return ops.reshape(x, (-1, x.shape[-1]))


def _multiplies_by_head(dense):
    """Whether a dense layer's kernel is multiplied as one matrix for each head.

    On a TPU the products then have the layout that attention wants. What a fused one
    gives would be copied to it, forward and backward, and its bias would get a pass of
    its own for the gradient: a sixth of a training step. A quantized layer has no such
    kernel.
    """
    return keras.backend.backend() == "jax" and dense.quantization_mode is None


def split_heads(x, length, parts, num_heads):
    """`(..., parts * D)` to `parts` tensors `(B, heads, N, D / heads)`.

    A fused projection keeps the parts side by side, heads inside them.
    """
    key_dim = x.shape[-1] // (parts * num_heads)
    x = ops.reshape(x, (-1, length, parts, num_heads, key_dim))
    x = ops.transpose(x, (2, 0, 3, 1, 4))  # (parts, B, heads, N, key_dim)
    return ops.unstack(x, parts)  # its gradient is one copy; that of x[i] is several


def merge_heads(x):
    """`(B, heads, N, key_dim)` to `(B, N, heads * key_dim)`."""
    num_heads, length, key_dim = ops.shape(x)[1:]
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, length, num_heads * key_dim))


def check_heads(hidden_dim, num_heads):
    """Raises unless every head gets the same width."""
    if hidden_dim % num_heads:
        raise ValueError(
            "`hidden_dim` must be a multiple of `num_heads`, so that every head gets "
            f"the same width. Received: hidden_dim={hidden_dim}, num_heads={num_heads}"
        )


def fused_initializer(inputs, outputs=None):
    """Xavier-uniform of one `(inputs, outputs)` matrix, for several side by side.

    Glorot on the fused `(D, 3 * D)` kernel would draw from a narrower range.
    """
    limit = (6 / (inputs + (outputs or inputs))) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)


@keras.saving.register_keras_serializable(package="keras_vit")
class MultiHeadSelfAttention(CompositeLayer):
    """Multi-head self-attention with one fused projection for query, key and value.

    Args:
        num_heads: Integer, must divide the width of the tokens.
        dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        qkv_bias: Boolean, whether query, key and value have a bias.
        qk_norm: Boolean, whether query and key are layer-normalised per head.
        epsilon: Float, of those norms.
        seed: Integer or `None`, the seed of the dropout.

    Call arguments:
        inputs: Float tensor `(batch, tokens, hidden_dim)`.
        return_attention_scores: Boolean, whether to return the scores as well.
        keep: Boolean tensor `(batch, tokens)`, true where a token is real and false
            where it is padding, to which no token attends. `None`: all are real.

    Output shape: as the input; with `return_attention_scores` also the scores
        `(batch, num_heads, tokens, tokens)`, in float32 at least, before dropout.

    Raises:
        ValueError: if `hidden_dim` is not a multiple of `num_heads`.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    appendix A.
    """

    def __init__(
        self,
        num_heads,
        dropout_rate=0.0,
        *,
        qkv_bias=True,
        qk_norm=False,
        epsilon=1e-6,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = dropout_rate
        self.qkv_bias = qkv_bias
        self.qk_norm = qk_norm
        self.epsilon = epsilon
        self.seed = seed

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        check_heads(hidden_dim, self.num_heads)
        self.query_key_value = self.dense(
            3 * hidden_dim,
            "query_key_value",
            input_shape,
            use_bias=self.qkv_bias,
            kernel_initializer=fused_initializer(hidden_dim),
        )
        self.projection = self.dense(hidden_dim, "projection", input_shape)
        self.dropout = None
        if self.dropout_rate:
            self.dropout = keras.layers.Dropout(
                self.dropout_rate,
                seed=self.seed,
                dtype=keras.backend.result_type(self.compute_dtype, "float32"),
                name="dropout",
            )
        if self.qk_norm:
            head_shape = (None, self.num_heads, None, hidden_dim // self.num_heads)
            for part in ("query_norm", "key_norm"):
                norm = LayerNorm(
                    epsilon=self.epsilon, dtype=self.dtype_policy, name=part
                )
                norm.build(head_shape)
                setattr(self, part, norm)

    def bias(self):
        """What is added to the attention logits; subclasses have something."""
        return None

    def call(self, inputs, training=False, return_attention_scores=False, keep=None):
        query, key, value = self._projected(inputs)
        if self.qk_norm:
            query, key = self.query_norm(query), self.key_norm(key)
        bias = self.bias()
        if keep is not None:
            bias = hiding(keep) if bias is None else hiding(keep) + bias
        if return_attention_scores or self.dropout is not None or bias is not None:
            x, scores = attend(query, key, value, self.dropout, training, bias)
        else:
            x = attended(query, key, value)
        x = self._merged(x, inputs)
        return (x, scores) if return_attention_scores else x

    def _projected(self, inputs):
        """Query, key and value, `(B, heads, N, key_dim)` each."""
        layer, width = self.query_key_value, inputs.shape[-1]
        if not _multiplies_by_head(layer):
            x = layer(flatten_tokens(inputs))
            return split_heads(x, ops.shape(inputs)[1], 3, self.num_heads)
        kernel = ops.cast(layer.kernel, inputs.dtype)
        bias = None if layer.bias is None else ops.cast(layer.bias, inputs.dtype)
        parts = []
        for start in range(0, 3 * width, width):
            part = np.s_[..., start : start + width]
            matrices = ops.reshape(kernel[part], (width, self.num_heads, -1))
            x = ops.einsum("bnd,dhk->bhnk", inputs, matrices)
            if bias is not None:
                x = x + ops.reshape(bias[part], (self.num_heads, 1, -1))
            parts.append(x)
        return parts

    def _merged(self, x, inputs):
        """The attended values of all heads, projected to the shape of the inputs."""
        layer = self.projection
        if not _multiplies_by_head(layer):
            x = layer(flatten_tokens(merge_heads(x)))
            return ops.reshape(x, (-1, ops.shape(inputs)[1], inputs.shape[-1]))
        kernel = ops.cast(layer.kernel, x.dtype)
        kernel = ops.reshape(kernel, (self.num_heads, -1, kernel.shape[-1]))
        x = ops.einsum("bhnk,hkd->bnd", x, kernel)
        return x + ops.cast(layer.bias, x.dtype)

    def compute_output_spec(
        self, inputs, training=False, return_attention_scores=False, keep=None
    ):
        return block_spec(self, inputs, return_attention_scores)


def scores_spec(layer, shape):
    """The symbolic attention scores of a layer: in float32 at least."""
    dtype = keras.backend.result_type(layer.compute_dtype, "float32")
    return keras.KerasTensor(shape, dtype=dtype)


def block_spec(layer, inputs, return_attention_scores):
    """The symbolic outputs of self-attention, and of a block around it."""
    batch, length = inputs.shape[:2]
    output = keras.KerasTensor(inputs.shape, dtype=layer.compute_dtype)
    scores = scores_spec(layer, (batch, layer.num_heads, length, length))
    return (output, scores) if return_attention_scores else output
