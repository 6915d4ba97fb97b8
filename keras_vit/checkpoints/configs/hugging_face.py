"""`config.json` and `preprocessor_config.json` of Hugging Face transformers."""

from dataclasses import dataclass

from keras_vit.checkpoints.configs import efficientnet, resnet
from keras_vit.checkpoints.configs.reading import (
    Description,
    Values,
    names_in_order,
    nearest_interpolation,
)
from keras_vit.checkpoints.names.vit import HEAD, PRE_LOGITS
from keras_vit.checkpoints.preparation import Preparation

_VIT, _DINO = "Hugging Face ViT", "Hugging Face DINOv2"
_CLIP, _SIGLIP = "Hugging Face CLIP", "Hugging Face SigLIP"
_HYBRID, _BIT = "Hugging Face hybrid", "Hugging Face BiT"
_EFFICIENTNET = "Hugging Face EfficientNet"
_RESNET = "Hugging Face ResNet"
_YOLOS = "Hugging Face YOLOS"


@dataclass(frozen=True)
class _Type:
    """A `model_type`: layouts of its files, and what is meant where nothing is said."""

    layouts: tuple
    activation: str = "gelu"
    epsilon: float = 1e-12


_TYPES = {
    "vit": _Type((_VIT,)),
    "deit": _Type((_VIT,)),
    "vit_mae": _Type((_VIT,)),
    "ijepa": _Type((_VIT,)),
    "vit_msn": _Type((_VIT,), epsilon=1e-6),
    "dinov2": _Type((_DINO,), epsilon=1e-6),
    "dinov2_with_registers": _Type((_DINO,), epsilon=1e-6),
    "clip": _Type((_CLIP,), "quick_gelu", 1e-5),
    "clip_vision_model": _Type((_CLIP,), "quick_gelu", 1e-5),
    "siglip": _Type((_SIGLIP,), "gelu_pytorch_tanh", 1e-6),
    "siglip_vision_model": _Type((_SIGLIP,), "gelu_pytorch_tanh", 1e-6),
    "yolos": _Type((_YOLOS,)),
    "vit-hybrid": _Type((_HYBRID,)),
    "bit": _Type((_BIT,)),
    "efficientnet": _Type((_EFFICIENTNET,)),
    "bert": _Type(("Hugging Face BERT",)),
    "resnet": _Type((_RESNET,)),
}
# Types of one or two towers in a configuration of several.
_TWO_TOWERS = ("clip", "siglip")

_HONOURED = {
    *("model_type", "architectures", "id2label", "label2id", "num_labels"),
    *("hidden_act", "layer_norm_eps", "num_attention_heads", "image_size"),
    *("pooler_act", "vision_config", "vision_config_dict", "text_config"),
    *("text_config_dict", "backbone_config", "preprocessor_config.json"),
    # what the arrays show
    *("hidden_size", "num_hidden_layers", "intermediate_size", "mlp_ratio"),
    *("patch_size", "num_channels", "qkv_bias", "use_swiglu_ffn", "depths"),
    *("num_register_tokens", "pooler_output_size", "embedding_size", "hidden_sizes"),
    *("num_detection_tokens", "use_mid_position_embeddings"),
    *("width_factor", "projection_dim", "projection_size", "vision_use_head"),
}
_HARMLESS = {
    # training, and what only pretraining uses
    *("initializer_range", "initializer_factor", "attention_probs_dropout_prob"),
    *("hidden_dropout_prob", "attention_dropout", "dropout", "drop_path_rate"),
    *("layerscale_value", "layer_scale_init_value", "encoder_stride", "mask_ratio"),
    *("norm_pix_loss", "decoder_hidden_size", "decoder_intermediate_size"),
    *("decoder_num_attention_heads", "decoder_num_hidden_layers", "use_mask_token"),
    *("logit_scale_init_value", "problem_type", "classifier_dropout"),
    # of the loss of detection
    *("auxiliary_loss", "class_cost", "bbox_cost", "giou_cost", "eos_coefficient"),
    *("bbox_loss_coefficient", "giou_loss_coefficient"),
    # what other heads and backbones read
    *("apply_layernorm", "reshape_hidden_states", "out_features", "out_indices"),
    *("stage_names", "backbone", "backbone_featmap_shape", "use_pretrained_backbone"),
    *("use_timm_backbone", "backbone_kwargs", "semantic_loss_ignore_index"),
    # how transformers runs a model
    *("transformers_version", "torch_dtype", "dtype", "return_dict", "use_cache"),
    *("output_attentions", "output_hidden_states", "torchscript", "use_bfloat16"),
    *("attn_implementation", "auto_map", "finetuning_task", "task_specific_params"),
    *("name_or_path", "chunk_size_feed_forward", "tie_word_embeddings", "prefix"),
    *("tokenizer_class", "is_encoder_decoder", "is_decoder", "add_cross_attention"),
    *("cross_attention_hidden_size", "tie_encoder_decoder", "tf_legacy_loss"),
    *("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id"),
    *("decoder_start_token_id", "bad_words_ids", "suppress_tokens"),
    *("begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id"),
    # how texts are generated, which old versions wrote into every configuration
    *("max_length", "min_length", "do_sample", "early_stopping", "num_beams"),
    *("num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p"),
    *("typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size"),
    *("encoder_no_repeat_ngram_size", "num_return_sequences", "output_scores"),
    *("return_dict_in_generate", "remove_invalid_values"),
    "exponential_decay_length_penalty",
    # of BERT's embeddings, which are not loaded
    *("vocab_size", "max_position_embeddings", "type_vocab_size"),
    *("gradient_checkpointing", "directionality"),
}
_ONLY = {
    "pruned_heads": {},
    "interpolate_offset": 0.0,
    "interpolate_antialias": True,
    "position_embedding_type": "absolute",
}
_ONLY_IN_BIT = {
    "hidden_act": "relu",
    "num_groups": 32,
    "output_stride": 32,
    "layer_type": "preactivation",
    "global_padding": None,
    "embedding_dynamic_padding": False,
}
# The ResNet of the hybrids, which computes as the official one.
_ONLY_IN_HYBRID = {
    "hidden_act": "relu",
    "num_groups": 32,
    "output_stride": 32,
    "layer_type": "bottleneck",
    "global_padding": ("same", "SAME"),
    "embedding_dynamic_padding": True,
}


