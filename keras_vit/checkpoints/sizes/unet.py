"""Reads the sizes of a U-Net from the shapes of its arrays."""

import re


def arguments(checkpoint):
    """Arguments of `keras_vit.UNet`, as far as the arrays tell them."""
    upconvs = _widths(checkpoint, r"up(\d+)_upconv/kernel", 2)  # (2, 2, out, in)
    if not upconvs:
        raise ValueError(
            f"{checkpoint.origin} holds a U-Net without up-convolutions, which "
            "interpolates instead (milesial's bilinear=True); keras_vit.UNet has "
            "transposed convolutions only."
        )
    return {
        "widths": _widths(checkpoint, r"down(\d+)_conv1/kernel", 3),
        "upconv_widths": upconvs,
        "batch_norm": "down0_norm1/gamma" in checkpoint,
        "num_channels": checkpoint.shape("down0_conv1/kernel")[2],
    }


def _widths(checkpoint, pattern, axis):
    """The lengths of an axis of the kernels of all levels, in their order."""
    found = {}
    for path in checkpoint.variables:
        if match := re.fullmatch(pattern, path):
            found[int(match[1])] = checkpoint.shape(path)[axis]
    return [found[level] for level in sorted(found)]
