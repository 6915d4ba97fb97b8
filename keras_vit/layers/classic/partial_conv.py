"""A convolution that connects some of the maps, as C3 of LeNet-5."""

import keras
from keras import ops

from keras_vit.common.checks import check_positive, is_integer
from keras_vit.layers.base import Layer
from keras_vit.layers.classic.scaled_tanh import uniform_by_fan_in


@keras.saving.register_keras_serializable(package="keras_vit")
class PartialConv2D(Layer):
    """A 2-D convolution whose every output map reads some of the input maps.

    The kernel holds the connections that exist, and nothing for the others: it is
    `(rows, columns, pairs)`, a pair for each input map of each output map, in the order
    of `connections`.

    Args:
        connections: Sequence of sequences of integers: of each output map the input
            maps that it reads, counted from 0.
        kernel_size: Integer, the side of the kernel.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, height - kernel_size + 1, width - kernel_size + 1,
        len(connections))`.

    Raises:
        ValueError: if an output map reads nothing, or a map twice, or a map that is
            not there.

    Example:

    >>> conv = keras_vit.layers.PartialConv2D([[0, 1], [1, 2], [0, 1, 2]], 5)
    >>> conv(keras.ops.ones((1, 14, 14, 3))).shape
    (1, 10, 10, 3)

    Weights start uniformly in +-2.4 / fan-in, as in the paper.

    Reference: [LeCun et al., 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
    table I.
    """

    def __init__(self, connections, kernel_size, **kwargs):
        super().__init__(**kwargs)
        check_positive(kernel_size=kernel_size)
        self.connections = [list(maps) for maps in connections]
        for maps in self.connections:
            whole = all(is_integer(n) and n >= 0 for n in maps)
            if not maps or not whole or len(set(maps)) < len(maps):
                raise ValueError(
                    "Each of `connections` must be numbers of input maps from 0, at "
                    f"least one, and none twice. Received: {maps!r} in "
                    f"connections={connections!r}"
                )
        self.kernel_size = kernel_size

    def build(self, input_shape):
        channels, filters = input_shape[-1], len(self.connections)
        highest = max(max(maps) for maps in self.connections)
        if highest >= channels:
            raise ValueError(
                "`connections` must name input maps that are there. Received: map "
                f"{highest}, and images of shape {tuple(input_shape)}, whose last is "
                f"map {channels - 1}"
            )
        # Of each pair of input and output the place in the kernel; there is a zero
        # behind it for those that are not connected.
        pairs = [(i, o) for o, maps in enumerate(self.connections) for i in maps]
        places = {pair: place for place, pair in enumerate(pairs)}
        self._places = [
            places.get((i, o), len(pairs))
            for i in range(channels)
            for o in range(filters)
        ]
        area = self.kernel_size**2
        fan_in = [float(area * len(self.connections[o])) for _, o in pairs]
        self.kernel = self.add_weight(
            (self.kernel_size, self.kernel_size, len(pairs)),
            name="kernel",
            initializer=uniform_by_fan_in(fan_in),
        )
        self.bias = self.add_weight((filters,), name="bias", initializer="zeros")

    def whole_kernel(self):
        """The kernel with zeros where nothing is connected: `(rows, columns, in, out)`.

        Returns:
            A tensor.
        """
        kernel = ops.pad(ops.convert_to_tensor(self.kernel), ((0, 0), (0, 0), (0, 1)))
        side, filters = self.kernel_size, len(self.connections)
        kernel = ops.take(kernel, self._places, axis=-1)
        return ops.reshape(kernel, (side, side, -1, filters))

    def call(self, inputs):
        x = ops.conv(inputs, self.whole_kernel(), data_format="channels_last")
        return x + self.bias

    def compute_output_shape(self, input_shape):
        sides = (
            None if side is None else side - self.kernel_size + 1
            for side in input_shape[1:3]
        )
        return (input_shape[0], *sides, len(self.connections))
