"""Name tables for EfficientNet: of timm, torchvision, Hugging Face and Keras.

Rows are as in `names.rows`.
"""

import re

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import (
    BATCH_NORM,
    DENSE,
    KERNEL,
    TORCH_BATCH_NORM,
    TORCH_BIASED_CONV,
    TORCH_CONV,
    TORCH_DENSE,
)
from keras_vit.checkpoints.names.transforms import depthwise
from keras_vit.checkpoints.preparation import TORCHVISION

_STAGES = range(7)
_TORCH_DEPTHWISE = ((".weight", "/kernel", depthwise),)
_BUFFERS = ((r".*num_batches_tracked", "a buffer, not a weight"),)
# Google's padding and epsilon, which Keras and Hugging Face took over, and PyTorch's.
_TENSORFLOW = {"padding": "same", "batch_norm_epsilon": 1e-3}
_TORCH = {"padding": "symmetric", "batch_norm_epsilon": 1e-5}


def _ours(stage):
    return f"block{stage + 1}{{u:a}}/"


def _timm():
    for stage in _STAGES:
        theirs, ours = f"blocks.{stage}.{{u}}.", _ours(stage)
        # The first stage does not widen, so that its parts are counted otherwise.
        names = (
            ("conv_dw", "bn1", "conv_pw", "bn2")
            if stage == 0
            else ("conv_dw", "bn2", "conv_pwl", "bn3")
        )
        if stage:
            yield theirs + "conv_pw", ours + "expand_conv", TORCH_CONV
            yield theirs + "bn1", ours + "expand_bn", TORCH_BATCH_NORM
        yield theirs + names[0], ours + "dwconv", _TORCH_DEPTHWISE
        yield theirs + names[1], ours + "bn", TORCH_BATCH_NORM
        yield theirs + "se.conv_reduce", ours + "se_reduce", TORCH_BIASED_CONV
        yield theirs + "se.conv_expand", ours + "se_expand", TORCH_BIASED_CONV
        yield theirs + names[2], ours + "project_conv", TORCH_CONV
        yield theirs + names[3], ours + "project_bn", TORCH_BATCH_NORM


def _torchvision():
    for stage in _STAGES:
        theirs, ours = f"features.{stage + 1}.{{u}}.block.", _ours(stage)
        if stage:
            yield theirs + "0.0", ours + "expand_conv", TORCH_CONV
            yield theirs + "0.1", ours + "expand_bn", TORCH_BATCH_NORM
        first = 1 if stage else 0
        yield f"{theirs}{first}.0", ours + "dwconv", _TORCH_DEPTHWISE
        yield f"{theirs}{first}.1", ours + "bn", TORCH_BATCH_NORM
        yield f"{theirs}{first + 1}.fc1", ours + "se_reduce", TORCH_BIASED_CONV
        yield f"{theirs}{first + 1}.fc2", ours + "se_expand", TORCH_BIASED_CONV
        yield f"{theirs}{first + 2}.0", ours + "project_conv", TORCH_CONV
        yield f"{theirs}{first + 2}.1", ours + "project_bn", TORCH_BATCH_NORM


def _hugging_face():
    for stage in _STAGES:
        theirs, ours = f"encoder.stages.{stage}.{{u}}.", _ours(stage)
        for name, layer, kind in (
            ("expansion.expand_conv", "expand_conv", TORCH_CONV),
            ("expansion.expand_bn", "expand_bn", TORCH_BATCH_NORM),
            ("depthwise_conv.depthwise_conv", "dwconv", _TORCH_DEPTHWISE),
            ("depthwise_conv.depthwise_norm", "bn", TORCH_BATCH_NORM),
            ("squeeze_excite.reduce", "se_reduce", TORCH_BIASED_CONV),
            ("squeeze_excite.expand", "se_expand", TORCH_BIASED_CONV),
            ("projection.project_conv", "project_conv", TORCH_CONV),
            ("projection.project_bn", "project_bn", TORCH_BATCH_NORM),
        ):
            yield theirs + name, ours + layer, kind


def _of_keras(between):
    """Rows of the names of Keras, in which a character joins block and layer."""
    for stage in _STAGES:
        block = f"block{stage + 1}{{u:a}}"
        for name, kind in (
            ("expand_conv", KERNEL),
            ("expand_bn", BATCH_NORM),
            ("dwconv", KERNEL),
            ("bn", BATCH_NORM),
            ("se_reduce", DENSE),
            ("se_expand", DENSE),
            ("project_conv", KERNEL),
            ("project_bn", BATCH_NORM),
        ):
            yield f"{block}{between}{name}", f"{block}/{name}", kind
    for name, kind in (
        ("stem_conv", KERNEL),
        ("stem_bn", BATCH_NORM),
        ("top_conv", KERNEL),
        ("top_bn", BATCH_NORM),
    ):
        yield name, name, kind


