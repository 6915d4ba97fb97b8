"""Convolution with standardised kernels."""

import math

import keras
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.convolution.group_norm import mean_over

PADDINGS = ("symmetric", "same", "valid")
STANDARDIZATIONS = ("variance", "std", None)


def check_standardization(standardization):
    """Raises unless kernels can be standardised in this way."""
    if standardization not in STANDARDIZATIONS:
        raise ValueError(
            "`standardization` must be 'variance' (as in BiT), 'std' (as in the "
            "hybrids) or None (a plain convolution). "
            f"Received: standardization={standardization!r}"
        )


def standardize(kernel, standardization="variance", epsilon=1e-10):
    """`kernel` with mean 0 and variance 1 in every output channel.

    Args:
        kernel: Float tensor, the output channels last. Half precision is not enough.
        standardization: `"variance"`: `(w - mean) / sqrt(variance + epsilon)`, as in
            BiT; `"std"`: `(w - mean) / (sqrt(variance) + epsilon)`, as in the
            hybrids; `None`: the kernel as it is.
        epsilon: Float.

    Returns:
        Tensor of the same shape and dtype.
    """
    if standardization is None:
        return kernel
    shape = kernel.shape
    window = (math.prod(shape[:-1]),)

    def flat(x):  # (1, N, O)
        return ops.reshape(x, (1, *window, shape[-1]))

    # The gradient is written out for the sake of `mean_over`.
    @ops.custom_gradient
    def normalize(kernel):
        kernel = flat(kernel)
        centred = kernel - mean_over(kernel, window)
        variance = mean_over(ops.square(centred), window)
        if standardization == "variance":
            root = divisor = ops.sqrt(variance + epsilon)
        else:
            # The maximum keeps the gradient of a constant channel finite.
            root = ops.sqrt(ops.maximum(variance, 1e-30))
            divisor = root + epsilon

        def gradient(*args, upstream=None):
            dy = flat(args[0] if upstream is None else upstream)
            slope = mean_over(dy * centred, window) / (ops.square(divisor) * root)
            dx = (dy - mean_over(dy, window)) / divisor - centred * slope
            return ops.reshape(dx, shape)

        return ops.reshape(centred / divisor, shape), gradient

    return normalize(kernel)


@keras.saving.register_keras_serializable(package="keras_vit")
class StandardizedConv2D(keras.layers.Conv2D):
    """A 2-D convolution whose kernel is standardised each time it is used.

    The stored kernel is raw, as in the official checkpoints. What multiplies the
    input has mean 0 and variance 1 in every output channel; these statistics are
    computed in float32 at least.

    Args:
        filters: Integer, the number of output channels.
        kernel_size: Integer or pair `(height, width)`.
        strides: Integer or pair.
        padding: `"symmetric"`: `kernel_size - 1` zeros, split evenly between both
            sides whatever the stride, as BiT was trained with; `"same"`, which is
            uneven where an even size meets stride 2, as in the hybrids; `"valid"`:
            none.
        standardization: `"variance"`: `(w - mean) / sqrt(variance + epsilon)`, as in
            BiT; `"std"`: `(w - mean) / (sqrt(variance) + epsilon)`, as in the
            hybrids; `None`: a plain convolution, for kernels that are standardised
            already (see `keras_vit.fold_weight_standardization`).
        epsilon: Float. BiT uses 1e-10, the hybrids 1e-5.
        use_bias: Boolean. Published models have none.
        kernel_initializer: Initializer of the raw kernel.
        **kwargs: Other arguments of `keras.layers.Conv2D`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, rows, columns, filters)`; unless `padding="valid"`, rows
        are the height divided by the stride, rounded up, and columns likewise.

    Raises:
        ValueError: if `padding` or `standardization` is unknown.

    Example:

    >>> conv = keras_vit.layers.StandardizedConv2D(64, 7, strides=2)
    >>> conv(keras.ops.zeros((1, 224, 224, 3))).shape
    (1, 112, 112, 64)

    Reference: [Qiao et al., 2019](https://arxiv.org/abs/1903.10520);
    `bit_pytorch/models.py: StdConv2d`, `vit_jax/models_resnet.py: StdConv`.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="symmetric",
        *,
        standardization="variance",
        epsilon=1e-10,
        use_bias=False,
        kernel_initializer="lecun_normal",
        **kwargs,
    ):
        check_choice(padding, PADDINGS, "padding")
        check_standardization(standardization)
        kwargs.setdefault("data_format", "channels_last")
        super().__init__(
            filters,
            kernel_size,
            strides,
            # Both give outputs of the same size.
            "same" if padding == "symmetric" else padding,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self._symmetric = padding == "symmetric"
        self.standardization = standardization
        self.epsilon = epsilon

    def add_weight(self, *args, **kwargs):
        # Statistics need the kernel in full precision; Keras would hand it over in
        # the compute dtype.
        kwargs.setdefault("autocast", kwargs.get("name") == "bias")
        return super().add_weight(*args, **kwargs)

    def standardized(self, kernel):
        """`kernel` as it multiplies the input, in float32 at least."""
        kernel = ops.convert_to_tensor(kernel)
        kernel = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
        return standardize(kernel, self.standardization, self.epsilon)

    def convolution_op(self, inputs, kernel):
        kernel = ops.cast(self.standardized(kernel), inputs.dtype)
        padding = self.padding
        if self._symmetric and max(self.strides) > 1:  # at stride 1 "same" is even
            rows, columns = [
                ((size - 1) * rate // 2, (size - 1) * rate - (size - 1) * rate // 2)
                for size, rate in zip(self.kernel_size, self.dilation_rate)
            ]
            inputs = ops.pad(inputs, ((0, 0), rows, columns, (0, 0)))
            padding = "valid"
        return ops.conv(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            padding="symmetric" if self._symmetric else self.padding,
            standardization=self.standardization,
            epsilon=self.epsilon,
        )
        return config
