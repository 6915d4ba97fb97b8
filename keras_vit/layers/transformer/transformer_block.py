"""The Transformer block: attention, then an MLP, each with a shortcut."""

import keras
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.base import Layer
from keras_vit.layers.remat import RematLayer
from keras_vit.layers.transformer.attention import MultiHeadSelfAttention, block_spec
from keras_vit.layers.transformer.layer_norm import LayerNorm
from keras_vit.layers.transformer.mlp import MLP
from keras_vit.layers.transformer.relative_attention import RelativeSelfAttention
from keras_vit.layers.transformer.stochastic_depth import StochasticDepth


@keras.saving.register_keras_serializable(package="keras_vit")
class LayerScale(Layer):
    """Multiplies each channel by a learned factor.

    Args:
        initial_value: Float, the first value of every factor.

    Input shape: `(..., channels)`.

    Output shape: the same.

    Reference: [Touvron et al., 2021](https://arxiv.org/abs/2103.17239), equation 4.
    """

    def __init__(self, initial_value=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.initial_value = initial_value

    def build(self, input_shape):
        self.gamma = self.add_weight(
            name="gamma",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial_value),
        )

    def call(self, inputs):
        return inputs * self.gamma


@keras.saving.register_keras_serializable(package="keras_vit")
class TransformerBlock(RematLayer):
    """A Transformer encoder block: attention, then MLP, each with a norm.

    `x = x + attention(attention_norm(x))`, then `x = x + mlp(mlp_norm(x))`:
    equations 2 and 3 of the paper. With `norm="post"`, as in the first Transformer and
    in BERT, `x = attention_norm(x + attention(x))`, then `x = mlp_norm(x + mlp(x))`.
    Attention scores are computed in float32 at least and returned on request only.

    Args:
        num_heads: Integer, must divide the width of the tokens.
        mlp_dim: Integer, the inner width of the MLP.
        dropout_rate: Float in `[0, 1)`, dropout after the attention and after each
            dense layer of the MLP.
        attention_dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        drop_path_rate: Float in `[0, 1)`, stochastic depth of both branches.
        gelu: `"tanh"` (official weights), `"erf"` (timm, Hugging Face) or `"quick"`
            (CLIP).
        swiglu: Boolean, whether the MLP is a SwiGLU; see `keras_vit.layers.MLP`.
        epsilon: Float, of the layer norms. Official models use `1e-6`.
        qkv_bias: Boolean, whether query, key and value have a bias.
        qk_norm: Boolean, whether query and key are normalised per head.
        layer_scale: Float or `None`, the initial value of a learned factor per
            channel at the end of both branches. `None` means there is none.
        relative_grid: Pair `(rows, columns)` in patches, for attention that knows how
            far patches are from each other (`RelativeSelfAttention`). `None` means
            that it does not.
        prefix_tokens: Integer, the number of tokens before the first patch; read with
            `relative_grid` only.
        norm: `"pre"` (ViT) or `"post"`, where the norms stand.
        activation: `"gelu"` or `"relu"`, between the dense layers of the MLP.
        remat: Boolean, whether training keeps the block's input only and computes the
            rest again for the gradients: less memory,
            and about a third more computation.
        seed: Integer or `None`, the seed of every random draw of the block.

    Call arguments:
        inputs: Float tensor `(batch, tokens, hidden_dim)`.
        return_attention_scores: Boolean, whether to return the scores as well.
        keep: Boolean tensor `(batch, tokens)`, true where a token is real and false
            where it is padding, to which no token attends. `None`: all are real.

    Output shape: as the input; with `return_attention_scores` also
        `(batch, num_heads, tokens, tokens)`.

    Raises:
        ValueError: if `hidden_dim` is not a multiple of `num_heads`, a rate is
            outside `[0, 1)`, or `gelu`, `norm` or `activation` is unknown.

    Example:

    >>> block = keras_vit.layers.TransformerBlock(num_heads=3, mlp_dim=768)
    >>> x, scores = block(keras.ops.ones((2, 197, 192)), return_attention_scores=True)
    >>> x.shape, scores.shape
    ((2, 197, 192), (2, 3, 197, 197))

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    section 3.1; `vit_jax/models_vit.py: Encoder1DBlock`. `norm="post"`:
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.1.
    """

    def __init__(
        self,
        num_heads,
        mlp_dim,
        *,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        drop_path_rate=0.0,
        gelu="tanh",
        swiglu=False,
        epsilon=1e-6,
        qkv_bias=True,
        qk_norm=False,
        layer_scale=None,
        relative_grid=None,
        prefix_tokens=0,
        norm="pre",
        activation="gelu",
        remat=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(remat, **kwargs)
        check_choice(norm, ("pre", "post"), "norm")
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.gelu = gelu
        self.swiglu = swiglu
        self.epsilon = epsilon
        self.qkv_bias = qkv_bias
        self.qk_norm = qk_norm
        self.layer_scale = layer_scale
        self.relative_grid = relative_grid
        self.prefix_tokens = prefix_tokens
        self.norm = norm
        self.activation = activation
        self.seed = seed
        dtype = self.dtype_policy
        attention, place = MultiHeadSelfAttention, {}
        if relative_grid is not None:
            attention = RelativeSelfAttention
            place = {"grid_size": relative_grid, "prefix_tokens": prefix_tokens}
        # Each draw gets a seed of its own: equal seeds would give equal masks.
        seeds = [None if seed is None else seed + i for i in range(5)]
        self.attention_norm = LayerNorm(
            epsilon=epsilon, dtype=dtype, name="attention_norm"
        )
        self.attention = attention(
            num_heads,
            attention_dropout_rate,
            **place,
            qkv_bias=qkv_bias,
            qk_norm=qk_norm,
            epsilon=epsilon,
            seed=seeds[0],
            dtype=dtype,
            name="attention",
        )
        self.mlp_norm = LayerNorm(epsilon=epsilon, dtype=dtype, name="mlp_norm")
        self.mlp = MLP(
            mlp_dim,
            dropout_rate,
            gelu=gelu,
            swiglu=swiglu,
            activation=activation,
            seed=seeds[1],
            dtype=dtype,
            name="mlp",
        )
        # What follows each branch before it is added to the shortcut.
        self.attention_tail = []
        self.mlp_tail = []
        if dropout_rate:  # the MLP's own dropout is inside it
            self.attention_tail.append(
                keras.layers.Dropout(dropout_rate, seed=seeds[2], dtype=dtype)
            )
        for tail, part, drop_seed in (
            (self.attention_tail, "attention", seeds[3]),
            (self.mlp_tail, "mlp", seeds[4]),
        ):
            if layer_scale is not None:
                tail.append(LayerScale(layer_scale, dtype=dtype, name=f"{part}_scale"))
            if drop_path_rate:
                tail.append(
                    StochasticDepth(
                        drop_path_rate,
                        seed=drop_seed,
                        dtype=dtype,
                        name=f"{part}_drop_path",
                    )
                )

    def build(self, input_shape):
        for layer in (self.attention_norm, self.attention, self.mlp_norm, self.mlp):
            layer.build(input_shape)
        for layer in self.attention_tail + self.mlp_tail:
            layer.build(input_shape)

    def call(self, inputs, training=False, return_attention_scores=False, keep=None):
        if not return_attention_scores:
            return super().call(inputs, training, keep=keep)
        inputs = ops.cast(inputs, self.compute_dtype)  # as in `RematLayer`
        return self._output(inputs, training, keep, return_attention_scores)

    def _output(self, inputs, training, keep, return_attention_scores=False):
        post, scores = self.norm == "post", None
        x = inputs if post else self.attention_norm(inputs)
        if return_attention_scores:
            x, scores = self.attention(
                x, training=training, return_attention_scores=True, keep=keep
            )
        else:
            x = self.attention(x, training=training, keep=keep)
        x = inputs + _through(self.attention_tail, x, training)
        x = shortcut = self.attention_norm(x) if post else x
        x = self.mlp(x if post else self.mlp_norm(x), training=training)
        x = shortcut + _through(self.mlp_tail, x, training)
        x = self.mlp_norm(x) if post else x
        return (x, scores) if return_attention_scores else x

    def compute_output_spec(
        self, inputs, training=False, return_attention_scores=False, keep=None
    ):
        return block_spec(self, inputs, return_attention_scores)


def _through(tail, x, training):
    for layer in tail:
        scales = isinstance(layer, LayerScale)
        x = layer(x) if scales else layer(x, training=training)
    return x
