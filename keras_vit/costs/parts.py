"""The parts of a model, and the weights in each."""

import math

# In the order of the forward pass, with the words for people.
PARTS = {
    "resnet": "ResNet",
    "patch_embedding": "patches and positions",
    "attention": "attention",
    "mlp": "MLP",
    "norm": "last norm",
    "pooling": "pooling",
    "head": "head",
}
_FIRST = {
    "patches": "patch_embedding",
    "patch_encoder": "patch_embedding",
    "patch_corruption": "patch_embedding",
    "encoder_norm": "norm",
    "norm": "norm",
    "pooling": "pooling",
    "pooled_norm": "pooling",
    "pre_logits": "head",
    "head": "head",
    "prediction": "head",
}


def parameters_by_part(model):
    """Numbers of parameters, by the part that they belong to.

    Args:
        model: A Keras model. What is not recognised is `"other"`.

    Returns:
        Dictionary from some of `PARTS` to positive integers.
    """
    found = {}
    for weight in model.weights:
        part = part_of(weight.path)
        found[part] = found.get(part, 0) + math.prod(weight.shape)
    return {part: found[part] for part in (*PARTS, "other") if found.get(part)}


def part_of(path):
    """The part of the weight with this path, such as `"block_00/mlp/dense_1/bias"`."""
    first, _, rest = path.partition("/")
    if first.startswith("block_"):
        return "attention" if rest.startswith(("attention", "relative")) else "mlp"
    if first.startswith(("root_", "stage")):
        return "resnet"
    return _FIRST.get(first, "other")
