"""Name tables for ResNets with batch norm: of PyTorch, Hugging Face and Keras.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import (
    BATCH_NORM,
    DENSE,
    KERNEL,
    TORCH_BATCH_NORM,
    TORCH_CONV,
    TORCH_DENSE,
)
from keras_vit.checkpoints.names.transforms import as_is, bgr, negated
from keras_vit.checkpoints.preparation import CAFFE, TORCHVISION

_BUFFERS = ((r".*num_batches_tracked", "a buffer, not a weight"),)
# The place of the stride: v1 is the paper's, Caffe's and Keras's, v1.5 PyTorch's. Units
# of two convolutions have one place.
_V1 = {"stride_in": "1x1", "batch_norm_epsilon": 1.001e-5}
_V1_5 = {"stride_in": "3x3", "batch_norm_epsilon": 1e-5}
_STAGES = range(8)  # published ones have four

# torchvision and timm.
_TORCH_UNIT, _TORCH_OURS = "layer{b}.{u}.", "conv{b+1}_block{u+1}/"
_TORCH = (
    ("conv1", "conv1_conv", TORCH_CONV),
    ("bn1", "conv1_bn", TORCH_BATCH_NORM),
    (_TORCH_UNIT + "conv{k}", _TORCH_OURS + "{k}_conv", TORCH_CONV),
    (_TORCH_UNIT + "bn{k}", _TORCH_OURS + "{k}_bn", TORCH_BATCH_NORM),
    (_TORCH_UNIT + "downsample.0", _TORCH_OURS + "0_conv", TORCH_CONV),
    (_TORCH_UNIT + "downsample.1", _TORCH_OURS + "0_bn", TORCH_BATCH_NORM),
    ("fc", "head", TORCH_DENSE),
)


def _hugging_face():
    stem = "embedder.embedder."
    yield stem + "convolution", "conv1_conv", TORCH_CONV
    yield stem + "normalization", "conv1_bn", TORCH_BATCH_NORM
    for stage in _STAGES:
        theirs = f"encoder.stages.{stage}.layers.{{u}}."
        ours = f"conv{stage + 2}_block{{u+1}}/"
        for name, number in (("layer.{k}", "{k+1}"), ("shortcut", "0")):
            name, number = theirs + name, ours + number
            yield f"{name}.convolution", f"{number}_conv", TORCH_CONV
            yield f"{name}.normalization", f"{number}_bn", TORCH_BATCH_NORM
    yield "classifier.1", "head", TORCH_DENSE


def _keras():
    """keras.applications: a bias in every convolution, and kernels for BGR images.

    What is added before a norm is taken from its mean instead.
    """
    pairs = [("conv1", "conv1_")]
    pairs += [("conv{b}_block{u}_{k}", "conv{b}_block{u}/{k}_")]
    for theirs, ours in pairs:
        kernel = bgr if theirs == "conv1" else as_is
        yield f"{theirs}_conv/kernel", f"{ours}conv/kernel", kernel
        for name in ("gamma", "beta", "moving_variance"):
            yield f"{theirs}_bn/{name}", f"{ours}bn/{name}", as_is
        mean = f"{ours}bn/moving_mean"
        yield f"{theirs}_bn/moving_mean", mean, as_is, (0, 2), None
        yield f"{theirs}_conv/bias", mean, negated, (1, 2), None
    yield "predictions", "head", DENSE


_OURS = (
    ("conv1_conv", "conv1_conv", KERNEL),
    ("conv1_bn", "conv1_bn", BATCH_NORM),
    ("conv{b}_block{u}/{k}_conv", "conv{b}_block{u}/{k}_conv", KERNEL),
    ("conv{b}_block{u}/{k}_bn", "conv{b}_block{u}/{k}_bn", BATCH_NORM),
    ("head", "head", DENSE),
)
_OF_US = (r"conv1_conv/kernel", r"conv2_block1/1_conv/kernel")

LAYOUTS = (
    Layout(
        "torchvision and timm ResNet",
        "resnet",
        _TORCH,
        (
            r"conv1\.weight",
            r"bn1\.running_mean",
            r"layer1\.0\.conv1\.weight",
            r"layer1\.0\.bn1\.running_mean",
        ),
        _V1_5,
        project="timm",
        preparation=TORCHVISION,
        ignored=_BUFFERS,
    ),
    Layout(
        "Hugging Face ResNet",
        "resnet",
        tuple(_hugging_face()),
        (
            r"embedder\.embedder\.convolution\.weight",
            r"encoder\.stages\.0\.layers\.0\.layer\.0\.convolution\.weight",
        ),
        _V1_5,
        project="hugging_face",
        ignored=_BUFFERS,
    ),
    Layout(
        "keras.applications ResNet",
        "resnet",
        tuple(_keras()),
        (
            r"conv1_conv/kernel",
            r"conv1_bn/moving_mean",
            r"conv2_block1_1_conv/kernel",
            r"conv2_block1_1_bn/moving_mean",
        ),
        _V1,
        preparation=CAFFE,
    ),
    # Weights alone of a model of this package, which do not say where the stride is.
    Layout(
        "keras_vit ResNet",
        "resnet",
        _OURS,
        (*_OF_US, r"conv2_block1/3_conv/kernel"),
        {"stride_in": None},
        usual_scaling=True,
    ),
    Layout(
        "keras_vit ResNet of plain units",
        "resnet",
        _OURS,
        _OF_US,
        {"stride_in": "3x3"},
        usual_scaling=True,
    ),
)
