"""The S-cells of a Neocognitron, and the rule by which they learn."""

import keras
import numpy as np
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.base import Layer

# Of each form: the factor of `r / (1 + r)` in the inhibition, and that of the
# reinforcement of inhibitory synapses.
FORMS = {"1980": (2.0, 0.5), "1988": (1.0, 1.0)}

# How far from a plane's line a synapse still begins with strength, in positions.
LINE_WIDTH = 0.7


@keras.saving.register_keras_serializable(package="keras_vit")
class SLayer(Layer):
    """Planes of S-cells: each cell extracts the feature of its plane at its place.

    An S-cell is excited by the weighted sum `e` of what lies in its area, and inhibited
    by `v`, the root of the mean square of the same cells, weaker with distance:

    `selectivity * max((1 + e) / (1 + 2 * s * inhibition * v) - 1, 0)`, where `s` is
    `selectivity / (1 + selectivity)`; in the form of 1988 without the factor 2.

    All cells of a plane share their synapses. These are no weights that gradients
    train: `reinforced` is their rule, which needs no teacher. At first each plane
    prefers a line of another orientation, weakly, and nothing is inhibited.

    Args:
        planes: Integer, the number of planes.
        area: Integer, side of the square of cells that one S-cell reads.
        padding: Integer, rows and columns of zeros on each side.
        selectivity: Float, the paper's `r`: the larger it is, the less another feature
            excites a cell.
        reinforcement: Float, the paper's `q`, the speed of learning.
        column: Integer, side of the S-columns: of all planes, within a window of so
            many positions, one cell at most is reinforced.
        falloff: Float in `(0, 1]`, factor of the inhibiting weights for each position
            of distance.
        form: `"1980"` or `"1988"`.
        initial_value: Float, the sum of the first synapses of a cell.

    Input shape: `(batch, rows, columns, planes before)`, not negative.

    Output shape: `(batch, rows', columns', planes)`, where `rows' = rows + 2 * padding
        - area + 1`.

    Raises:
        ValueError: if the form is unknown.

    Example:

    >>> layer = keras_vit.layers.SLayer(24, padding=2, selectivity=4.0)
    >>> layer(keras.random.uniform((1, 16, 16, 1))).shape
    (1, 16, 16, 24)

    Reference: [Fukushima, 1980](https://doi.org/10.1007/BF00344251), equations 1 to 5;
    Fukushima, 1988, Neural Networks 1, for the form of that year. The paper does not
    give the weights of the inhibition in closed form, nor the first synapses: here the
    former fall by `falloff` for each position, and the latter are lines.
    """

    def __init__(
        self,
        planes,
        area=5,
        *,
        padding=0,
        selectivity=1.5,
        reinforcement=16.0,
        column=5,
        falloff=0.9,
        form="1980",
        initial_value=0.01,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(form, tuple(FORMS), "form")
        self.planes = planes
        self.area = area
        self.padding = padding
        self.selectivity = selectivity
        self.reinforcement = reinforcement
        self.column = column
        self.falloff = falloff
        self.form = form
        self.initial_value = initial_value

    def build(self, input_shape):
        shape = (self.area, self.area, input_shape[-1], self.planes)
        options = {"trainable": False, "autocast": False}
        self.excitation = self.add_weight(
            shape, initializer=self._lines, name="excitation", **options
        )
        self.inhibition = self.add_weight(
            (self.planes,), initializer="zeros", name="inhibition", **options
        )

    def _lines(self, shape, dtype=None):
        """First synapses: in each plane a line of another orientation.

        Where there are several planes before, each counts at random, or all planes of
        one orientation would learn the same.
        """
        across = np.arange(self.area) - (self.area - 1) / 2
        angles = np.pi * np.arange(self.planes) / self.planes
        rows, columns = across[:, None, None], across[None, :, None]
        from_line = columns * np.sin(angles) + rows * np.cos(angles)
        lines = np.exp(-(from_line**2) / (2 * LINE_WIDTH**2))
        lines = lines * falloff_by_distance(self.area, self.falloff)[..., None]
        lines = lines / lines.sum(axis=(0, 1))
        first = ops.convert_to_tensor(lines[:, :, None], dtype) * (
            self.initial_value / shape[2]
        )
        if shape[2] == 1:
            return first
        shares = keras.initializers.RandomUniform(0.0, 2.0)((1, 1, *shape[2:]), dtype)
        return first * shares

    def call(self, inputs):
        u = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        found = self.respond(u, self.excitation, self.inhibition)[0]
        return ops.cast(found, self.compute_dtype)

    def respond(self, u, excitation, inhibition):
        """S-cells and the inhibiting cells beside them, of given synapses.

        Args:
            u: The layer's input, in float32 at least.
            excitation: The paper's a, `(area, area, planes before, planes)`.
            inhibition: Its b, `(planes,)`.

        Returns:
            `(S-cells, V-cells)`: `(B, H, W, planes)` and `(B, H, W, 1)`.
        """
        u = self._padded(u)
        excitation, inhibition = (
            ops.cast(weights, u.dtype) for weights in (excitation, inhibition)
        )
        excited = ops.conv(u, excitation, padding="valid")
        squares = ops.sum(ops.square(u), axis=-1, keepdims=True)
        weights = ops.cast(self._weights(u.shape[-1]), u.dtype)
        mean = ops.conv(squares, weights[..., None, None], padding="valid")
        empty = mean <= 0  # where the root has no gradient
        v = ops.where(empty, 0.0, ops.sqrt(ops.where(empty, 1.0, mean)))
        factor = FORMS[self.form][0] * self.selectivity / (1 + self.selectivity)
        ratio = (1 + excited) / (1 + factor * inhibition * v)
        return self.selectivity * ops.relu(ratio - 1), v

    def reinforced(self, u, excitation, inhibition):
        """The synapses after one pattern: a pure function of what was before.

        Of each S-column the cell with the largest output, if any is positive, is a
        candidate; each plane is represented by the largest of its candidates, and
        changes towards what that one sees.

        Args:
            u: One pattern `(1, rows, columns, planes before)`, float32 at least.
            excitation, inhibition: As for `respond`.

        Returns:
            `(excitation, inhibition)`, new ones.
        """
        cells, v = self.respond(u, excitation, inhibition)
        chosen = self.representatives(cells[0])  # (H, W, planes)
        height, width = chosen.shape[:2]
        padded = self._padded(u)[0]
        seen = ops.stack(
            [
                padded[i : i + height, j : j + width]
                for i in range(self.area)
                for j in range(self.area)
            ]
        )  # (area * area, H, W, planes before)
        seen = ops.einsum("ahwc,hwk->ack", seen, chosen)
        seen = ops.reshape(seen, excitation.shape)
        weights = ops.cast(self._weights(u.shape[-1])[..., None, None], u.dtype)
        change = self.reinforcement * weights * seen
        share = FORMS[self.form][1] * self.reinforcement
        other = share * ops.einsum("hw,hwk->k", v[0, ..., 0], chosen)
        return excitation + change, inhibition + other

    def representatives(self, cells):
        """The cells that are reinforced: ones in an array of zeros.

        Args:
            cells: S-cells of one pattern `(H, W, planes)`.
        """
        height, width, planes = cells.shape
        best = ops.max(cells, axis=-1, keepdims=True)[None]  # (1, H, W, 1)
        of_column = ops.max_pool(best, self.column, 1, "valid")
        # A cell is a candidate if it is the largest of one of the columns around it.
        edge = self.column - 1
        around = ops.pad(
            -of_column, ((0, 0), (edge, edge), (edge, edge), (0, 0)), "constant", -1e30
        )
        least = -ops.max_pool(around, self.column, 1, "valid")
        is_candidate = (best > 0) & (best == least)
        plane = ops.one_hot(ops.argmax(cells, axis=-1), planes, dtype="bool")
        values = ops.where(is_candidate[0] & plane, cells, 0.0)
        values = ops.reshape(values, (height * width, planes))
        places = ops.one_hot(
            ops.argmax(values, axis=0), height * width, axis=0, dtype=cells.dtype
        )
        found = ops.cast(ops.max(values, axis=0) > 0, cells.dtype)
        return ops.reshape(places * found, (height, width, planes))

    def _padded(self, u):
        sides = (self.padding, self.padding)
        return ops.pad(u, ((0, 0), sides, sides, (0, 0)))

    def _weights(self, planes_before):
        """The paper's c: fixed, one in sum over area and planes."""
        weights = falloff_by_distance(self.area, self.falloff)
        return weights / (weights.sum() * planes_before)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        less = self.area - 1 - 2 * self.padding
        sides = [None if side is None else side - less for side in sides]
        return (batch, *sides, self.planes)


def falloff_by_distance(area, factor):
    """`factor ** distance` of each position of a square area from its centre."""
    across = np.arange(area) - (area - 1) / 2
    return factor ** np.hypot(across[:, None], across)
