"""Tables: the sizes of the published models, one row each."""

from dataclasses import dataclass
from typing import ClassVar

from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.yolos import YOLOS_VARIANTS


@dataclass(frozen=True)
class ViTVariant:
    """One published Vision Transformer: a row of a paper's table.

    `params` is the published count at 224 pixels with a class token and a 1000-class
    head; `None` where none was published for that head.
    """

    patch_size: int
    num_layers: int
    hidden_dim: int
    mlp_dim: int
    num_heads: int
    params: int | None = None


# Dosovitskiy et al. (2021), table 1, and Steiner et al. (2022), table 2; counts as
# asserted by vit_jax/models_test.py. From M on: big_vision/models/vit.py and
# Zhai et al. (2022), table 2, which give no count for this head.
VIT_VARIANTS = {
    "ViT_Ti16": ViTVariant(16, 12, 192, 768, 3, 5_717_416),
    "ViT_S16": ViTVariant(16, 12, 384, 1536, 6, 22_050_664),
    "ViT_S32": ViTVariant(32, 12, 384, 1536, 6, 22_878_952),
    "ViT_B8": ViTVariant(8, 12, 768, 3072, 12, 86_576_872),
    "ViT_B16": ViTVariant(16, 12, 768, 3072, 12, 86_567_656),
    "ViT_B32": ViTVariant(32, 12, 768, 3072, 12, 88_224_232),
    "ViT_L16": ViTVariant(16, 24, 1024, 4096, 16, 304_326_632),
    "ViT_L32": ViTVariant(32, 24, 1024, 4096, 16, 306_535_400),
    "ViT_H14": ViTVariant(14, 32, 1280, 5120, 16, 632_045_800),
    "ViT_M16": ViTVariant(16, 12, 512, 2048, 8),
    "ViT_So400m14": ViTVariant(14, 27, 1152, 4304, 16),
    "ViT_g14": ViTVariant(14, 40, 1408, 6144, 16),
    "ViT_G14": ViTVariant(14, 48, 1664, 8192, 16),
    "ViT_e14": ViTVariant(14, 56, 1792, 15360, 16),
    # ViT-b of Dosovitskiy et al. (2021), figure 4: B with every width halved.
    "ViT_HalfB32": ViTVariant(32, 12, 384, 1536, 12),
    "ViT_HalfB16": ViTVariant(16, 12, 384, 1536, 12),
}


@dataclass(frozen=True)
class BiTVariant:
    """One BiT ResNet; `params` is the count with a 1000-class head, as published."""

    num_blocks: tuple[int, ...]
    width_factor: int
    params: int | None = None


# Kolesnikov et al. (2020); counts of the released files. The last three occur in
# Dosovitskiy et al. (2021), table 6, only.
BIT_VARIANTS = {
    "BiT_R50x1": BiTVariant((3, 4, 6, 3), 1, 25_549_352),
    "BiT_R101x1": BiTVariant((3, 4, 23, 3), 1, 44_541_480),
    "BiT_R50x3": BiTVariant((3, 4, 6, 3), 3, 217_319_080),
    "BiT_R101x3": BiTVariant((3, 4, 23, 3), 3, 387_934_888),
    "BiT_R152x2": BiTVariant((3, 8, 36, 3), 2, 236_335_208),
    "BiT_R152x4": BiTVariant((3, 8, 36, 3), 4, 936_533_224),
    "BiT_R50x2": BiTVariant((3, 4, 6, 3), 2),
    "BiT_R152x1": BiTVariant((3, 8, 36, 3), 1),
    "BiT_R200x3": BiTVariant((3, 24, 36, 3), 3),
}


@dataclass(frozen=True)
class HybridVariant:
    """One hybrid: a ResNet stem and the Transformer that reads its feature map.

    `patch_size` counts positions of the feature map; the number in the name is the
    whole down-sampling. `params` as in `ViTVariant`.
    """

    num_blocks: tuple[int, ...]
    patch_size: int
    num_layers: int
    hidden_dim: int
    mlp_dim: int
    num_heads: int
    params: int | None = None
    # Of the ResNet; the same in every published hybrid.
    width_factor: ClassVar[int] = 1


# Dosovitskiy et al. (2021), section 4.1, and Steiner et al. (2022), table 2; counts
# as asserted by vit_jax/models_test.py. R+Ti/16 keeps its published name, but its
# patches of 8 on a stem of stride 4 cover 32 pixels. (3, 4, 9): the blocks of stage 4
# are appended to stage 3. The last two occur in Dosovitskiy et al., table 6, only.
HYBRID_VARIANTS = {
    "R_ViT_Ti16": HybridVariant((), 8, 12, 192, 768, 3, 6_337_704),
    "R26_ViT_S32": HybridVariant((2, 2, 2, 2), 1, 12, 384, 1536, 6, 36_431_912),
    "R26_ViT_B32": HybridVariant((2, 2, 2, 2), 1, 12, 768, 3072, 12, 101_383_976),
    "R50_ViT_B16": HybridVariant((3, 4, 9), 1, 12, 768, 3072, 12, 98_659_112),
    "R50_ViT_L32": HybridVariant((3, 4, 6, 3), 1, 24, 1024, 4096, 16, 328_994_856),
    "R50_ViT_B32": HybridVariant((3, 4, 6, 3), 1, 12, 768, 3072, 12),
    "R50_ViT_L16": HybridVariant((3, 4, 9), 1, 24, 1024, 4096, 16),
}


FAMILIES = {
    "vit": VIT_VARIANTS,
    "hybrid": HYBRID_VARIANTS,
    "bit": BIT_VARIANTS,
    "yolos": YOLOS_VARIANTS,
    **{name: family.rows for name, family in LINEAGE.items()},
}
