"""Kinds of files that are recognised and refused, by what their arrays are called."""

import re

_NO_LORA = (
    "a LoRA adapter, low-rank changes whose scale the file does not say. Merge it into "
    "the base model first, or pass the base"
)
_RELATIVE = "relative positions are not supported in files of other projects"
_DENSE = (
    "whose head is not supported; of those on ViT keras_vit has Segmenter's, "
    "TransUNet's and a linear one"
)
_BATCH_NORM = (
    "a model with batch norm of another kind than ResNet, VGG, EfficientNet and U-Net, "
    "or one of these that is incomplete"
)

# A pattern of a name, without what stands before the model, and what such a file holds.
FOREIGN = (
    (r".*\.lora_(?:A|B|down|up|embedding_[AB])\b.*", _NO_LORA),
    (
        r".*\.(?:base_layer|hada_w\d_[ab]|lokr_w\d\w*|ia3_l|oft_r|vera_lambda_\w+)\b.*",
        "an adapter of the peft library. Merge it into the base model first, or pass "
        "the base",
    ),
    (
        r"(?:.*\.)?neck\.(?:fusion_stage|reassemble_stage)\..*",
        f"DPT, {_DENSE}",
    ),
    (r"(?:.*\.)?decode_head\.psp_modules\..*", f"UPerNet, {_DENSE}"),
    (r"(?:.*\.)?upscale_block\.block\..*|attn_mask_probs", f"EoMT, {_DENSE}"),
    (
        r"(?:.*\.)?attention\.rel_pos_[hw]",
        f"ViTDet or a model of its kind: {_RELATIVE}",
    ),
    (
        r"(?:.*\.)?(?:det_token|mid_pos_embed)",
        "YOLOS in the names of its own project. Use the same model in Hugging Face's "
        "layout (hf://hustvl/yolos-tiny)",
    ),
    (r"(.*/)?MixerBlock_0/.*|(.*/)?Mixer/encoderblock_0/.*", "an MLP-Mixer"),
    (r"(.*\.)?layers\.0\.blocks\.0\.attn\..*", "a Swin Transformer"),
    (
        r"(.*\.)?data2vec_vision\..*|(.*\.)?beit\..*|.*relative_position_bias.*"
        r"|.*\.lambda_[12]",
        f"BEiT or a model of its kind: {_RELATIVE}",
    ),
    (
        r".*\.rel_pos(?:_[hw]|\..*)|.*relative_position.*",
        f"a model in which {_RELATIVE}",
    ),
    (
        r"(?:.*\.)?rope(?:_embed\w*)?\..*|.*\.bias_mask|(?:.*\.)?storage_tokens"
        r"|.*freqs_(?:cos|sin)|(?:.*\.)?layer\.\d+\.attention\.q_proj\.weight",
        "DINOv3, EVA-02 or a model of its kind: rotary positions are not supported",
    ),
    (
        r"(?:.*\.)?attn\.(?:q_bias|v_bias)",
        "BEiT, EVA or a model of its kind: relative or rotary positions are not "
        "supported",
    ),
    (
        r".*\.lambda_[qk][12]|.*\.attn\.sub_norm\..*",
        "a model of differential attention (timm's DiffAttention)",
    ),
    (
        r".*blocks\.\d+\.(?:in_proj|attn_out_proj|mlp_out_proj)\..*"
        r"|.*blocks\.\d+\.(?:attns|ffns)\.\d+\..*",
        "a model with parallel blocks, in which parts stand side by side",
    ),
    (
        r"conv_proj\.\d?.*conv.*|.*patch_embed\.(?:proj\.\d|conv\d?\.|stem\.).*"
        r"|.*patch_embed\.backbone\.stem\.\d.*",
        "a ViT with a convolutional stem: convolutions, often with batch norm, in "
        "place of patches",
    ),
    (r".*running_(?:mean|var)", _BATCH_NORM),
    (
        r"(?:.*\.)?stem\.conv[123]\..*|.*\.downsample\.1\..*",
        "a ResNet-D or another ResNet with a deep stem, whose kernels are not "
        "standardised as BiT's are",
    ),
    (
        r"layer1\.0\.conv1\.weight|bn1\..*",
        "a ResNet of another kind than those with batch norm",
    ),
    (
        r".*visual\.transformer\..*|.*transformer\.resblocks\..*",
        "CLIP in OpenAI's own names. Use the same model in Hugging Face's layout, or "
        "timm's",
    ),
    (
        r".*blocks\.\d+\.attn\.norm\..*|.*\.mlp\.norm\..*",
        "a model with norms inside attention or MLP",
    ),
    (r"patch_embed\.norm\..*", "a model with a norm after its patch projection"),
    (
        r".*\.cls_attn\..*|blocks_token_only\..*",
        "CaiT, which has class attention",
    ),
    (r"stages\.\d+\.downsample\..*", "a model of several stages, which is no ViT"),
)

# Variables of which the first is there and the others are not, in a file of a ViT.
ABSENT = (
    (
        "block_00/attention_norm/gamma",
        ("block_00/attention_norm/beta",),
        "norms without biases: a model with RMS norm (root mean square), or without "
        "these biases",
    ),
    (
        "block_00/mlp_norm/gamma",
        tuple(
            f"{e}_norm/{v}" for e in ("encoder", "pooled") for v in ("gamma", "beta")
        ),
        "a model without a final norm after its blocks",
    ),
    (
        "block_00/attention/projection/kernel",
        ("block_00/attention/projection/bias",),
        "a model whose attention has no bias in its projection",
    ),
    (
        "block_00/mlp/dense_1/kernel",
        ("block_00/mlp/dense_1/bias",),
        "a model whose MLPs have no bias",
    ),
)


def foreign_kind(names):
    """What a file with these names holds, and the names that say so; or `None`."""
    for pattern, kind in FOREIGN:
        pattern = re.compile(pattern)
        signs = [name for name in names if pattern.fullmatch(name)]
        if signs:
            return kind, signs
    return None


def absent_kind(paths, rows):
    """What a file is that lacks variables beside another, and that one; or `None`.

    `rows` are those of a layout, as in `ABSENT`.
    """
    for there, absent, kind in rows:
        if there in paths and not any(path in paths for path in absent):
            return kind, there
    return None
