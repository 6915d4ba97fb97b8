"""Pools all tokens into one vector: by class token, mean or attention."""

import keras
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.base import CompositeLayer, Layer
from keras_vit.layers.transformer.attention import (
    attend,
    check_heads,
    flatten_tokens,
    fused_initializer,
    merge_heads,
    scores_spec,
    split_heads,
)
from keras_vit.layers.transformer.layer_norm import LayerNorm
from keras_vit.layers.transformer.mlp import MLP

TOKEN_POOLINGS = ("token", "gap", "gap_all", "prefix", "token+gap")


def pooled_width(pooling, skip, hidden_dim):
    """The width of what a head reads; arguments as of `TokenPooling`."""
    return hidden_dim * {"prefix": skip, "token+gap": 2}.get(pooling, 1)


@keras.saving.register_keras_serializable(package="keras_vit")
class TokenPooling(Layer):
    """Reduces a sequence of tokens to one vector.

    Args:
        pooling: `"token"`: the first token; `"gap"`: the mean of the tokens but for
            the first `skip`; `"gap_all"`: the mean of all tokens; `"prefix"`: the
            first `skip` tokens side by side; `"token+gap"`: what `"token"` and
            `"gap"` give, side by side.
        skip: Integer, the number of leading tokens that stand for no patch (class
            and register tokens).

    Input shape: `(batch, tokens, hidden_dim)`.

    Output shape: `(batch, hidden_dim)`; of `"prefix"` `(batch, skip * hidden_dim)`,
        of `"token+gap"` `(batch, 2 * hidden_dim)`.

    Raises:
        ValueError: if `pooling` is unknown, or `"prefix"` has no tokens to read.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    appendix D.3.
    """

    def __init__(self, pooling="token", skip=0, **kwargs):
        super().__init__(**kwargs)
        check_choice(pooling, TOKEN_POOLINGS, "pooling")
        if pooling == "prefix" and skip < 1:
            raise ValueError(
                "`pooling='prefix'` reads the tokens before the patches, so there must "
                f"be some. Received: skip={skip}"
            )
        self.pooling = pooling
        self.skip = skip

    def call(self, inputs):
        if self.pooling == "token":
            return inputs[:, 0]
        if self.pooling == "prefix":
            return ops.reshape(inputs[:, : self.skip], (-1, self._width(inputs.shape)))
        skip = 0 if self.pooling == "gap_all" else self.skip
        mean = ops.mean(inputs[:, skip:], axis=1)
        if self.pooling == "token+gap":
            return ops.concatenate([inputs[:, 0], mean], axis=-1)
        return mean

    def _width(self, input_shape):
        return pooled_width(self.pooling, self.skip, input_shape[-1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._width(input_shape))


@keras.saving.register_keras_serializable(package="keras_vit")
class AttentionPooling(CompositeLayer):
    """Multi-head attention pooling, the "map" head: one learned query reads all.

    `x = attention(probe, tokens)`, then `x + mlp(norm(x))`.

    Args:
        num_heads: Integer, must divide the width of the tokens.
        mlp_dim: Integer, the inner width of the MLP. Defaults to four times the
            width of the tokens.
        gelu: `"tanh"` or `"erf"`.
        epsilon: Float, of the layer norm.

    Call arguments:
        inputs: Float tensor `(batch, tokens, hidden_dim)`.
        return_attention_scores: Boolean, whether to return the scores as well.

    Output shape: `(batch, hidden_dim)`; with `return_attention_scores` also the
        scores `(batch, num_heads, 1, tokens)`, in float32 at least.

    Raises:
        ValueError: if `hidden_dim` is not a multiple of `num_heads`.

    Example:

    >>> pool = keras_vit.layers.AttentionPooling(num_heads=4)
    >>> pool(keras.ops.ones((2, 49, 64))).shape
    (2, 64)

    Reference: [Zhai et al., 2022](https://arxiv.org/abs/2106.04560), section 2.2;
    `big_vision/models/vit.py: MAPHead`.
    """

    def __init__(self, num_heads, mlp_dim=None, *, gelu="tanh", epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.gelu = gelu
        self.epsilon = epsilon

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        check_heads(hidden_dim, self.num_heads)
        self.probe = self.add_weight(
            name="probe",
            shape=(1, 1, hidden_dim),
            initializer=keras.initializers.GlorotUniform(),
        )
        one_token = (input_shape[0], 1, hidden_dim)

        def dense(units, name, shape):
            initializer = fused_initializer(hidden_dim)
            return self.dense(units, name, shape, kernel_initializer=initializer)

        self.query = dense(hidden_dim, "query", one_token)
        self.key_value = dense(2 * hidden_dim, "key_value", input_shape)
        self.projection = dense(hidden_dim, "projection", one_token)
        self.norm = LayerNorm(
            epsilon=self.epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build(one_token)
        self.mlp = MLP(
            self.mlp_dim or 4 * hidden_dim,
            gelu=self.gelu,
            dtype=self.dtype_policy,
            name="mlp",
        )
        self.mlp.build(one_token)

    def call(self, inputs, return_attention_scores=False):
        # The probe is the same for every image, so its query is computed once.
        # As a tensor: a quantized layer differentiates by what it is given, which a
        # variable is not.
        query = self.query(ops.reshape(self.probe, (1, -1)))
        query = split_heads(query, 1, 1, self.num_heads)[0]
        length = ops.shape(inputs)[1]
        x = self.key_value(flatten_tokens(inputs))
        key, value = split_heads(x, length, 2, self.num_heads)
        query = ops.broadcast_to(query, (ops.shape(key)[0], *query.shape[1:]))
        x, scores = attend(query, key, value)
        x = self.projection(merge_heads(x))
        x = (x + self.mlp(self.norm(x)))[:, 0]
        return (x, scores) if return_attention_scores else x

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def compute_output_spec(self, inputs, return_attention_scores=False):
        batch, length, hidden_dim = inputs.shape
        output = keras.KerasTensor((batch, hidden_dim), dtype=self.compute_dtype)
        scores = scores_spec(self, (batch, self.num_heads, 1, length))
        return (output, scores) if return_attention_scores else output
