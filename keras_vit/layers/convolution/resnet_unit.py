"""The residual unit of the ResNets with batch norm."""

import keras
from keras import ops

from keras_vit.common.checks import check_boolean, check_choice, check_positive
from keras_vit.layers.convolution.batch_norm import BatchNorm
from keras_vit.layers.remat import RematLayer

STRIDED = ("3x3", "1x1")
_BOTTLENECK = 4  # the output is so many times wider than the inside


def he_normal():
    """Normal numbers of variance 2 / fan-out: He et al. (2015), as torchvision."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


@keras.saving.register_keras_serializable(package="keras_vit")
class ResNetUnit(RematLayer):
    """The residual unit of the ResNets: a batch norm follows each convolution.

    As a bottleneck, convolutions 1x1, 3x3 and 1x1, the first two at a quarter of the
    width; otherwise two of 3x3. ReLU follows every norm but the last; then the
    shortcut is added, and a last ReLU. The shortcut is the input, or where the shape
    changes a 1x1 convolution of it and a norm. Padding is `kernel_size // 2` zeros on
    every side.

    Args:
        filters: Integer, the output channels; of a bottleneck a multiple of 4.
        strides: Integer.
        bottleneck: Boolean.
        stride_in: Which convolution of a bottleneck has the stride: `"3x3"` (v1.5:
            torchvision, timm) or `"1x1"`, the first one (v1: the paper, Caffe,
            `keras.applications`). Both have the same weights, and other outputs.
        batch_norm_momentum: Float in `[0, 1)`; see `keras_vit.layers.BatchNorm`.
        batch_norm_epsilon: Float, of the batch norms.
        folded: Boolean, of the batch norms; see `keras_vit.fold_batch_norm`.
        remat: Boolean, whether training keeps the unit's input only.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, rows, columns, filters)`, rows being the height divided by
        the stride, rounded up.

    Raises:
        ValueError: if a size is not positive, 4 does not divide the filters of a
            bottleneck, or `stride_in` is unknown.

    Example:

    >>> unit = keras_vit.layers.ResNetUnit(512, strides=2)
    >>> unit(keras.ops.zeros((1, 56, 56, 256))).shape
    (1, 28, 28, 512)

    Reference: [He et al., 2016](https://arxiv.org/abs/1512.03385), figure 5;
    `torchvision/models/resnet.py: Bottleneck, BasicBlock`. The last scale of a unit
    starts at zero, as in [Goyal et al., 2017](https://arxiv.org/abs/1706.02677),
    section 5.1, so that the unit starts as its shortcut.
    """

    def __init__(
        self,
        filters,
        strides=1,
        *,
        bottleneck=True,
        stride_in="3x3",
        batch_norm_momentum=0.9,
        batch_norm_epsilon=1e-5,
        folded=False,
        remat=False,
        **kwargs,
    ):
        super().__init__(remat, **kwargs)
        check_positive(filters=filters, strides=strides)
        check_boolean(bottleneck=bottleneck)
        check_choice(stride_in, STRIDED, "stride_in")
        if bottleneck and filters % _BOTTLENECK:
            raise ValueError(
                f"`filters` of a bottleneck must be a multiple of {_BOTTLENECK}: its "
                f"inside has a quarter of them. Received: filters={filters}"
            )
        self.filters = filters
        self.strides = strides
        self.bottleneck = bottleneck
        self.stride_in = stride_in
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.folded = folded

    def build(self, input_shape):
        shape, self.convs, self.norms = input_shape, [], []
        for number, (kernel_size, filters, strides) in enumerate(self._sizes(), 1):
            conv = self._conv(f"{number}_conv", shape, filters, kernel_size, strides)
            shape = self._after(shape, filters, strides)
            gamma = "zeros" if number == len(self._sizes()) else "ones"
            self.convs.append(conv)
            self.norms.append(self._norm(f"{number}_bn", shape, gamma))
        self.projection = self.projection_norm = None
        if self.strides != 1 or input_shape[-1] != self.filters:
            sizes = (self.filters, 1, self.strides)
            self.projection = self._conv("0_conv", input_shape, *sizes)
            self.projection_norm = self._norm("0_bn", shape)

    def _sizes(self):
        """Kernel size, output channels and stride of each convolution."""
        filters, strides = self.filters, self.strides
        if not self.bottleneck:
            return (3, filters, strides), (3, filters, 1)
        first, second = (strides, 1) if self.stride_in == "1x1" else (1, strides)
        inner = filters // _BOTTLENECK
        return (1, inner, first), (3, inner, second), (1, filters, 1)

    def _conv(self, name, input_shape, filters, kernel_size, strides):
        conv = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            # Without a stride "same" is symmetric; with one zeros are added in `call`.
            "same" if strides == 1 else "valid",
            use_bias=False,
            kernel_initializer=he_normal(),
            dtype=self.dtype_policy,
            name=name,  # as in keras.applications, behind the name of the unit
        )
        # Of any size: Keras counts without the zeros that are added.
        conv.build((None, None, None, input_shape[-1]))
        return conv

    def _norm(self, name, input_shape, gamma_initializer="ones"):
        norm = BatchNorm(
            self.batch_norm_momentum,
            self.batch_norm_epsilon,
            self.folded,
            gamma_initializer=gamma_initializer,
            dtype=self.dtype_policy,
            name=name,
        )
        norm.build(input_shape)
        return norm

    def normalized(self):
        """Each convolution, and the batch norm that follows it."""
        yield from zip(self.convs, self.norms)
        if self.projection is not None:
            yield self.projection, self.projection_norm

    def _output(self, inputs, training):
        x = inputs
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = ops.relu(x) if number else x
            margin = conv.kernel_size[0] // 2
            if margin and max(conv.strides) > 1:
                sides = (margin, margin)
                x = ops.pad(x, ((0, 0), sides, sides, (0, 0)))
            x = norm(conv(x), training=training)
        shortcut = inputs
        if self.projection is not None:
            shortcut = self.projection(inputs)
            shortcut = self.projection_norm(shortcut, training=training)
        return ops.relu(x + shortcut)

    def _after(self, shape, filters, strides):
        batch, *sides, _ = shape
        rows, columns = [s if s is None else -(-s // strides) for s in sides]
        return batch, rows, columns, filters

    def compute_output_shape(self, input_shape):
        return self._after(input_shape, self.filters, self.strides)
