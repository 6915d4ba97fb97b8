"""Reads the sizes of a Transformer encoder from the shapes of its arrays."""


def arguments(checkpoint):
    """Arguments of `keras_vit.layers.TransformerEncoder` that the arrays tell."""
    kernel = "block_{:02d}/mlp/dense_1/kernel"
    count = 0
    while kernel.format(count) in checkpoint:
        count += 1
    return {
        "num_layers": count,
        "num_heads": checkpoint.described.arguments.get("num_heads"),
        "hidden_dim": checkpoint.length(kernel.format(0), 0),
        "mlp_dim": checkpoint.length(kernel.format(0), 1),
    }
