"""The residual units of BiT and of the hybrids."""

import keras
from keras import ops

from keras_vit.layers.convolution.group_norm import GroupNorm
from keras_vit.layers.convolution.standardized_conv import (
    StandardizedConv2D,
    check_standardization,
)
from keras_vit.layers.remat import RematLayer


class _ResidualUnit(RematLayer):
    """What both units share: a bottleneck of three convolutions, and its config."""

    padding = None  # of its convolutions; each unit has its own

    def __init__(
        self,
        filters,
        strides,
        norm_epsilon,
        standardization,
        standardization_epsilon,
        projects=None,
        remat=False,
        **kwargs,
    ):
        super().__init__(remat, **kwargs)
        check_standardization(standardization)
        self.filters = filters
        self.strides = strides
        self.norm_epsilon = norm_epsilon
        self.standardization = standardization
        self.standardization_epsilon = standardization_epsilon
        self.projects = projects

    def _norm(self, name, input_shape, gamma_initializer="ones"):
        norm = GroupNorm(
            epsilon=self.norm_epsilon,
            gamma_initializer=gamma_initializer,
            dtype=self.dtype_policy,
            name=name,
        )
        norm.build(input_shape)
        return norm

    def _conv(self, name, input_shape, filters, kernel_size=1, strides=1):
        conv = StandardizedConv2D(
            filters,
            kernel_size,
            strides,
            self.padding,
            standardization=self.standardization,
            epsilon=self.standardization_epsilon,
            dtype=self.dtype_policy,
            name=name,
        )
        conv.build(input_shape)
        return conv

    def _shapes(self, input_shape):
        """The shapes after the first, the second and the third convolution."""
        batch, height, width, _ = input_shape
        rows, columns = [
            None if size is None else -(-size // self.strides)
            for size in (height, width)
        ]
        return (
            (batch, height, width, self.filters),
            (batch, rows, columns, self.filters),
            (batch, rows, columns, 4 * self.filters),
        )

    def _projection(self, input_shape):
        """The convolution of the shortcut, or `None`."""
        filters = 4 * self.filters
        changes = self.strides != 1 or input_shape[-1] != filters
        if not (changes or self.projects):
            return None
        return self._conv("projection", input_shape, filters, strides=self.strides)

    def compute_output_shape(self, input_shape):
        return self._shapes(input_shape)[-1]


@keras.saving.register_keras_serializable(package="keras_vit")
class PreActivationUnit(_ResidualUnit):
    """The bottleneck unit of BiT: norm and ReLU come before each convolution.

    `h = relu(norm_1(x))`; then convolutions 1x1, 3x3 (with the stride) and 1x1 of
    `h`, each of the last two after its own norm and ReLU; then the shortcut is
    added, and nothing follows. The shortcut is `x`, or where the shape changes a
    1x1 convolution of `h`, without a norm.

    Args:
        filters: Integer, the width between the 1x1 convolutions; the output has
            four times as many channels.
        strides: Integer.
        norm_epsilon: Float, of the group norms (32 groups).
        standardization: `"variance"`, `"std"` or `None`; see
            `keras_vit.layers.StandardizedConv2D`.
        standardization_epsilon: Float.
        projects: Boolean, whether the shortcut has a convolution even where the shape
            stays. Defaults to `None`: only where it changes.
        remat: Boolean, whether training keeps the unit's input only.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, rows, columns, 4 * filters)`, rows being the height
        divided by the stride, rounded up.

    Raises:
        ValueError: if 32 does not divide the channels, or `standardization` is
            unknown.

    Example:

    >>> unit = keras_vit.layers.PreActivationUnit(64)
    >>> unit(keras.ops.zeros((1, 56, 56, 64))).shape
    (1, 56, 56, 256)

    Reference: [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370);
    `bit_pytorch/models.py: PreActBottleneck`.
    """

    padding = "symmetric"

    def __init__(
        self,
        filters,
        strides=1,
        *,
        norm_epsilon=1e-5,
        standardization="variance",
        standardization_epsilon=1e-10,
        **kwargs,
    ):
        own = (norm_epsilon, standardization, standardization_epsilon)
        super().__init__(filters, strides, *own, **kwargs)

    def build(self, input_shape):
        inner, strided, output = self._shapes(input_shape)
        self.norm_1 = self._norm("norm_1", input_shape)
        self.conv_1 = self._conv("conv_1", input_shape, self.filters)
        self.norm_2 = self._norm("norm_2", inner)
        self.conv_2 = self._conv("conv_2", inner, self.filters, 3, self.strides)
        self.norm_3 = self._norm("norm_3", strided)
        self.conv_3 = self._conv("conv_3", strided, output[-1])
        self.projection = self._projection(input_shape)

    def _output(self, inputs, training):
        x = ops.relu(self.norm_1(inputs))
        shortcut = inputs if self.projection is None else self.projection(x)
        x = self.conv_1(x)
        x = self.conv_2(ops.relu(self.norm_2(x)))
        x = self.conv_3(ops.relu(self.norm_3(x)))
        return x + shortcut


@keras.saving.register_keras_serializable(package="keras_vit")
class PostActivationUnit(_ResidualUnit):
    """The bottleneck unit of the hybrids: norm and ReLU follow each convolution.

    Convolutions 1x1, 3x3 (with the stride) and 1x1, each followed by its norm, the
    first two also by a ReLU; the shortcut is added, then a last ReLU. The shortcut
    is the input, or where the shape changes a 1x1 convolution of it and a norm. All
    padding is `"same"`.

    Args:
        filters: Integer, the width between the 1x1 convolutions; the output has
            four times as many channels.
        strides: Integer.
        norm_epsilon: Float, of the group norms (32 groups).
        standardization: `"variance"`, `"std"` or `None`; see
            `keras_vit.layers.StandardizedConv2D`.
        standardization_epsilon: Float.
        projects: Boolean, whether the shortcut has a convolution even where the shape
            stays. Defaults to `None`: only where it changes.
        remat: Boolean, whether training keeps the unit's input only.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, rows, columns, 4 * filters)`, rows being the height
        divided by the stride, rounded up.

    Raises:
        ValueError: if 32 does not divide `filters`, or `standardization` is unknown.

    Example:

    >>> unit = keras_vit.layers.PostActivationUnit(128, strides=2)
    >>> unit(keras.ops.zeros((1, 56, 56, 256))).shape
    (1, 28, 28, 512)

    Reference: `vit_jax/models_resnet.py: ResidualUnit`.
    """

    padding = "same"

    def __init__(
        self,
        filters,
        strides=1,
        *,
        norm_epsilon=1e-6,
        standardization="std",
        standardization_epsilon=1e-5,
        **kwargs,
    ):
        own = (norm_epsilon, standardization, standardization_epsilon)
        super().__init__(filters, strides, *own, **kwargs)

    def build(self, input_shape):
        inner, strided, output = self._shapes(input_shape)
        self.conv_1 = self._conv("conv_1", input_shape, self.filters)
        self.norm_1 = self._norm("norm_1", inner)
        self.conv_2 = self._conv("conv_2", inner, self.filters, 3, self.strides)
        self.norm_2 = self._norm("norm_2", strided)
        self.conv_3 = self._conv("conv_3", strided, output[-1])
        # The unit starts as its shortcut.
        self.norm_3 = self._norm("norm_3", output, "zeros")
        self.projection, self.projection_norm = self._projection(input_shape), None
        if self.projection is not None:
            self.projection_norm = self._norm("projection_norm", output)

    def _output(self, inputs, training):
        x = ops.relu(self.norm_1(self.conv_1(inputs)))
        x = ops.relu(self.norm_2(self.conv_2(x)))
        x = self.norm_3(self.conv_3(x))
        shortcut = inputs
        if self.projection is not None:
            shortcut = self.projection_norm(self.projection(inputs))
        return ops.relu(x + shortcut)
