"""Table of the known checkpoint layouts, and what layouts of one project share.

A new layout is one row of `LAYOUTS`, and its tables of names.
"""

from keras_vit.checkpoints.names import (
    alexnet,
    batch_norm_resnet,
    efficientnet,
    encoder,
    hugging_face,
    lenet,
    neocognitron,
    resnet,
    segmenter,
    unet,
    vgg,
    vit,
    yolos,
)
from keras_vit.checkpoints.names.layout import Layout

_TEXT = "of the text half of a two-tower model"
_MASKED = "of masked pretraining, which a classifier does not have"
_BUFFER = "a buffer, not a weight"

_JAX_IGNORED = (
    # Besides the text tower the temperature and bias of LiT and SigLIP.
    (r"(?:params/)?(?:txt/.*|t|b)", _TEXT),
)
_TORCH_IGNORED = (
    (
        r".*num_batches_tracked|.*\.relative_position_index|.*position_ids|n_averaged",
        _BUFFER,
    ),
    (
        r"(?:text|text_model|text_projection|text_decoder|transformer)\..*"
        r"|logit_scale|logit_bias|token_embedding\.weight|ln_final\..*|text_projection",
        _TEXT,
    ),
    (
        r"(?:visual_projection|visual\.head|head\.proj)\..*",
        "of the projection to the space that image and text share",
    ),
)
# The decoders of SimMIM, MAE and others; what they read is a plain ViT.
_TIMM_MASKED = (
    (
        r"mask_token|masked_embed|decoder_pos_embed"
        r"|decoder_(?:embed|blocks|norm|pred)\..*|decoder\..*",
        _MASKED,
    ),
)
_HUGGING_FACE_MASKED = ((r"embeddings\.mask_token|decoder\..*", _MASKED),)

_JAX = {
    "usual_scaling": True,
    "ignored": _JAX_IGNORED,
    "prefixed_positions": ("Transformer/posembed_input/pos_embedding",),
    "without_positions": "sincos2d",
    "normalised": True,
}
_TIMM = {"project": "timm", "position_kernel": "bicubic_antialias"}
_HUGGING_FACE = {
    "project": "hugging_face",
    "prefixed_positions": (
        "embeddings.position_embeddings",
        "embeddings.position_embedding.weight",
    ),
    "position_kernel": "bicubic",
}

# Arithmetic of each project.
_FLAX = {"gelu": "tanh", "epsilon": 1e-6}
_ERF = {"gelu": "erf", "epsilon": 1e-6}
_ERF_OF_HUGGING_FACE = {"gelu": "erf", "epsilon": 1e-12}
_OFFICIAL_RESNET = {
    "group_norm_epsilon": 1e-6,
    "standardization": "std",
    "standardization_epsilon": 1e-5,
}
_TORCH_RESNET = {
    "group_norm_epsilon": 1e-5,
    "standardization": "variance",
    "standardization_epsilon": 1e-8,
}
_OFFICIAL_BIT = {**_TORCH_RESNET, "standardization_epsilon": 1e-10}

# Of files of this package, whose names are the variables' paths.
KERAS = Layout(
    "Keras",
    usual_scaling=True,
    ignored=((r"(?:patch_encoder/corruption|prediction)/.*", _MASKED),),
    without_positions="sincos2d",
)

