"""MBConv, the block of the EfficientNets."""

import keras
from keras import ops

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.layers.convolution.batch_norm import BatchNorm
from keras_vit.layers.remat import RematLayer
from keras_vit.layers.transformer.stochastic_depth import StochasticDepth

PADDINGS = ("same", "symmetric")
_SQUEEZE = 4  # the block's input is so many times wider than what is squeezed


def kernel_initializer():
    """Normal numbers of variance 2 / fan-out, as the official EfficientNets begin."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


@keras.saving.register_keras_serializable(package="keras_vit")
class MBConv(RematLayer):
    """The block of the EfficientNets: an inverted bottleneck with squeeze-and-excite.

    A 1x1 convolution widens (unless `expansion` is 1), a depthwise one looks around,
    each followed by batch norm and swish. Squeeze-and-excite then weighs the channels:
    their means go through two dense layers, swish and a sigmoid. A last 1x1
    convolution and its norm make the output, to which the input is added where both
    have the same shape.

    Args:
        filters: Integer, the output channels.
        kernel_size: Integer, the side of the depthwise kernel; odd.
        strides: Integer, of the depthwise convolution.
        expansion: Integer, how many times wider the inside is than the input.
        padding: `"same"`, which is uneven where an even size meets stride 2, as Google
            and Keras have it; or `"symmetric"`, `kernel_size // 2` zeros on every side,
            as torchvision and timm's own models.
        batch_norm_momentum: Float in `[0, 1)`; see `keras_vit.layers.BatchNorm`.
        batch_norm_epsilon: Float, of the batch norms.
        drop_path_rate: Float in `[0, 1)`, the probability that training leaves the
            input as it is, where it is added; see `keras_vit.layers.StochasticDepth`.
        folded: Boolean, of the batch norms; see `keras_vit.fold_batch_norm`.
        remat: Boolean, whether training keeps the block's input only.
        seed: Integer or `None`, the seed of the draws.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, rows, columns, filters)`, rows being the height divided by
        the stride, rounded up.

    Raises:
        ValueError: if a size is not positive, or `padding` is unknown.

    Example:

    >>> block = keras_vit.layers.MBConv(24, strides=2)
    >>> block(keras.ops.zeros((1, 112, 112, 16))).shape
    (1, 56, 56, 24)

    Reference: [Tan and Le, 2019](https://arxiv.org/abs/1905.11946), section 4;
    `efficientnet/efficientnet_model.py: MBConvBlock`.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        *,
        expansion=6,
        padding="same",
        batch_norm_momentum=0.99,
        batch_norm_epsilon=1e-3,
        drop_path_rate=0.0,
        folded=False,
        remat=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(remat, **kwargs)
        check_positive(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            expansion=expansion,
        )
        check_choice(padding, PADDINGS, "padding")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.expansion = expansion
        self.padding = padding
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.folded = folded
        self.drop_path_rate = drop_path_rate
        self.seed = seed
        self.drop_path = StochasticDepth(
            drop_path_rate, seed, dtype=self.dtype_policy, name="drop_path"
        )

    def build(self, input_shape):
        batch, height, width, channels = input_shape
        inner = self.expansion * channels
        wide = (batch, height, width, inner)
        *after, _ = self.compute_output_shape(input_shape)
        self.expand_conv = self.expand_bn = None
        if self.expansion > 1:
            self.expand_conv = self._conv("expand_conv", inner, input_shape)
            self.expand_bn = self._norm("expand_bn", wide)
        self.dwconv = keras.layers.DepthwiseConv2D(
            self.kernel_size,
            self.strides,
            "valid" if self._pads() else "same",
            use_bias=False,
            depthwise_initializer=kernel_initializer(),
            dtype=self.dtype_policy,
            name="dwconv",
        )
        extra = 2 * (self.kernel_size // 2) if self._pads() else 0
        sides = [side and side + extra for side in (height, width)]
        self.dwconv.build((batch, *sides, inner))
        self.bn = self._norm("bn", (*after, inner))
        squeezed = max(1, channels // _SQUEEZE)
        means = (batch, 1, 1, inner)
        self.se_reduce = self._conv("se_reduce", squeezed, means, use_bias=True)
        excited = (batch, 1, 1, squeezed)
        self.se_expand = self._conv("se_expand", inner, excited, use_bias=True)
        self.project_conv = self._conv("project_conv", self.filters, (*after, inner))
        self.project_bn = self._norm("project_bn", (*after, self.filters))
        self.adds = self.strides == 1 and channels == self.filters

    def _conv(self, name, filters, input_shape, use_bias=False):
        conv = keras.layers.Conv2D(
            filters,
            1,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer(),
            dtype=self.dtype_policy,
            name=name,
        )
        conv.build(input_shape)
        return conv

    def _norm(self, name, input_shape):
        norm = BatchNorm(
            self.batch_norm_momentum,
            self.batch_norm_epsilon,
            self.folded,
            dtype=self.dtype_policy,
            name=name,
        )
        norm.build(input_shape)
        return norm

    def normalized(self):
        """Each convolution that a batch norm follows, and that norm."""
        if self.expand_conv is not None:
            yield self.expand_conv, self.expand_bn
        yield self.dwconv, self.bn
        yield self.project_conv, self.project_bn

    def _pads(self):
        """Whether zeros are added here; without a stride "same" is symmetric."""
        return self.padding == "symmetric" and self.strides > 1

    def _output(self, inputs, training):
        x = inputs
        if self.expand_conv is not None:
            x = ops.silu(self.expand_bn(self.expand_conv(x), training=training))
        if self._pads():
            sides = (self.kernel_size // 2, self.kernel_size // 2)
            x = ops.pad(x, ((0, 0), sides, sides, (0, 0)))
        x = ops.silu(self.bn(self.dwconv(x), training=training))  # (B, h, w, inner)
        weights = ops.mean(x, axis=(1, 2), keepdims=True)  # (B, 1, 1, inner)
        weights = self.se_expand(ops.silu(self.se_reduce(weights)))
        x = x * ops.sigmoid(weights)
        x = self.project_bn(self.project_conv(x), training=training)
        if self.adds:
            x = inputs + self.drop_path(x, training=training)
        return x

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        rows, columns = [s if s is None else -(-s // self.strides) for s in sides]
        return batch, rows, columns, self.filters
