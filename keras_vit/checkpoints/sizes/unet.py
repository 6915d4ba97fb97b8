"""Reads the sizes of a U-Net from the shapes of its arrays."""


def arguments(checkpoint):
    """Arguments of `keras_vit.UNet`, as far as the arrays tell them."""
    downs = sorted(checkpoint.numbers(r"down(\d+)_conv1/kernel"))
    if not checkpoint.numbers(r"up(\d+)_upconv/kernel"):
        raise ValueError(
            f"{checkpoint.origin} holds a U-Net without up-convolutions, which "
            "interpolates instead (milesial's bilinear=True); keras_vit.UNet has "
            "transposed convolutions only."
        )
    ups = [f"up{step}_upconv/kernel" for step in range(1, len(downs))]
    return {
        "widths": [checkpoint.length(f"down{i}_conv1/kernel", 3) for (i,) in downs],
        "upconv_widths": [checkpoint.length(p, 2) for p in ups],  # (2, 2, out, in)
        "batch_norm": "down0_norm1/gamma" in checkpoint,
        "num_channels": checkpoint.length("down0_conv1/kernel", 2),
    }