def described(values, layout, checkpoint):
    """A `Description` of files of Hugging Face; `values`: those of `config.json`."""
    pooling, aside = _pooling(values, layout, checkpoint)
    arguments = {} if pooling == "" else {"pooling": pooling}
    config = {k: v for k, v in values.values.items() if k != "preprocessor_config.json"}
    if not config:
        return Description(
            arguments=arguments, aside=aside, preparation=_preparation(values)
        )
    kind, tower = _type(values, layout), _tower(values)
    for part in {id(values): values, id(tower): tower}.values():
        of_convolutions = {*_ONLY_IN_BIT, *efficientnet.HONOURED, *efficientnet.ONLY}
        of_convolutions |= {*resnet.HONOURED, *resnet.ONLY}
        part.known({*_HONOURED, *_HARMLESS, *_ONLY, *of_convolutions})
        part.require(_ONLY)
    facts, sizes = {}, ()
    if layout.family == "bit":
        tower.require(_ONLY_IN_BIT)
    elif layout.family == "resnet":
        facts = resnet.of_hugging_face(tower)
    elif layout.family == "efficientnet":
        facts = efficientnet.of_hugging_face(tower)
        if "image_size" in tower:
            arguments["image_size"] = tower.size("image_size")
    else:
        facts = {
            "gelu": tower.gelu("hidden_act", kind.activation),
            "epsilon": tower.number("layer_norm_eps", kind.epsilon, high=0.1),
        }
        if "model_type" not in values:  # what it leaves out may be of any type
            said = {"gelu": "hidden_act", "epsilon": "layer_norm_eps"}
            facts = {name: v for name, v in facts.items() if said[name] in tower}
        sizes = (
            ("hidden_size", "hidden_dim", tower.integer("hidden_size")),
            ("num_hidden_layers", "num_layers", tower.integer("num_hidden_layers")),
        )
        if "num_attention_heads" in tower:
            arguments["num_heads"] = tower.integer("num_attention_heads", most=4096)
        if "image_size" in tower and layout.family in ("vit", "yolos"):
            arguments["image_size"] = tower.size("image_size")
        if PRE_LOGITS[0] in checkpoint:
            tower.require({"pooler_act": "tanh"})
    if layout.family == "hybrid":
        values.part("backbone_config").require(_ONLY_IN_HYBRID)
    return Description(
        facts,
        arguments,
        sizes,
        aside,
        _preparation(values),
        names_in_order(values.values.get("id2label")),
    )


