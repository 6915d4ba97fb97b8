"""Segmenter's decoder: tokens of classes that read the patches and are held to them."""

import keras
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import CompositeLayer
from keras_vit.layers.transformer.attention import check_heads
from keras_vit.layers.transformer.layer_norm import LayerNorm
from keras_vit.layers.transformer.transformer_block import TransformerBlock

EPSILON = 1e-5  # of every norm: PyTorch's default, which the released code has


@keras.saving.register_keras_serializable(package="keras_vit")
class MaskTransformer(CompositeLayer):
    """Segmenter's mask transformer: from a feature map to a mask for each class.

    A learned token for each class is put behind the tokens of the patches. They pass
    some Transformer blocks together. Then the likeness of each patch to each class is
    the cosine between them, and a layer norm over the classes makes logits of it. With
    two classes that norm is almost a sign, so that its logits say little of how sure
    the model is.

    Args:
        num_classes: Integer.
        num_layers: Integer, the number of blocks.
        num_heads: Integer, of each block; must divide the channels of the map.
            Defaults to one for every 64 channels.
        mlp_dim: Integer, the inner width of the MLPs. Defaults to four times the
            channels of the map.

    Input shape: `(batch, rows, columns, channels)`; rows and columns may be unknown.

    Output shape: `(batch, rows, columns, num_classes)`.

    Raises:
        ValueError: if `num_heads` does not divide the channels.

    Example:

    >>> decode = keras_vit.layers.MaskTransformer(21)
    >>> decode(keras.ops.ones((1, 14, 14, 192))).shape
    (1, 14, 14, 21)

    Reference: [Strudel et al., 2021](https://arxiv.org/abs/2105.05633), section 3.2;
    `rstrudel/segmenter`.
    """

    def __init__(
        self, num_classes, num_layers=2, num_heads=None, mlp_dim=None, **kwargs
    ):
        super().__init__(**kwargs)
        check_positive(num_classes=num_classes, num_layers=num_layers)
        self.num_classes = num_classes
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        width, dtype = input_shape[-1], self.dtype_policy
        num_heads = usual_heads(width) if self.num_heads is None else self.num_heads
        check_heads(width, num_heads)
        tokens = (input_shape[0], None, width)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        options = {"bias_initializer": "zeros", "kernel_initializer": normal}
        self.projection = self.dense(width, "projection", tokens, **options)
        self.class_tokens = self.add_weight(
            (1, self.num_classes, width), normal, name="class_tokens"
        )
        self.blocks = [
            TransformerBlock(
                num_heads,
                self.mlp_dim or 4 * width,
                gelu="erf",
                epsilon=EPSILON,
                dtype=dtype,
                name=f"block_{i:02d}",
            )
            for i in range(self.num_layers)
        ]
        self.norm = LayerNorm(EPSILON, dtype=dtype, name="norm")
        for layer in (*self.blocks, self.norm):
            layer.build(tokens)
        start = keras.initializers.RandomNormal(stddev=width**-0.5)
        options = {"use_bias": False, "kernel_initializer": start}
        self.patch_projection, self.class_projection = (
            self.dense(width, name, tokens, **options)
            for name in ("patch_projection", "class_projection")
        )
        # In full precision: it is of numbers that are close together.
        full = keras.backend.result_type(self.compute_dtype, "float32")
        self.mask_norm = LayerNorm(EPSILON, dtype=full, name="mask_norm")
        self.mask_norm.build((*tokens[:2], self.num_classes))

    def call(self, inputs, training=False):
        rows, columns = ops.shape(inputs)[1:3]
        x = ops.reshape(inputs, (-1, rows * columns, inputs.shape[-1]))
        x = self.projection(x)  # (B, N, D)
        classes = ops.cast(ops.convert_to_tensor(self.class_tokens), x.dtype)
        shape = (ops.shape(x)[0], *classes.shape[1:])
        x = ops.concatenate([x, ops.broadcast_to(classes, shape)], axis=1)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.norm(x)  # (B, N + K, D)
        patches = _unit(self.patch_projection(x[:, : -self.num_classes]))
        classes = _unit(self.class_projection(x[:, -self.num_classes :]))
        masks = ops.matmul(patches, ops.transpose(classes, (0, 2, 1)))  # (B, N, K)
        masks = ops.cast(self.mask_norm(masks), self.compute_dtype)
        return ops.reshape(masks, (-1, rows, columns, self.num_classes))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.num_classes)


def usual_heads(width):
    """The heads of a Transformer of a width: one for every 64 channels."""
    return max(1, width // 64)


def _unit(x):
    """Vectors of length 1, in float32 at least: the norm after them takes no less."""
    x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, 1e-24))
