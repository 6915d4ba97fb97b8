"""What configurations of ResNets with batch norm say: where their stride is."""

import re

# Keys of timm's `model_args`, beside those of all its models.
OF_TIMM = {"block", "base_width", "cardinality", "aa_layer", "replace_stem_pool"}
OF_TIMM |= {"stem_width", "block_reduce_first", "down_kernel_size", "act_layer"}
_ONLY_OF_TIMM = {
    "base_width": 64,
    "cardinality": 1,
    "aa_layer": "",
    "replace_stem_pool": False,
    "block_reduce_first": 1,
    "down_kernel_size": 1,
    "act_layer": ("", "relu"),
    "norm_layer": ("", "batchnorm", "batchnorm2d"),
}
_KNOWN = re.compile(
    r"(?:tv_|gluon_|ssl_|swsl_)?resnet(?:18|26|34|50|101|152|200)(?:_v1b)?"
)

# Keys of Hugging Face's `config.json`: what is read here, and the only values.
HONOURED = {"downsample_in_bottleneck"}
ONLY = {"downsample_in_first_stage": False}


def of_timm(values, args):
    """No facts but those of the layout: raises where the network is another.

    Args:
        values: `Values` of `config.json`.
        args: Those of its `model_args`.
    """
    name = values.text("architecture")
    if name is not None and _KNOWN.fullmatch(name) is None:
        raise values.error(
            "architecture",
            "keras_vit does not have: of the networks with such names it has "
            "resnet18, 34, 50, 101 and 152",
        )
    args.require(_ONLY_OF_TIMM)
    return {}


def of_hugging_face(values):
    """The place of the stride; `values`: those of `config.json`."""
    values.require(
        {**ONLY, "hidden_act": "relu", "layer_type": ("bottleneck", "basic")}
    )
    first = values.flag("downsample_in_bottleneck")
    bottleneck = values.text("layer_type", "bottleneck") == "bottleneck"
    return {"stride_in": "1x1" if first and bottleneck else "3x3"}
