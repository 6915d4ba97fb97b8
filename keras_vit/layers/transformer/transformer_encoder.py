"""The encoder of the first Transformer, which reads any sequence of vectors."""

import keras
import numpy as np
from keras import ops

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.layers.base import CompositeLayer
from keras_vit.layers.transformer.layer_norm import LayerNorm
from keras_vit.layers.transformer.sinusoids import ORDERS, sincos1d
from keras_vit.layers.transformer.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable(package="keras_vit")
class TransformerEncoder(CompositeLayer):
    """A Transformer encoder: positions, then blocks.

    By default that of Vaswani et al.: six blocks of eight heads, norms after each sum,
    ReLU; 18,914,304 parameters at width 512. It reads vectors; embeddings of words are
    the user's (the paper multiplies them by `sqrt(hidden_dim)`).

    `keras_vit.load_weights(encoder, source)` fills it, once it is built, with what
    `torch.nn.TransformerEncoder` or a BERT of Hugging Face saved as safetensors.
    PyTorch's has `epsilon=1e-5`; BERT's `activation="gelu", gelu="erf",
    epsilon=1e-12`, and it reads what follows the norm of BERT's embeddings.

    Args:
        num_layers: Integer, the number of blocks.
        num_heads: Integer, must divide the width of the tokens.
        mlp_dim: Integer, the inner width of the MLPs.
        position_embedding: `None`, or the order of `keras_vit.layers.sincos1d` in which
            sines and cosines are added first: `"interleaved"`, `"halves"` or
            `"tensor2tensor"`.
        dropout_rate: Float in `[0, 1)`, dropout after the positions, after attention
            and after each dense layer. The paper has 0.1.
        attention_dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        norm: `"post"`, or `"pre"` with one more norm at the end.
        activation: `"relu"` or `"gelu"`.
        gelu: `"tanh"`, `"erf"` or `"quick"`, the kind of GELU.
        epsilon: Float, of the layer norms: 1e-6 in the authors' code.
        remat: Boolean, whether training keeps the input of each block only and
            computes the rest again.
        seed: Integer or `None`, the seed of every random draw.

    Call arguments:
        inputs: Float tensor `(batch, tokens, hidden_dim)`.
        keep: Boolean tensor `(batch, tokens)`, true where a token is real and false
            where it is padding, to which no token attends. `None`: all are real.

    Output shape: as the input.

    Raises:
        ValueError: if an option is unknown, or `hidden_dim` does not divide.

    Example:

    >>> encoder = keras_vit.layers.TransformerEncoder(2, 4, 96)
    >>> encoder(keras.ops.zeros((3, 9, 48))).shape
    (3, 9, 48)

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), sections 3.1
    and 5.4.
    """

    def __init__(
        self,
        num_layers=6,
        num_heads=8,
        mlp_dim=2048,
        *,
        position_embedding=None,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        norm="post",
        activation="relu",
        gelu="tanh",
        epsilon=1e-6,
        remat=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(num_layers=num_layers)
        check_choice(position_embedding, (None, *ORDERS), "position_embedding")
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.position_embedding = position_embedding
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.norm = norm
        self.activation = activation
        self.gelu = gelu
        self.epsilon = epsilon
        self.remat = remat
        self.seed = seed
        dtype = self.dtype_policy
        self.dropout = None
        if dropout_rate:
            self.dropout = keras.layers.Dropout(dropout_rate, seed=seed, dtype=dtype)
        self.blocks = [
            TransformerBlock(
                num_heads,
                mlp_dim,
                dropout_rate=dropout_rate,
                attention_dropout_rate=attention_dropout_rate,
                norm=norm,
                activation=activation,
                gelu=gelu,
                epsilon=epsilon,
                remat=remat,
                # A block takes five seeds from its own on.
                seed=None if seed is None else seed + 1 + 5 * i,
                dtype=dtype,
                name=f"block_{i:02d}",
            )
            for i in range(num_layers)
        ]
        self.encoder_norm = None
        if norm == "pre":
            self.encoder_norm = LayerNorm(epsilon, dtype=dtype, name="encoder_norm")

    @property
    def settings(self):
        """What it is, for `keras_vit.load_weights`: see `VisionModel`."""
        names = ("num_layers", "num_heads", "mlp_dim", "norm", "activation", "gelu")
        arguments = {name: getattr(self, name) for name in (*names, "epsilon")}
        return {"family": "transformer encoder", "arguments": arguments}

    def build(self, input_shape):
        if self.position_embedding:
            sincos1d(1, input_shape[-1], self.position_embedding)  # refuses odd widths
        for layer in filter(None, (*self.blocks, self.dropout, self.encoder_norm)):
            layer.build(input_shape)

    def call(self, inputs, training=False, keep=None):
        x = inputs
        if self.position_embedding:
            length, order = ops.shape(x)[1], self.position_embedding
            xp = np if isinstance(length, int) else ops
            x = x + ops.cast(sincos1d(length, x.shape[-1], order, xp=xp), x.dtype)
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        for block in self.blocks:
            x = block(x, training=training, keep=keep)  # (B, N, D)
        return x if self.encoder_norm is None else self.encoder_norm(x)

    def compute_output_spec(self, inputs, training=False, keep=None):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
