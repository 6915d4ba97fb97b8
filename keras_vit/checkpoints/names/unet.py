"""Name tables for U-Nets, whose steps upwards are counted from the deepest.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import (
    BATCH_NORM,
    DENSE,
    TORCH_BATCH_NORM,
    TORCH_BIASED_CONV,
    TORCH_PATCHES,
)

_IGNORED = ((r".*num_batches_tracked|mask_values", "a buffer, not a weight"),)


def _milesial(name, ours):
    """Two convolutions, each with a batch norm."""
    return (
        (f"{name}double_conv.0", f"{ours}_conv1", TORCH_BIASED_CONV),
        (f"{name}double_conv.1", f"{ours}_norm1", TORCH_BATCH_NORM),
        (f"{name}double_conv.3", f"{ours}_conv2", TORCH_BIASED_CONV),
        (f"{name}double_conv.4", f"{ours}_norm2", TORCH_BATCH_NORM),
    )


_MILESIAL = (
    *_milesial("inc.", "down0"),
    *_milesial("down{i}.maxpool_conv.1.", "down{i}"),
    ("up{i}.up", "up{i}_upconv", TORCH_BIASED_CONV),
    *_milesial("up{i}.conv.", "up{i}"),
    ("outc.conv", "head", TORCH_PATCHES),
)

_JVANVUGT = (
    ("down_path.{i}.block.0", "down{i}_conv1", TORCH_BIASED_CONV),
    ("down_path.{i}.block.2", "down{i}_conv2", TORCH_BIASED_CONV),
    ("up_path.{i}.up", "up{i+1}_upconv", TORCH_BIASED_CONV),
    ("up_path.{i}.conv_block.block.0", "up{i+1}_conv1", TORCH_BIASED_CONV),
    ("up_path.{i}.conv_block.block.2", "up{i+1}_conv2", TORCH_BIASED_CONV),
    ("last", "head", TORCH_PATCHES),
)


def _mateuszbuda(name, ours):
    return (
        (f"{name}conv{{k}}", f"{ours}_conv{{k}}", TORCH_BIASED_CONV),
        (f"{name}norm{{k}}", f"{ours}_norm{{k}}", TORCH_BATCH_NORM),
    )


# Four levels and the deepest; the decoders are counted from the outermost.
_FOUR = range(1, 5)
_MATEUSZBUDA = (
    *(row for i in _FOUR for row in _mateuszbuda(f"encoder{i}.enc{i}", f"down{i - 1}")),
    *_mateuszbuda("bottleneck.bottleneck", "down4"),
    *((f"upconv{i}", f"up{5 - i}_upconv", TORCH_BIASED_CONV) for i in _FOUR),
    *(row for i in _FOUR for row in _mateuszbuda(f"decoder{i}.dec{i}", f"up{5 - i}")),
    ("conv", "head", TORCH_PATCHES),
)

# The release of 2015, as torch stores what Caffe named.
_CAFFE = (
    ("conv_d{i}a-b", "down{i}_conv1", TORCH_BIASED_CONV),
    ("conv_d{i}b-c", "down{i}_conv2", TORCH_BIASED_CONV),
    ("upconv_d4c_u3a", "up1_upconv", TORCH_BIASED_CONV),
    *(
        (f"upconv_u{4 - i}d_u{3 - i}a", f"up{i + 1}_upconv", TORCH_BIASED_CONV)
        for i in (1, 2, 3)
    ),
    *((f"conv_u{4 - i}b-c", f"up{i}_conv1", TORCH_BIASED_CONV) for i in _FOUR),
    *((f"conv_u{4 - i}c-d", f"up{i}_conv2", TORCH_BIASED_CONV) for i in _FOUR),
    ("conv_u0d-score", "head", TORCH_PATCHES),
)

# Files of this package that hold weights alone.
_OURS = (
    ("down{i}_conv{k}", "down{i}_conv{k}", DENSE),
    ("down{i}_norm{k}", "down{i}_norm{k}", BATCH_NORM),
    ("up{i}_upconv", "up{i}_upconv", DENSE),
    ("up{i}_conv{k}", "up{i}_conv{k}", DENSE),
    ("up{i}_norm{k}", "up{i}_norm{k}", BATCH_NORM),
    ("head", "head", DENSE),
)

_PADDED = {"padding": "same", "upconv_relu": False}

LAYOUTS = (
    Layout(
        "milesial U-Net",
        "unet",
        _MILESIAL,
        (r"inc\.double_conv\.0\.weight", r"outc\.conv\.weight"),
        {**_PADDED, "skip_first": True},
        ignored=_IGNORED,
    ),
    Layout(
        "jvanvugt U-Net",
        "unet",
        _JVANVUGT,
        (r"down_path\.0\.block\.0\.weight", r"up_path\.0\.up\..*"),
        {"padding": None, "upconv_relu": False, "skip_first": False},
        ignored=_IGNORED,
    ),
    Layout(
        "mateuszbuda U-Net",
        "unet",
        _MATEUSZBUDA,
        (r"encoder1\.enc1conv1\.weight", r"bottleneck\.bottleneckconv1\.weight"),
        {**_PADDED, "skip_first": False},
        ignored=_IGNORED,
    ),
    Layout(
        "released U-Net",
        "unet",
        _CAFFE,
        (r"conv_d0a-b\.weight", r"upconv_d4c_u3a\.weight"),
        {"padding": "valid", "upconv_relu": True, "skip_first": False},
        ignored=_IGNORED,
    ),
    Layout(
        "keras_vit U-Net",
        "unet",
        _OURS,
        (r"down0_conv1/kernel", r"up1_upconv/kernel"),
        {"padding": None, "upconv_relu": None, "skip_first": None},
        usual_scaling=True,
    ),
)
