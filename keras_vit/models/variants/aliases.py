"""What timm and Hugging Face call the published models."""

import re

# timm's name before the image size and the tag, with `_` for `-`. Of Hugging Face's
# names the owner is left out: `google/vit-base-patch16-224` is vit_base_patch16. Names
# with more in them (clip, dinov2, gap, distilled) are other architectures.
ALIASES = {
    "vit_tiny_patch16": "ViT_Ti16",
    "vit_small_patch16": "ViT_S16",
    "vit_small_patch32": "ViT_S32",
    "vit_base_patch8": "ViT_B8",
    "vit_base_patch16": "ViT_B16",
    "vit_base_patch32": "ViT_B32",
    "vit_large_patch16": "ViT_L16",
    "vit_large_patch32": "ViT_L32",
    "vit_huge_patch14": "ViT_H14",
    "vit_giant_patch14": "ViT_g14",
    "vit_gigantic_patch14": "ViT_G14",
    "deit_tiny_patch16": "ViT_Ti16",
    "deit_small_patch16": "ViT_S16",
    "deit_base_patch16": "ViT_B16",
    "vit_tiny_r_s16_p8": "R_ViT_Ti16",
    "vit_small_r26_s32": "R26_ViT_S32",
    "vit_base_r26_s32": "R26_ViT_B32",
    "vit_base_r50_s16": "R50_ViT_B16",
    "vit_base_resnet50": "R50_ViT_B16",
    "vit_large_r50_s32": "R50_ViT_L32",
    "resnetv2_50x1_bit": "BiT_R50x1",
    "resnetv2_50x3_bit": "BiT_R50x3",
    "resnetv2_101x1_bit": "BiT_R101x1",
    "resnetv2_101x3_bit": "BiT_R101x3",
    "resnetv2_152x2_bit": "BiT_R152x2",
    "resnetv2_152x4_bit": "BiT_R152x4",
    "bit_50": "BiT_R50x1",
    "yolos_tiny": "YOLOS_Ti",
    "yolos_small": "YOLOS_S",
    "yolos_base": "YOLOS_B",
    **{
        f"{tf}efficientnet_{scale}{training}": f"EfficientNet{scale.upper()}"
        for scale in ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2")
        for tf in ("", "tf_")
        for training in ("", "_ns", "_ap")
    },
}

# [owner/] name [image size] [what older names say of the training] [.tag]
_SPELLING = re.compile(
    r"(?:[\w.-]+/)?(?P<stem>[a-z]\w*?)(?:_(?P<size>\d{3}))?(?:_in21k)?(?:\.\w+)?"
)


def alias_of(name):
    """`(variant, image_size)` of a name of timm or Hugging Face, or `None`.

    Args:
        name: String, such as `"vit_base_patch16_384.augreg_in21k"`, which is
            `("ViT_B16", 384)`; the image size is `None` where the name has none.
    """
    match = _SPELLING.fullmatch(str(name).lower().replace("-", "_"))
    variant = ALIASES.get(match["stem"]) if match else None
    if variant is None:
        return None
    return variant, match["size"] and int(match["size"])
