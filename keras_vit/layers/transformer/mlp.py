"""The MLP of a Transformer block, and what stands between its two dense layers."""

import math

import keras
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.base import CompositeLayer
from keras_vit.layers.transformer.attention import flatten_tokens, fused_initializer

TANH_SCALE, TANH_CUBE = (2 / math.pi) ** 0.5, 0.044715  # of the tanh approximation
QUICK_SCALE = 1.702  # of the sigmoid approximation, as in OpenAI's CLIP


def gelu_tanh(x):
    """The tanh approximation of GELU: what every official model uses."""
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        # TensorFlow's own function rounds its constants to float32.
        inner = TANH_SCALE * (x + TANH_CUBE * x * x * x)
        return 0.5 * x * (1 + ops.tanh(inner))
    return keras.activations.gelu(x, approximate=True)


def gelu_erf(x):
    """Exact GELU, `x * Phi(x)`, for weights of other libraries.

    Written with `erf`: `keras.activations.gelu(approximate=False)` becomes an
    `Erfc` operation on export, which ONNX Runtime refuses.
    """
    return 0.5 * x * (1 + ops.erf(x * 0.5**0.5))


def gelu_quick(x):
    """The sigmoid approximation of GELU: what OpenAI's CLIP was trained with."""
    return x * ops.sigmoid(QUICK_SCALE * x)


@ops.custom_gradient
def gelu_tanh_training(inputs):
    """`gelu_tanh` that keeps one tensor for the backward pass: its derivative.

    Automatic differentiation keeps four, of the largest size that a model has. Half
    precision is computed in float32, which is faster on CPUs and loses less.
    """
    x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    # (1 + tanh(z)) / 2 = sigmoid(2 z): fewer passes over the tensor.
    double = 2 * TANH_SCALE + 2 * TANH_SCALE * TANH_CUBE * ops.square(x)  # 2 z / x
    cumulative = ops.sigmoid(x * double)
    y = x * cumulative
    # The derivative of 2 z is 3 * double - 4 * TANH_SCALE.
    slope = cumulative + y * (1 - cumulative) * (3 * double - 4 * TANH_SCALE)
    return ops.cast(y, inputs.dtype), _times(ops.cast(slope, inputs.dtype))


@ops.custom_gradient
def gelu_erf_training(inputs):
    """`gelu_erf` that keeps only its derivative, `Phi(x) + x * phi(x)`."""
    x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    cumulative = 0.5 + 0.5 * ops.erf(x * 0.5**0.5)
    density = (2 * math.pi) ** -0.5 * ops.exp(-0.5 * ops.square(x))
    slope = ops.cast(cumulative + x * density, inputs.dtype)
    return ops.cast(x * cumulative, inputs.dtype), _times(slope)


@ops.custom_gradient
def gelu_quick_training(inputs):
    """`gelu_quick` that keeps only its derivative."""
    x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    gate = ops.sigmoid(QUICK_SCALE * x)
    y = x * gate
    slope = ops.cast(gate + QUICK_SCALE * y * (1 - gate), inputs.dtype)
    return ops.cast(y, inputs.dtype), _times(slope)


def _times(slope):
    """The gradient of a function of single numbers, from its derivative."""

    def gradient(*args, upstream=None):
        return slope * (args[0] if upstream is None else upstream)

    return gradient


# By name: the form for inference, which backends fuse into the matrix product, and the
# form for training.
GELUS = {
    "tanh": (gelu_tanh, gelu_tanh_training),
    "erf": (gelu_erf, gelu_erf_training),
    "quick": (gelu_quick, gelu_quick_training),
}


@keras.saving.register_keras_serializable(package="keras_vit")
class MLP(CompositeLayer):
    """Two dense layers with a GELU or ReLU between them, back to the input's width.

    Args:
        mlp_dim: Integer, the width between the two layers.
        dropout_rate: Float in `[0, 1)`, dropout after each dense layer.
        gelu: `"tanh"` (the approximation that official weights were trained with),
            `"erf"` (exact; weights of timm and Hugging Face) or `"quick"`
            (`x * sigmoid(1.702 * x)`; weights of OpenAI's CLIP).
        swiglu: Boolean, whether a SwiGLU stands in the place of the GELU: the first
            layer gives a gate and a value, `2 * mlp_dim` channels in this order, and
            the second reads `silu(gate) * value`. `gelu` is not used then.
        activation: `"gelu"`, or `"relu"` in its place, as in the first Transformer.
        seed: Integer or `None`, the seed of the dropout.

    Input shape: `(..., hidden_dim)`.

    Output shape: the same.

    Raises:
        ValueError: if `gelu` or `activation` is unknown, or a SwiGLU is asked for
            beside a ReLU.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    section 3.1; initial values as in `vit_jax/models_vit.py: MlpBlock`. SwiGLU:
    [Shazeer, 2020](https://arxiv.org/abs/2002.05202), equation 6.
    """

    def __init__(
        self,
        mlp_dim,
        dropout_rate=0.0,
        *,
        gelu="tanh",
        swiglu=False,
        activation="gelu",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(gelu, GELUS, "gelu")
        check_choice(activation, ("gelu", "relu"), "activation")
        if swiglu and activation == "relu":
            raise ValueError(
                "A SwiGLU stands in the place of the activation. Received: "
                "swiglu=True, activation='relu'. Leave one of them out."
            )
        self.mlp_dim = mlp_dim
        self.dropout_rate = dropout_rate
        self.gelu = gelu
        self.swiglu = swiglu
        self.activation = activation
        self.seed = seed

    def build(self, input_shape):
        inner_shape, packed = (*input_shape[:-1], self.mlp_dim), {}
        if self.swiglu:
            initializer = fused_initializer(input_shape[-1], self.mlp_dim)
            packed = {"kernel_initializer": initializer}
        units = self.mlp_dim * (2 if self.swiglu else 1)
        self.dense_1 = self._dense(units, "dense_1", input_shape, **packed)
        self.dense_2 = self._dense(input_shape[-1], "dense_2", inner_shape)
        self.dropout = None
        if self.dropout_rate:
            self.dropout = keras.layers.Dropout(
                self.dropout_rate, seed=self.seed, dtype=self.dtype_policy
            )

    def _dense(self, units, name, input_shape, **options):
        small = keras.initializers.RandomNormal(stddev=1e-6)
        return self.dense(units, name, input_shape, bias_initializer=small, **options)

    def call(self, inputs, training=False):
        x = flatten_tokens(inputs)
        x = self.dense_1(x)
        # The scope's name has to sort after the dense layer's: TensorFlow's optimizer
        # orders the operands of a product by name, and fuses the GELU into the matrix
        # product only where the bias comes first.
        with keras.name_scope("gelu"):
            if self.swiglu:
                gate, value = ops.split(x, 2, axis=-1)
                x = ops.silu(gate) * value
            elif self.activation == "relu":
                x = ops.relu(x)
            else:
                x = GELUS[self.gelu][bool(training)](x)
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        x = self.dense_2(x)
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        return ops.reshape(x, (-1, *ops.shape(inputs)[1:]))
