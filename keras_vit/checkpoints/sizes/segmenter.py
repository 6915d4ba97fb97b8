"""Reads the sizes of a Segmenter's head from the shapes of its arrays."""

from keras_vit.checkpoints.names.segmenter import CLASS_TOKENS

# Width to heads in the released models: one for every 64 channels.
_HEADS = {192: 3, 384: 6, 768: 12, 1024: 16}


def arguments(checkpoint, encoder):
    """The arguments of the head, and heads of attention as Segmenter counts them.

    Args:
        checkpoint: A `Checkpoint`.
        encoder: Dictionary of the arguments of the encoder.
    """
    width = encoder["hidden_dim"]
    heads = _HEADS.get(width)  # asked for where it is none of the released models
    found = {"num_heads": encoder["num_heads"] or heads, "backbone": "vit"}
    if CLASS_TOKENS not in checkpoint:
        return {**found, "head": "linear"}
    kernel = "mask_transformer/block_{:02d}/mlp/dense_1/kernel"
    count = 0
    while kernel.format(count) in checkpoint:
        count += 1
    return {
        **found,
        "head": "mask",
        "decoder_layers": count or None,
        "decoder_heads": heads,
        "decoder_mlp_dim": checkpoint.length(kernel.format(0), 1),
    }
