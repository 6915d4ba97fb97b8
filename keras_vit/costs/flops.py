"""Floating-point operations of a model and of a run, and its device-hours."""

import math
from types import SimpleNamespace

from keras_vit.costs import detector_flops, segmenter_flops
from keras_vit.layers.tokens.grids import pair, patch_grid
from keras_vit.layers.tokens.pooling import pooled_width
from keras_vit.models.detection.detector import FAMILY as DETECTOR
from keras_vit.models.segmentation.segmenter import FAMILY as SEGMENTER
from keras_vit.models.variants import counts
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.vision_model import settings_of

# Forward pass, and twice as much backwards: gradients of inputs and of weights.
TRAINING_FACTOR = 3


def forward_flops(model, image_size=None):
    """Floating-point operations of one forward pass of one image.

    Those of matrix products and convolutions, a multiply-add counted as two, as
    `keras_vit.list_models()` counts them; in closed form from the model's settings.

    Args:
        model: A model of this package.
        image_size: Integer or `(height, width)`, pixels. Defaults to the model's;
            needed where that is open.

    Returns:
        Integer, or `None` for a model that this package did not build.

    Raises:
        ValueError: if the image size is open and none is given.

    Example:

    >>> forward_flops(keras_vit.ViT_B16()) / 1e9
    35.1...
    """
    parts = flops_by_part(model, image_size)
    return None if parts is None else sum(parts.values())


def flops_by_part(model, image_size=None):
    """As `forward_flops`, of each part of the model.

    Returns:
        Dictionary from `"resnet"`, `"patch_embedding"`, `"attention"`, `"mlp"`,
        `"pooling"`, `"body"` and `"head"`, as far as the model has them, to integers;
        or `None`.
    """
    settings = settings_of(model)
    family = settings.get("family")
    if family not in (*FAMILIES, *HEADED):
        return None
    a = SimpleNamespace(**settings["arguments"])
    sides = a.image_size if image_size is None else pair(image_size, "image_size")
    if None in sides:
        raise ValueError(
            "`image_size` must be given for a model of images of every size. "
            f"Received: image_size={image_size}"
        )
    if family in HEADED:
        count = HEADED[family].multiply_adds
        parts = count(model, settings["arguments"], tuple(sides), FAMILIES)
    else:
        parts = FAMILIES[family](a, tuple(sides))
    if "pretraining" in settings:  # a prediction for every patch
        parts["head"] = a.hidden_dim * math.prod(model.output_shape[1:])
    return {part: 2 * count for part, count in parts.items()}


def run_cost(model, images, seconds, devices=1, *, image_size=None):
    """The cost of a training run, as papers state it.

    Args:
        model: The model that was trained.
        images: Integer, training images seen: batch size times updates.
        seconds: Float, wall-clock time of training.
        devices: Integer, accelerators (or machines, without any) that worked on it.
        image_size: As for `forward_flops`.

    Returns:
        Dictionary of JSON values: `images`; `flops_per_image`, of the forward pass;
        `flops`, three times that for every image, `None` where the model is not of
        this package; `devices`; `device_hours`; `flops_per_second`, reached by each
        device.

    Example:

    >>> run_cost(model, images=64 * 1000, seconds=1800, devices=2)["device_hours"]
    1.0

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), table 6
    (exaFLOPs) and table 2 (TPUv3-core-days: 24 device-hours each).
    """
    if images < 0 or not 0 <= seconds < math.inf or devices < 1:
        raise ValueError(
            "`images` and `seconds` must not be negative, and `devices` at least 1. "
            f"Received: images={images}, seconds={seconds}, devices={devices}"
        )
    once = forward_flops(model, image_size)
    flops = None if once is None else TRAINING_FACTOR * once * int(images)
    spent = seconds * devices
    return {
        "images": int(images),
        "flops_per_image": once,
        "flops": flops,
        "devices": int(devices),
        "device_hours": spent / 3600,
        "flops_per_second": flops / spent if flops is not None and spent else None,
    }


def _vit(a, sides):
    return _transformer(a, sides, a.num_channels, a.stride)


def _yolos(a, sides):
    d, grid = a.hidden_dim, patch_grid(sides, a.patch_size, a.patch_size)
    patches = math.prod(grid)
    tokens = 1 + a.detection_tokens + patches
    sizes = (d, a.num_classes, a.detection_tokens)
    return {
        "patch_embedding": patches * math.prod(a.patch_size) * a.num_channels * d,
        "attention": a.num_layers * counts.attention_multiply_adds(tokens, a),
        "mlp": a.num_layers * counts.mlp_multiply_adds(tokens, a),
        "head": counts.yolos_head_multiply_adds(*sizes),
    }


def _bit(a, sides):
    resnet, _, channels = _resnet(a, sides)
    return {"resnet": resnet, "head": channels * a.num_classes}


def _hybrid(a, sides):
    resnet, grid, channels = _resnet(a, sides)
    return {"resnet": resnet, **_transformer(a, grid, channels, a.patch_size)}


def _resnet(a, sides):
    """Multiply-adds of the convolutions; size and channels of their feature map."""
    width = int(64 * a.width_factor)
    sizes = (a.num_blocks, width, sides, a.num_channels, a.stage_widths)
    feature_map = counts.feature_map(a.num_blocks, sides, width, a.stage_widths)
    return counts.resnet_multiply_adds(*sizes), *feature_map


def _transformer(a, sides, channels, stride):
    d = a.hidden_dim
    patches = math.prod(patch_grid(sides, a.patch_size, stride))
    tokens = patches + a.class_token + a.register_tokens
    rows = tokens if a.pooling is None else 1
    read = pooled_width(a.pooling, a.class_token + a.register_tokens, d)
    features = a.representation_size or read
    head = (read * a.representation_size if a.representation_size else 0) + (
        features * a.num_classes
    )
    parts = {
        "patch_embedding": patches * math.prod(a.patch_size) * channels * d,
        "attention": a.num_layers * counts.attention_multiply_adds(tokens, a),
        "mlp": a.num_layers * counts.mlp_multiply_adds(tokens, a, a.swiglu),
    }
    if a.pooling == "map":
        # A learned query reads all tokens: keys and values, scores, output, the MLP.
        reading = tokens * (2 * d * d + 2 * d)
        parts["pooling"] = reading + 2 * d * d + 2 * d * a.mlp_dim
    return {**parts, "head": rows * head}


FAMILIES = {
    "vit": _vit,
    "bit": _bit,
    "yolos": _yolos,
    "hybrid": _hybrid,
    **{name: family.multiply_adds for name, family in LINEAGE.items()},
}
# Models of a head on a backbone, and the module that counts each.
HEADED = {SEGMENTER: segmenter_flops, DETECTOR: detector_flops}
