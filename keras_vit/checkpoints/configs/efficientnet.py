"""What configurations of EfficientNets say: how they pad, and epsilons."""

import re

# Keys of timm's `model_args`, beside those of all its models.
OF_TIMM = {
    "channel_multiplier",
    "depth_multiplier",
    "pad_type",
    "bn_eps",
    "bn_momentum",
}
_KNOWN = re.compile(r"(tf_)?efficientnet_(?:b[0-8]a?|l2)(?:_ap|_ns(?:_475)?)?")

# Keys of Hugging Face's `config.json`: what the arrays show, and what training alone
# reads. The padding that it lists is "same" at the size of its images.
HONOURED = {
    *("width_coefficient", "depth_coefficient", "in_channels", "out_channels"),
    *("num_block_repeats", "hidden_dim", "depthwise_padding", "batch_norm_eps"),
    *("batch_norm_momentum", "dropout_rate", "drop_connect_rate"),
}
ONLY = {
    "depth_divisor": 8,
    "kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
    "strides": [1, 2, 2, 2, 1, 2, 1],
    "expand_ratios": [1, 6, 6, 6, 6, 6, 6],
    "squeeze_expansion_ratio": 0.25,
    "pooling_type": "mean",
}


def of_timm(values, args):
    """Padding and epsilon, which only the name of an architecture tells.

    Args:
        values: `Values` of `config.json`.
        args: Those of its `model_args`.
    """
    name = values.text("architecture")
    if name is None:
        return {}
    known = _KNOWN.fullmatch(name)
    if known is None:
        raise values.error(
            "architecture",
            "keras_vit does not have: of the networks with such names it has "
            "efficientnet_b0 to b8 and l2, and the same with tf_ before it",
        )
    pad_type = args.text("pad_type", "same" if known[1] else "")
    if pad_type not in ("", "same"):
        raise args.error("pad_type", "keras_vit does not have: it has same and none")
    return {
        "padding": pad_type or "symmetric",
        "batch_norm_epsilon": args.number("bn_eps", 1e-3 if known[1] else 1e-5),
    }


def of_hugging_face(values):
    """Padding and epsilon; `values`: those of `config.json`."""
    values.require({**ONLY, "hidden_act": ("swish", "silu")})
    epsilon = values.number("batch_norm_eps", 1e-3, high=0.1)
    return {"padding": "same", "batch_norm_epsilon": epsilon}
