"""Parameters and cost of the published models in closed form, without building them.

Floating-point operations are those of matrix products and convolutions in one
forward pass of one image; a multiply-add counts as two.
"""

import math

from keras_vit.layers.convolution.stages import stage_widths
from keras_vit.layers.tokens.grids import pair, stem_factor
from keras_vit.models.variants.lineage import LINEAGE


def vit_params(row, num_classes=1000, image_size=224, num_channels=3):
    """Parameters of a ViT with a class token and a linear head."""
    d, m, p = row.hidden_dim, row.mlp_dim, row.patch_size
    tokens = 1 + _patches(image_size, p)
    embedding = (p * p * num_channels + 1) * d + d + tokens * d
    attention = 4 * (d * d + d)
    block = attention + (d * m + m) + (m * d + d) + 4 * d
    return embedding + row.num_layers * block + 2 * d + (d + 1) * num_classes


def vit_flops(row, num_classes=1000, image_size=224, num_channels=3):
    p = row.patch_size
    patches = _patches(image_size, p)
    embedding = patches * p * p * num_channels * row.hidden_dim
    blocks = row.num_layers * block_multiply_adds(1 + patches, row)
    return 2 * (embedding + blocks + row.hidden_dim * num_classes)


def block_multiply_adds(tokens, row):
    """Of one Transformer block, for a sequence of `tokens`."""
    return attention_multiply_adds(tokens, row) + mlp_multiply_adds(tokens, row)


def attention_multiply_adds(tokens, row):
    d = row.hidden_dim
    return 4 * tokens * d * d + 2 * tokens**2 * d  # scores, and scores times values


def mlp_multiply_adds(tokens, row, swiglu=False):
    """Of the two dense layers; the first of a SwiGLU is twice as wide."""
    return (3 if swiglu else 2) * tokens * row.hidden_dim * row.mlp_dim


def yolos_params(row, num_classes=91, image_size=None, num_channels=3, tokens=100):
    """Parameters of a YOLOS with so many detection tokens."""
    size = image_size or row.image_size
    d, tables = row.hidden_dim, row.num_layers if row.mid_positions else 1
    positions = 1 + tokens + _patches(size, row.patch_size)
    body = vit_params(row, 0, size, num_channels) - d
    body += tokens * d + tables * positions * d
    body -= (1 + _patches(size, row.patch_size)) * d  # which `vit_params` counts
    return body + d + 4 * (d * d + d) + (d + 1) * (num_classes + 1 + 4)


def yolos_flops(row, num_classes=91, image_size=None, num_channels=3, tokens=100):
    size = image_size or row.image_size
    d, patches = row.hidden_dim, _patches(size, row.patch_size)
    blocks = row.num_layers * block_multiply_adds(1 + tokens + patches, row)
    embedding = patches * row.patch_size**2 * num_channels * d
    return 2 * (embedding + blocks + yolos_head_multiply_adds(d, num_classes, tokens))


def yolos_head_multiply_adds(hidden_dim, num_classes, tokens):
    """Of the two MLPs of three layers on the detection tokens."""
    return tokens * (4 * hidden_dim**2 + hidden_dim * (num_classes + 1 + 4))


def bit_params(row, num_classes=1000, num_channels=3):
    """Parameters of a BiT ResNet with a linear head."""
    width = int(64 * row.width_factor)
    total, channels = 49 * num_channels * width, width
    for channels_in, f, projects, _, _ in _units(row.num_blocks, width):
        norms = 2 * (channels_in + f + f)
        total += norms + _kernels(channels_in, f, projects)
        channels = 4 * f
    return total + 2 * channels + (channels + 1) * num_classes


def bit_flops(row, num_classes=1000, image_size=224, num_channels=3):
    width = int(64 * row.width_factor)
    channels = width * stem_factor(row.num_blocks)
    sides = pair(image_size, "image_size")
    stem = resnet_multiply_adds(row.num_blocks, width, sides, num_channels)
    return 2 * (stem + channels * num_classes)


def hybrid_params(row, num_classes=1000, image_size=224, num_channels=3):
    """Parameters of a hybrid with a class token and a linear head."""
    width = int(64 * row.width_factor)
    total = 49 * num_channels * width + 2 * width
    for channels_in, f, projects, _, _ in _units(row.num_blocks, width):
        norms = 2 * (f + f + 4 * f + projects * 4 * f)
        total += norms + _kernels(channels_in, f, projects)
    sides = pair(image_size, "image_size")
    grid, channels = feature_map(row.num_blocks, sides, width)
    return total + vit_params(row, num_classes, grid, channels)


def hybrid_flops(row, num_classes=1000, image_size=224, num_channels=3):
    sides = pair(image_size, "image_size")
    width = int(64 * row.width_factor)
    stem = resnet_multiply_adds(row.num_blocks, width, sides, num_channels)
    grid, channels = feature_map(row.num_blocks, sides, width)
    return 2 * stem + vit_flops(row, num_classes, grid, channels)


def _kernels(channels_in, f, projects):
    return channels_in * f + 9 * f * f + 4 * f * f + projects * channels_in * 4 * f


def _units(num_blocks, width=64, size=56, widths=None):
    """Of each unit: channels in, filters, whether it projects, sizes in and out."""
    channels = width
    widths = stage_widths(num_blocks, width / 64, widths)
    for stage, units in enumerate(num_blocks):
        f = widths[stage] // 4
        for unit in range(units):
            after = -(-size // 2) if stage and unit == 0 else size
            yield channels, f, unit == 0, size, after
            channels, size = 4 * f, after


def resnet_multiply_adds(num_blocks, width, sides, num_channels, widths=None):
    """Of the convolutions of a ResNet, for images of `(height, width)` pixels.

    Args:
        num_blocks: Sequence, the units of each stage.
        width: Integer, the channels of the first convolution.
        sides: Pair, pixels.
        num_channels: Integer, of the images.
        widths: The channels of each stage, where they do not double.
    """
    roots = [-(-side // 2) for side in sides]
    total = 49 * num_channels * width * math.prod(roots)
    rows, columns = (_units(num_blocks, width, -(-root // 2), widths) for root in roots)
    for (channels, f, projects, *ends), (*_, before, after) in zip(rows, columns):
        total += channels * f * ends[0] * before
        total += (_kernels(channels, f, projects) - channels * f) * ends[1] * after
    return total


def feature_map(num_blocks, sides, width=64, widths=None):
    """`((height, width), channels)` of what comes out of a ResNet."""
    factor = stem_factor(num_blocks)
    channels = [width, *stage_widths(num_blocks, width / 64, widths)][-1]
    return tuple(-(-side // factor) for side in sides), channels


def _patches(image_size, patch_size):
    return math.prod(side // patch_size for side in pair(image_size, "image_size"))


# Of each family: closed forms of the parameters and the cost of a row.
FORMULAS = {
    "vit": (vit_params, vit_flops),
    "hybrid": (hybrid_params, hybrid_flops),
    "bit": (bit_params, bit_flops),
    "yolos": (yolos_params, yolos_flops),
    **{name: (family.params, family.flops) for name, family in LINEAGE.items()},
}
