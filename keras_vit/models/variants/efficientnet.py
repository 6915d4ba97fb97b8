"""The sizes of the published EfficientNets, and what their layers cost."""

import math
from dataclasses import dataclass

from keras_vit.layers.convolution.stages import MBCONV_STAGES
from keras_vit.models.variants.family import Family, convolution


@dataclass(frozen=True)
class EfficientNetVariant:
    """One EfficientNet: blocks and channels of each stage, its images and dropout."""

    num_blocks: tuple[int, ...]
    stage_widths: tuple[int, ...]
    stem_width: int
    top_width: int
    image_size: int
    dropout_rate: float
    params: int
    statistics: int


def _scaled(width, depth, *others):
    """The row of a network so much wider and deeper than B0."""

    def rounded(channels):  # to a multiple of 8, and not by more than a tenth down
        near = max(8, int(width * channels + 4) // 8 * 8)
        return near + 8 if near < 0.9 * width * channels else near

    return EfficientNetVariant(
        tuple(math.ceil(depth * blocks) for blocks in (1, 2, 2, 3, 3, 4, 1)),
        tuple(rounded(channels) for channels in (16, 24, 40, 80, 112, 192, 320)),
        rounded(32),
        rounded(1280),
        *others,
    )


# Tan and Le (2019), tables 1 and 2; `efficientnet_builder.py` of tensorflow/tpu for
# coefficients, sizes and dropout of all, and L2 of Xie et al. (2020), table 7. Its
# published weights were fine-tuned at 800 pixels; others are for 475. The counts are
# those of the models that timm 1.0.31 builds.
_ROWS = {
    "EfficientNetB0": _scaled(1.0, 1.0, 224, 0.2, 5_288_548, 42_016),
    "EfficientNetB1": _scaled(1.0, 1.1, 240, 0.2, 7_794_184, 62_048),
    "EfficientNetB2": _scaled(1.1, 1.2, 260, 0.3, 9_109_994, 67_568),
    "EfficientNetB3": _scaled(1.2, 1.4, 300, 0.3, 12_233_232, 87_296),
    "EfficientNetB4": _scaled(1.4, 1.8, 380, 0.4, 19_341_616, 125_200),
    "EfficientNetB5": _scaled(1.6, 2.2, 456, 0.4, 30_389_784, 172_736),
    "EfficientNetB6": _scaled(1.8, 2.6, 528, 0.5, 43_040_704, 224_432),
    "EfficientNetB7": _scaled(2.0, 3.1, 600, 0.5, 66_347_960, 310_720),
    "EfficientNetB8": _scaled(2.2, 3.6, 672, 0.5, 87_413_142, 380_032),
    "EfficientNetL2": _scaled(4.3, 5.3, 800, 0.5, 480_309_308, 1_090_688),
}


def operations(a, sides):
    """The `Operation` of each layer of an EfficientNet."""
    rows, columns = [-(-side // 2) for side in sides]
    width = a.stem_width
    yield convolution(3, a.num_channels, width, rows * columns, bias=False, norm=True)
    for (expansion, kernel, stride), blocks, filters in zip(
        MBCONV_STAGES, a.num_blocks, a.stage_widths
    ):
        for block in range(blocks):
            inner, before = expansion * width, rows * columns
            if block == 0:
                rows, columns = -(-rows // stride), -(-columns // stride)
            after, squeezed = rows * columns, max(1, width // 4)
            plain = {"bias": False, "norm": True}
            if expansion > 1:
                yield convolution(1, width, inner, before, **plain)
            yield convolution(kernel, inner, inner, after, groups=inner, **plain)
            yield convolution(1, inner, squeezed, 1)
            yield convolution(1, squeezed, inner, 1)
            yield convolution(1, inner, filters, after, **plain)
            width = filters
    yield convolution(1, width, a.top_width, rows * columns, bias=False, norm=True)
    positions = 1 if a.pooling == "gap" else rows * columns
    yield convolution(1, a.top_width, a.num_classes, positions, part="head")


EFFICIENTNET = Family(
    rows=_ROWS,
    operations=operations,
    kind="EfficientNet",
    title="EfficientNet, MBConv blocks with squeeze-and-excite and batch norm",
    sizes="Stages of {stages} blocks, with {stem_width} channels before and\n"
    "{top_width} after them.",
    defaults={"pooling": "gap"},
)
