"""Reads the sizes of a Segmenter's head from the shapes of its arrays."""

from keras_vit.checkpoints.names.segmenter import CLASS_TOKENS


def arguments(checkpoint, encoder):
    """The arguments of the head, and heads of attention as Segmenter counts them.

    Args:
        checkpoint: A `Checkpoint`.
        encoder: Dictionary of the arguments of the encoder.
    """
    width = encoder["hidden_dim"]
    # One for every 64 channels in all released models.
    heads = None if width % 64 else width // 64
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
