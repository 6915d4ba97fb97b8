"""Hybrid: a ResNet followed by a Vision Transformer that reads its feature map."""

from types import SimpleNamespace

import keras

from keras_vit.layers import (
    CropToMultiple,
    GroupNorm,
    PostActivationUnit,
    StandardizedConv2D,
)
from keras_vit.layers.tokens.grids import pair, stem_factor
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.encoder import check_transformer
from keras_vit.models.building.resnet import add_stages, check_resnet
from keras_vit.models.vit import ViT


def _build(x, a, shown=None):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
        shown: As in `keras_vit.models.vit`.
    """
    dtype = {"dtype": a.dtype}
    x = StandardizedConv2D(
        int(64 * a.width_factor),
        7,
        strides=2,
        padding="same",
        standardization=a.standardization,
        epsilon=a.standardization_epsilon,
        name="root_conv",
        **dtype,
    )(x)  # (B, H/2, W/2, F), F being 64 * width_factor
    x = GroupNorm(epsilon=a.group_norm_epsilon, name="root_norm", **dtype)(x)
    x = keras.layers.ReLU(name="root_relu", **dtype)(x)
    x = keras.layers.MaxPooling2D(3, 2, "same", name="root_pooling", **dtype)(x)
    x = add_stages(x, PostActivationUnit, a)  # (B, H/16, W/16, 16 F) after three stages
    if any((size or 1) % patch for size, patch in zip(x.shape[1:3], a.patch_size)):
        x = CropToMultiple(a.patch_size, name="crop", **dtype)(x)
    # Patches, encoder, blocks, norm, pooling and head are those of a ViT.
    a = SimpleNamespace(**vars(a), stride=a.patch_size)
    return ViT.build(x, a, shown)  # (B, K)


def _check(a):
    """Checks the arguments of a hybrid, and fills in what depends on others."""
    check_resnet(a)
    check_transformer(a)
    a.patch_size = list(pair(a.patch_size, "patch_size"))
    factor = stem_factor(a.num_blocks)
    for size, patch in zip(a.image_size, a.patch_size):
        if size is not None and -(-size // factor) < patch:
            raise ValueError(
                "The feature map must hold at least one patch. "
                f"Received: image_size={tuple(a.image_size)}, which the ResNet divides "
                f"by {factor}, and patch_size={tuple(a.patch_size)}. Images need "
                f"at least {(patch - 1) * factor + 1} pixels on this side."
            )


@constructor("hybrid", _build, _check, arguments.transformer, name="hybrid_vit")
def HybridViT(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    width_factor=1,
    stage_widths=None,
    patch_size=1,
    group_norm_epsilon=1e-6,
    standardization="std",
    standardization_epsilon=1e-5,
):
    """Hybrid of any size: a ResNet whose feature map a Vision Transformer reads.

    The stem (a 7x7 convolution and a max pool) divides the resolution by 4, every
    stage but the first by 2 more, always rounding up. Patches are cut from the
    feature map that results, and everything after them is a Vision Transformer.

    Args:
        num_blocks: Sequence of integers, the number of post-activation units in
            each stage; empty for the stem alone.
        width_factor: Number, the width of the ResNet in multiples of ResNet-50's; a
            multiple of 0.5, because norms have 32 groups.
        stage_widths: Sequence of integers, the output channels of each stage, where
            they do not double; multiples of 128. Defaults to
            `256 * width_factor * 2 ** stage`, from stage 0.
        patch_size: Integer or pair `(height, width)`, positions of the feature map.
            Rows and columns that do not fill a patch are left out. Defaults to 1.
        image_size: Integer or pair `(height, width)`, pixels; any size. Defaults to
            224. `(None, None)` takes every size, as in `keras_vit.ViT`.
        group_norm_epsilon: Float, of every group norm.
        standardization: How kernels are standardised: `"std"` divides by
            `sqrt(variance) + standardization_epsilon`, as the official hybrids;
            `"variance"` by `sqrt(variance + standardization_epsilon)`; `None` not
            at all: see `keras_vit.fold_weight_standardization`.
        standardization_epsilon: Float. timm uses `"variance"` with 1e-8.
        remat: Boolean, whether training keeps the input of each unit and block only.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, standardisation,
            softmax and head compute in float32 at least. Defaults to Keras's global
            policy.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dim)`; with
        `pooling=None` a row for each token: `(batch, tokens, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `root_conv`, `root_norm`,
        `root_relu`, `root_pooling`, `stage1_unit01`, `stage1_unit02`, ..., then
        those of `keras_vit.ViT` from `patches` on; `model.get_layer(name).output`
        reaches each of them.

    Raises:
        ValueError: if the feature map is smaller than a patch, heads do not divide
            `hidden_dim`, an option is unknown, or aliases contradict each other.

    Example:

    >>> model = keras_vit.HybridViT(
    ...     10, num_blocks=(1, 1), num_layers=2, hidden_dim=64, mlp_dim=128,
    ...     num_heads=4, image_size=(60, 90),
    ... )
    >>> model.get_layer("patches").output.shape  # 8 * 12 patches
    (None, 96, 512)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section
    3.1; `vit_jax/models_vit.py: VisionTransformer`, `vit_jax/models_resnet.py`.
    """
