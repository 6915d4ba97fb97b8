"""`Family`: what the tables of models know of a kind of convolutional network."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from types import SimpleNamespace

from keras_vit.layers.tokens.grids import pair

# Fields of a row that are no size of the architecture: what a model of it takes unless
# it is told otherwise, and counts.
DEFAULTS = ("image_size", "dropout_rate")
BESIDE = ("params", "statistics", *DEFAULTS)


@dataclass(frozen=True)
class Operation:
    """A layer with weights, as far as it counts.

    Attributes:
        part: String, the part of the model whose cost it is, such as `"head"`.
        weights: Integer, the numbers of the kernel: each is multiplied once at every
            position.
        positions: Integer, the positions of the output.
        others: Integer, other trainable numbers, such as biases.
    """

    part: str
    weights: int
    positions: int = 1
    others: int = 0


def convolution(
    kernel, before, after, positions, *, groups=1, bias=True, norm=False, part="body"
):
    """The `Operation` of a convolution, and of a batch norm behind it.

    Args:
        kernel: Integer or pair, the sides of the kernel.
        before: Integer, channels of the input.
        after: Integer, channels of the output.
        positions: Integer, the positions of the output (of a transposed convolution,
            of the input).
        groups: Integer; a depthwise convolution has as many as channels.
        bias: Boolean.
        norm: Boolean, whether a norm with scale and offset follows.
        part: String, as in `Operation`.
    """
    height, width = pair(kernel, "kernel")
    weights = height * width * (before // groups) * after
    return Operation(part, weights, positions, after * bias + 2 * after * norm)


def dense(before, after, *, part="body"):
    """The `Operation` of a dense layer with a bias."""
    return Operation(part, before * after, 1, after)


@dataclass(frozen=True)
class Family:
    """A family of published networks that are no Transformers and no BiT.

    Attributes:
        rows: Dictionary from the name of a model to a frozen dataclass of its sizes,
            the arguments of the family's builder. Fields that are no such size:
            `params`, the published number of trainable parameters, `statistics`, the
            numbers that batch norms keep besides, and the default values `image_size`
            and `dropout_rate`.
        operations: Function `(a, sides)` of a namespace of the builder's arguments and
            the pixels `(height, width)` that lists the `Operation` of each layer.
        kind: String, what one is called within a sentence.
        title: String, what it is called as the head of a page.
        sizes: String, a sentence for docstrings with the names of sizes in braces.
        image_size: Integer, pixels, where a row says nothing.
        num_channels: Integer, of its images.
        num_classes: Integer, of its published head.
        defaults: Dictionary, what `operations` reads and no row says.
    """

    rows: dict
    operations: Callable
    kind: str
    title: str
    sizes: str
    image_size: int = 224
    num_channels: int = 3
    num_classes: int = 1000
    defaults: dict = field(default_factory=dict)

    def _listed(self, row, num_classes, image_size, num_channels):
        sizes = {f.name: getattr(row, f.name) for f in fields(row)}
        a = SimpleNamespace(**{**self.defaults, **sizes})
        a.num_classes = self.num_classes if num_classes is None else num_classes
        a.num_channels = num_channels or self.num_channels
        size = image_size or self.size_of(row)
        return self.operations(a, pair(size, "image_size"))

    def size_of(self, row):
        """The pixels of a side of the images of a row."""
        return getattr(row, "image_size", None) or self.image_size

    def params(self, row, num_classes=None, image_size=None, num_channels=None):
        """The trainable parameters of a row's model."""
        listed = self._listed(row, num_classes, image_size, num_channels)
        return sum(each.weights + each.others for each in listed)

    def flops(self, row, num_classes=None, image_size=None, num_channels=None):
        """Operations of a forward pass of one image, a multiply-add counted as two."""
        listed = self._listed(row, num_classes, image_size, num_channels)
        return 2 * sum(each.weights * each.positions for each in listed)

    def multiply_adds(self, a, sides):
        """Multiply-adds by part; `a` and `sides` as for `operations`."""
        found = {}
        for each in self.operations(a, sides):
            adds = each.weights * each.positions
            found[each.part] = found.get(each.part, 0) + adds
        return found