def _ends(stem, stem_norm, top, top_norm, head):
    return (
        (stem, "stem_conv", TORCH_CONV),
        (stem_norm, "stem_bn", TORCH_BATCH_NORM),
        (top, "top_conv", TORCH_CONV),
        (top_norm, "top_bn", TORCH_BATCH_NORM),
        (head, "head", TORCH_DENSE),
    )


_FLAT = re.compile(r"encoder\.blocks\.(\d+)\.(.*)")


def _by_stage(names, shapes):
    """Hugging Face counts all blocks in one row; here each stage counts its own.

    The first block of a stage is one whose output has another width than its input.

    Args:
        names: Dictionary of names without their prefix to names in the file.
        shapes: Dictionary of names in the file to shapes.
    """

    def width(index, part, axis):
        shape = shapes.get(names.get(f"encoder.blocks.{index}.{part}.weight"))
        return shape and shape[axis]

    found = {int(m[1]) for m in map(_FLAT.fullmatch, names) if m}
    places, stage, unit = {}, -1, 0
    for index in sorted(found):
        before = width(index, "expansion.expand_conv", 1)
        before = before or width(index, "depthwise_conv.depthwise_conv", 0)
        if stage < 0 or before != width(index, "projection.project_conv", 0):
            stage, unit = stage + 1, 0
        places[index] = stage, unit
        unit += 1

    def renamed(name):
        match = _FLAT.fullmatch(name)
        if not match:
            return name
        stage, unit = places[int(match[1])]
        return f"encoder.stages.{stage}.{unit}.{match[2]}"

    return {renamed(name): raw for name, raw in names.items()}


_TORCHVISION = (
    *_ends(
        "features.0.0", "features.0.1", "features.8.0", "features.8.1", "classifier.1"
    ),
    *_torchvision(),
)
_TORCHVISION_ANCHORS = (
    r"features\.0\.0\.weight",
    r"features\.1\.0\.block\.1\.fc1\.weight",
    r"features\.7\.0\.block\.3\.0\.weight",
    r"features\.8\.1\.running_mean",
)
OF_KERAS = "keras.applications EfficientNet"

LAYOUTS = (
    Layout(
        "timm EfficientNet",
        "efficientnet",
        (
            *_ends("conv_stem", "bn1", "conv_head", "bn2", "classifier"),
            *_timm(),
        ),
        (
            r"conv_stem\.weight",
            r"blocks\.0\.0\.conv_dw\.weight",
            r"blocks\.0\.0\.se\.conv_reduce\.weight",
            r"blocks\.6\.0\.bn3\.running_mean",
        ),
        # Its two kinds have the same names and shapes.
        {"padding": None},
        project="timm",
        ignored=_BUFFERS,
    ),
    # The first stage has three blocks or more from B5 on.
    Layout(
        "torchvision EfficientNet B5 to B7",
        "efficientnet",
        _TORCHVISION,
        (*_TORCHVISION_ANCHORS, r"features\.1\.2\.block\.0\.0\.weight"),
        {**_TORCH, "batch_norm_epsilon": 1e-3},
        preparation=TORCHVISION,
        ignored=_BUFFERS,
    ),
    Layout(
        "torchvision EfficientNet",
        "efficientnet",
        _TORCHVISION,
        _TORCHVISION_ANCHORS,
        _TORCH,
        preparation=TORCHVISION,
        ignored=_BUFFERS,
    ),
    Layout(
        "Hugging Face EfficientNet",
        "efficientnet",
        (
            *_ends(
                "embeddings.convolution",
                "embeddings.batchnorm",
                "encoder.top_conv",
                "encoder.top_bn",
                "classifier",
            ),
            *_hugging_face(),
        ),
        (
            r"embeddings\.convolution\.weight",
            r"encoder\.blocks\.0\.depthwise_conv\.depthwise_conv\.weight",
        ),
        _TENSORFLOW,
        project="hugging_face",
        ignored=_BUFFERS,
        renamed=_by_stage,
    ),
    Layout(
        OF_KERAS,
        "efficientnet",
        (*_of_keras("_"), ("predictions", "head", DENSE)),
        (r"stem_conv/kernel", r"block1a_dwconv/kernel", r"block7a_dwconv/kernel"),
        _TENSORFLOW,
        project="keras",
        ignored=(
            (
                r"normalization(?:_\d+)?/(?:mean|variance|count)",
                "of the scaling of images, which is `input_scaling` here",
            ),
        ),
    ),
    # Weights alone of a model of this package, which do not say how it pads.
    Layout(
        "keras_vit EfficientNet",
        "efficientnet",
        (*_of_keras("/"), ("head", "head", DENSE)),
        (r"stem_conv/kernel", r"block1a/dwconv/kernel", r"block7a/dwconv/kernel"),
        {"padding": None},
        usual_scaling=True,
    ),
)
