"""The sizes of the published ResNets, and what their layers cost."""

from dataclasses import dataclass

from keras_vit.models.variants.family import Family, convolution


@dataclass(frozen=True)
class ResNetVariant:
    """One ResNet: units, channels and kind of unit of each stage.

    `params` is the count without biases in convolutions, with a 1000-class head.
    """

    num_blocks: tuple[int, ...]
    stage_widths: tuple[int, ...]
    bottleneck: bool
    stem_width: int
    params: int
    statistics: int


_PLAIN = ((64, 128, 256, 512), False, 64)
_BOTTLENECKS = ((256, 512, 1024, 2048), True, 64)

# He et al. (2016), table 1; the counts are those of the models that torchvision builds.
_ROWS = {
    "ResNet18": ResNetVariant((2, 2, 2, 2), *_PLAIN, 11_689_512, 9_600),
    "ResNet34": ResNetVariant((3, 4, 6, 3), *_PLAIN, 21_797_672, 17_024),
    "ResNet50": ResNetVariant((3, 4, 6, 3), *_BOTTLENECKS, 25_557_032, 53_120),
    "ResNet101": ResNetVariant((3, 4, 23, 3), *_BOTTLENECKS, 44_549_160, 105_344),
    "ResNet152": ResNetVariant((3, 8, 36, 3), *_BOTTLENECKS, 60_192_808, 151_424),
}


def operations(a, sides):
    """The `Operation` of each layer of a ResNet."""
    plain = {"bias": False, "norm": True}
    rows, columns = [-(-side // 2) for side in sides]
    width = a.stem_width
    yield convolution(7, a.num_channels, width, rows * columns, **plain)
    rows, columns = -(-rows // 2), -(-columns // 2)
    for stage, (units, filters) in enumerate(zip(a.num_blocks, a.stage_widths)):
        for unit in range(units):
            strides = 2 if stage and unit == 0 else 1
            before = rows * columns
            rows, columns = -(-rows // strides), -(-columns // strides)
            after = rows * columns
            if a.bottleneck:
                inner = filters // 4
                first = after if a.stride_in == "1x1" else before
                yield convolution(1, width, inner, first, **plain)
                yield convolution(3, inner, inner, after, **plain)
                yield convolution(1, inner, filters, after, **plain)
            else:
                yield convolution(3, width, filters, after, **plain)
                yield convolution(3, filters, filters, after, **plain)
            if strides != 1 or width != filters:
                yield convolution(1, width, filters, after, **plain)
            width = filters
    positions = 1 if a.pooling == "gap" else rows * columns
    yield convolution(1, width, a.num_classes, positions, part="head")


RESNET = Family(
    rows=_ROWS,
    operations=operations,
    kind="ResNet",
    title="ResNet, residual units with batch norm",
    sizes="Stages of {stages} units, {stage_widths} channels wide.",
    defaults={"pooling": "gap", "stride_in": "3x3"},
)