LAYOUTS = (
    *segmenter.LAYOUTS,  # before timm's, whose names its encoder has
    *yolos.LAYOUTS,  # before Hugging Face's ViT, likewise
    Layout(
        "official hybrid",
        "hybrid",
        vit.OFFICIAL + resnet.OFFICIAL_HYBRID,
        (r"conv_root/kernel", r"embedding/kernel", r"Transformer/.*"),
        _FLAX | _OFFICIAL_RESNET,
        **_JAX,
    ),
    Layout(
        "official ViT",
        "vit",
        vit.OFFICIAL,
        (r"embedding/kernel", r"Transformer/encoder_norm/.*"),
        _FLAX,
        **_JAX,
    ),
    Layout(
        "official BiT",
        "bit",
        resnet.OFFICIAL_BIT,
        (r"root_block/.*", r"block1/.*"),
        _OFFICIAL_BIT,
        **_JAX,
    ),
    Layout(
        "timm hybrid",
        "hybrid",
        vit.TIMM + resnet.TIMM_HYBRID,
        (
            r"patch_embed\.backbone\.(?:stem\.)?conv\.weight",
            r"patch_embed\.backbone\.(?:stem\.)?norm\.weight",
        ),
        _ERF | _TORCH_RESNET,
        ignored=_TORCH_IGNORED + _TIMM_MASKED,
        **_TIMM,
    ),
    Layout(
        "timm CLIP",
        "vit",
        vit.TIMM,
        (r"patch_embed\.proj\.weight", r"norm_pre\.weight", r"blocks\.0\..*"),
        {"gelu": None, "epsilon": 1e-5},
        ignored=_TORCH_IGNORED + _TIMM_MASKED,
        **_TIMM,
    ),
    Layout(
        "timm ViT",
        "vit",
        vit.TIMM,
        (r"patch_embed\.proj\.weight", r"blocks\.0\..*"),
        _ERF,
        ignored=_TORCH_IGNORED + _TIMM_MASKED,
        **_TIMM,
    ),
    Layout(
        "timm BiT",
        "bit",
        resnet.TIMM_BIT,
        (r"stem\.conv\.weight", r"stages\.0\.blocks\.0\.conv1\.weight"),
        _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        **_TIMM,
    ),
    Layout(
        "torchvision ViT",
        "vit",
        vit.TORCHVISION,
        (r"conv_proj\.weight", r"encoder\.layers\.encoder_layer_0\..*"),
        _ERF,
        ignored=_TORCH_IGNORED,
        prefixed_positions=("encoder.pos_embedding",),
        position_kernel="bicubic",
    ),
    Layout(
        "Hugging Face hybrid",
        "hybrid",
        hugging_face.HUGGING_FACE + resnet.HUGGING_FACE_HYBRID,
        (r"embeddings\.patch_embeddings\.backbone\.bit\..*",),
        _ERF_OF_HUGGING_FACE | _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face DINOv2",
        "vit",
        hugging_face.HUGGING_FACE,
        (
            r"embeddings\.patch_embeddings\.projection\.weight",
            r"(?:encoder\.layer|layers|encoder\.layers)\.0\.layer_scale1\.lambda1",
        ),
        _ERF,
        ignored=_TORCH_IGNORED + _HUGGING_FACE_MASKED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face ViT",
        "vit",
        hugging_face.HUGGING_FACE,
        (r"embeddings\.patch_embeddings\.projection\.weight",),
        _ERF_OF_HUGGING_FACE,
        ignored=_TORCH_IGNORED + _HUGGING_FACE_MASKED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face CLIP",
        "vit",
        hugging_face.HUGGING_FACE_TOWER,
        (r"embeddings\.patch_embedding\.weight", r"pre_layrnorm\.weight"),
        {"gelu": None, "epsilon": 1e-5},
        ignored=_TORCH_IGNORED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face SigLIP",
        "vit",
        hugging_face.HUGGING_FACE_TOWER,
        (r"embeddings\.patch_embedding\.weight", r"post_layernorm\.weight"),
        _FLAX,
        ignored=_TORCH_IGNORED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face BiT",
        "bit",
        resnet.HUGGING_FACE_BIT,
        (r"embedder\.convolution\.weight", r"encoder\.stages\.0\..*"),
        _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        project="hugging_face",
    ),
    *lenet.LAYOUTS,
    *alexnet.LAYOUTS,
    *vgg.LAYOUTS,
    *batch_norm_resnet.LAYOUTS,
    *unet.LAYOUTS,
    *efficientnet.LAYOUTS,
    *encoder.LAYOUTS,
    *neocognitron.LAYOUTS,
)

# The arguments that some project fixes without its arrays showing them.
FACTS = tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.facts))
