"""Name tables for VGG: of torchvision, timm, Keras, and of weights alone of ours.

Rows are as in `names.rows`. torchvision and timm count all layers of the body, ReLU and
pooling too, so that the names differ with the depth.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import (
    BATCH_NORM,
    DENSE,
    TORCH_BATCH_NORM,
    TORCH_BIASED_CONV,
    TORCH_DENSE,
    TORCH_PATCHES,
)
from keras_vit.checkpoints.names.transforms import as_is, bgr
from keras_vit.checkpoints.preparation import CAFFE, TORCHVISION

# The convolutions of each block.
_DEPTHS = ((1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4))
_IGNORED = ((r".*num_batches_tracked", "a buffer, not a weight"),)


def _body(num_convs, batch_norm):
    """`(rows, anchors)` of the convolutions and batch norms of `features`."""
    rows, firsts, place = [], [], 0
    for block, count in enumerate(num_convs, start=1):
        firsts.append(place)
        for number in range(1, count + 1):
            ours, last = f"block{block}_conv{number}", place
            rows.append((f"features.{place}", ours, TORCH_BIASED_CONV))
            if batch_norm:
                norm = (f"features.{place + 1}", f"{ours}_bn", TORCH_BATCH_NORM)
                rows.append(norm)
            place += 3 if batch_norm else 2
        place += 1
    places = dict.fromkeys((*firsts, last))
    if batch_norm:
        return tuple(rows), tuple(rf"features\.{p + 1}\.running_mean" for p in places)
    return tuple(rows), tuple(rf"features\.{p}\.weight" for p in places)


_TORCHVISION_ENDS = (
    ("classifier.0", "fc1", TORCH_DENSE),
    ("classifier.3", "fc2", TORCH_DENSE),
    ("classifier.6", "head", TORCH_DENSE),
)
# Convolutions in the place of the dense layers.
_TIMM_ENDS = (
    ("pre_logits.fc1", "fc1", TORCH_PATCHES),
    ("pre_logits.fc2", "fc2", TORCH_PATCHES),
    ("head.fc", "head", TORCH_DENSE),
)


def _torch_layouts(num_convs, batch_norm):
    rows, anchors = _body(num_convs, batch_norm)
    last = f"block{len(num_convs)}_conv{num_convs[-1]}/kernel"
    shared = {"ignored": _IGNORED, "preparation": TORCHVISION}
    return (
        Layout(
            "timm VGG",
            "vgg",
            rows + _TIMM_ENDS,
            (r"pre_logits\.fc1\.weight", *anchors),
            project="timm",
            **shared,
        ),
        Layout(
            "torchvision VGG",
            "vgg",
            rows + _TORCHVISION_ENDS,
            anchors,
            flattened=(("fc1/kernel", last),),
            **shared,
        ),
    )


OF_KERAS = "keras.applications VGG"
_FIRST = "block1_conv1"
# keras.applications: kernels for BGR images; names as of the reader of its files.
_KERAS = (
    (f"{_FIRST}/kernel", f"{_FIRST}/kernel", bgr),
    (f"{_FIRST}/bias", f"{_FIRST}/bias", as_is),
    *(
        (name, name, DENSE)
        for block in range(1, 6)
        for number in range(1, 5)
        if (name := f"block{block}_conv{number}") != _FIRST
    ),
    ("fc1", "fc1", DENSE),
    ("fc2", "fc2", DENSE),
    ("predictions", "head", DENSE),
)
_OURS = (
    ("block{b}_conv{n}", "block{b}_conv{n}", DENSE),
    ("block{b}_conv{n}_bn", "block{b}_conv{n}_bn", BATCH_NORM),
    ("fc{n}", "fc{n}", DENSE),
    ("head", "head", DENSE),
)

LAYOUTS = (
    *(
        layout
        for num_convs in _DEPTHS
        for batch_norm in (False, True)
        for layout in _torch_layouts(num_convs, batch_norm)
    ),
    # Before Keras's, whose last layer has another name.
    Layout(
        "keras_vit VGG",
        "vgg",
        _OURS,
        (r"block1_conv1/kernel", r"head/kernel"),
        usual_scaling=True,
    ),
    Layout(
        OF_KERAS,
        "vgg",
        _KERAS,
        (r"block1_conv1/kernel", r"block2_conv1/kernel", r"block5_conv3/kernel"),
        preparation=CAFFE,
    ),
)
