"""Heads of segmentation: from the maps of a backbone to logits of every place."""

import keras

from keras_vit.layers import AlignedUpsampling, BatchNorm, MaskTransformer
from keras_vit.models.building.ends import add_head, float_policy

# Channels of TransUNet's decoder: before the first step, and after each, where the
# last four lead to the size of the image.
FIRST, WIDTHS = 512, (256, 256, 128, 64, 16)


def linear(x, skips, a):
    """A linear classifier of every place, with DINOv2's batch norm before it if wanted.

    Args:
        x: Symbolic map `(B, rows, columns, D)`, the last one of the backbone.
        skips: Dictionary from stride to the map of that stride; not read here.
        a: Namespace of the model's checked arguments.
    """
    if a.norm == "batch":
        x = BatchNorm(name="head_norm", dtype=a.dtype)(x)
    return add_head(x, a)  # (B, rows, columns, K)


def mask(x, skips, a):
    """Segmenter's mask transformer; arguments as in `linear`."""
    return MaskTransformer(
        a.num_classes,
        a.decoder_layers,
        a.decoder_heads,
        a.decoder_mlp_dim,
        name="mask_transformer",
        dtype=a.dtype,
    )(x)  # (B, rows, columns, K)


def upsampler(x, skips, a):
    """TransUNet's decoder: doubled until it is of the image's size, skips beside it.

    Arguments as in `linear`; `a.decoder_widths` are the channels after each doubling.
    """
    x = _convolution(x, FIRST, "decoder_conv", a)
    for step, width in enumerate(a.decoder_widths, start=1):
        name, stride = f"up{step}", 2 ** (len(a.decoder_widths) - step)
        x = AlignedUpsampling(2, name=f"{name}_upsampling", dtype=a.dtype)(x)
        if stride in skips:
            joined = {"name": f"{name}_concatenate", "dtype": a.dtype}
            x = keras.layers.Concatenate(**joined)([x, skips[stride]])
        x = _convolution(x, width, f"{name}_conv1", a)
        x = _convolution(x, width, f"{name}_conv2", a)  # (B, H/stride, W/stride, width)
    return keras.layers.Conv2D(
        a.num_classes,
        3,
        padding="same",
        activation=a.classifier_activation,
        kernel_initializer="zeros",
        dtype=float_policy(a.dtype),
        name="head",
    )(x)  # (B, H, W, K)


def _convolution(x, width, name, a):
    """A 3x3 convolution, a batch norm, a ReLU."""
    x = keras.layers.Conv2D(
        width,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
        dtype=a.dtype,
    )(x)
    x = BatchNorm(name=f"{name}_norm", dtype=a.dtype)(x)
    return keras.layers.ReLU(name=f"{name}_relu", dtype=a.dtype)(x)


HEADS = {"linear": linear, "mask": mask, "upsampler": upsampler}