def _type(values, layout):
    name = values.text("model_type")
    if name is None:
        return next(kind for kind in _TYPES.values() if layout.name in kind.layouts)
    if name not in _TYPES or layout.name not in _TYPES[name].layouts:
        raise values.error(
            "model_type",
            "is of another model than the arrays, which have the names of "
            f"{layout.name}",
        )
    return _TYPES[name]


def _tower(values):
    """The part of a configuration that describes what sees the image."""
    if values.text("model_type") not in _TWO_TOWERS and "vision_config" not in values:
        return values
    parts = [values.part(name) for name in ("vision_config", "vision_config_dict")]
    merged = {**parts[0].values, **parts[1].values}
    return Values(merged, values.origin, parts[0].where)


def _pooling(values, layout, checkpoint):
    """What the head reads, "" where the arrays show it, and what takes no part."""
    has_head = HEAD[0] in checkpoint
    if layout.name == _CLIP and has_head:
        raise ValueError(
            f"{checkpoint.origin} holds CLIP with a classifier, which reads the mean "
            "of tokens that had no final norm; keras_vit has no such model."
        )
    if layout.name == _SIGLIP:
        if has_head:
            return "gap", (("pooling/", "of attention pooling, which has no part"),)
        return ("" if "pooling/probe" in checkpoint else None), ()
    if layout.name == _DINO and has_head and "encoder_norm/gamma" in checkpoint:
        kernel, norm = map(checkpoint.shape, (HEAD[0], "encoder_norm/gamma"))
        if kernel and norm and kernel[0] == 2 * norm[0]:
            return "token+gap", ()
    return "", ()


_RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
# Processors for which one number is the length of the shorter side.
_SHORTER_SIDE = ("CLIP", "Bit", "ConvNext", "LeViT", "PoolFormer", "Chinese")
_CROPS = ("CLIP", "Bit", "DeiT")


def _preparation(config):
    """A `Preparation` of `preprocessor_config.json`, or `None`."""
    values = config.part("preprocessor_config.json")
    values.where = "preprocessor_config.json"
    if not values.values:
        return None
    kind = values.text("image_processor_type") or values.text("feature_extractor_type")
    kind = kind or ""
    mean = values.channels("image_mean", (0.5, 0.5, 0.5))
    deviation = values.channels("image_std", (0.5, 0.5, 0.5))
    if not values.flag("do_normalize", True):
        mean, deviation = (0.0,) * len(mean), (1.0,) * len(mean)
    if len(mean) != len(deviation) or not all(d > 0 for d in deviation):
        raise values.error("image_std", "must be positive, one for each of image_mean")
    if kind.startswith("EfficientNet"):
        values.require({"rescale_offset": False})
        if values.flag("include_top", True):  # which divides a second time
            deviation = tuple(d * d for d in deviation)
    # Both are in units of what comes out of rescaling, here in units of [0, 1].
    factor = values.number("rescale_factor", 1 / 255)
    unit = 255 * factor if values.flag("do_rescale", True) else 255.0
    if abs(unit - 1) > 1e-6:
        mean, deviation = (tuple(v / unit for v in x) for x in (mean, deviation))
    resize, resize_to = _resize(values, kind)
    size = resize_to if isinstance(resize_to, tuple) else None
    if values.flag("do_center_crop", kind.startswith(_CROPS)) and "crop_size" in values:
        size = _height_and_width(values, "crop_size") or size
    code = values.values.get("resample", 2)
    if isinstance(code, bool) or code not in range(len(_RESAMPLE)):
        raise values.error("resample", "must be one of Pillow's filters, 0 to 5")
    how = nearest_interpolation(_RESAMPLE[code])
    return Preparation(mean, deviation, size, resize, resize_to, how)


def _resize(values, kind):
    """How an image becomes smaller, and to which size."""
    if not values.flag("do_resize", True):
        return "none", None
    size = values.values.get("size")
    if kind.startswith("Yolos"):  # both sides in proportion, then any size
        return "squash", None
    if isinstance(size, dict):
        if "shortest_edge" in size and "longest_edge" not in size:
            return "crop", values.part("size").integer("shortest_edge", most=16384)
        return "squash", _height_and_width(values, "size")
    if isinstance(size, int) and kind.startswith(_SHORTER_SIDE):
        return "crop", values.integer("size", most=16384)
    return "squash", values.size("size")


def _height_and_width(values, name):
    if not isinstance(values.values.get(name), dict):
        return values.size(name)
    part = values.part(name)
    sides = part.integer("height", most=16384), part.integer("width", most=16384)
    return None if None in sides else sides
