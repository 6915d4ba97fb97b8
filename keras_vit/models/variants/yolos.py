"""The published YOLOS: their sizes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class YOLOSVariant:
    """One YOLOS; `params` is the count of its published file.

    `image_size` is the one that positions are for, rounded down to whole patches.
    """

    patch_size: int
    num_layers: int
    hidden_dim: int
    mlp_dim: int
    num_heads: int
    mid_positions: bool
    image_size: tuple[int, int]
    params: int | None = None


# Fang et al. (2021), table 1, and the configurations of the published files, whose
# tables are of 800x1333, 512x864 and 800x1344 pixels. Counts follow from these sizes:
# 6.5, 30.7 and 127 million in the paper's table 6.
YOLOS_VARIANTS = {
    "YOLOS_Ti": YOLOSVariant(16, 12, 192, 768, 3, False, (800, 1328), 6_488_736),
    "YOLOS_S": YOLOSVariant(16, 12, 384, 1536, 6, True, (512, 864), 30_684_768),
    "YOLOS_B": YOLOSVariant(16, 12, 768, 3072, 12, True, (800, 1344), 127_798_368),
}
