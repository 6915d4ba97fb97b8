"""Reads from the arrays of a YOLOS what a ViT does not have."""

from keras_vit.checkpoints.names.vit import DETECTION_HEADS


def arguments(checkpoint, encoder):
    """The arguments of a YOLOS, and images of whole patches.

    Args:
        checkpoint: A `Checkpoint`.
        encoder: Dictionary of the arguments of the encoder.
    """
    outputs = checkpoint.length(DETECTION_HEADS[0][1], 0)
    size, patch = encoder["image_size"], encoder["patch_size"]
    if size and patch:  # 1333 pixels are 83 patches, and five that none looks at
        size = [side // p * p for side, p in zip(size, patch)]
    mid = checkpoint.numbers(r"position_embedding_(\d+)/embeddings")
    return {
        "num_classes": outputs and outputs - 1,
        "detection_tokens": encoder["register_tokens"] or None,
        "mid_positions": bool(mid),
        "image_size": size,
    }
