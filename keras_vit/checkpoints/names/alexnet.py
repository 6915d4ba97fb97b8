"""Name tables for AlexNet: of torchvision, of Caffe, and of weights alone of ours.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import DENSE, TORCH_BIASED_CONV, TORCH_DENSE
from keras_vit.checkpoints.names.transforms import as_is, bgr, hwio
from keras_vit.checkpoints.preparation import TORCHVISION, Preparation

_FLATTENED = (("fc6/kernel", "conv5/kernel"),)

_TORCHVISION = (
    *(
        (f"features.{place}", f"conv{number}", TORCH_BIASED_CONV)
        for number, place in enumerate((0, 3, 6, 8, 10), start=1)
    ),
    ("classifier.1", "fc6", TORCH_DENSE),
    ("classifier.4", "fc7", TORCH_DENSE),
    ("classifier.6", "head", TORCH_DENSE),
)


def _for_bgr(x):
    """Caffe's first kernel `(out, in, height, width)`, which reads BGR."""
    return bgr(hwio(x))


_CAFFE = (
    ("conv1.weight", "conv1/kernel", _for_bgr),
    ("conv1.bias", "conv1/bias", as_is),
    *((f"conv{n}", f"conv{n}", TORCH_BIASED_CONV) for n in range(2, 6)),
    ("fc6", "fc6", TORCH_DENSE),
    ("fc7", "fc7", TORCH_DENSE),
    ("fc8", "head", TORCH_DENSE),
)
_OURS = (
    ("conv{n}", "conv{n}", DENSE),
    ("fc{n}", "fc{n}", DENSE),
    ("head", "head", DENSE),
)
# BVLC's: pixels in [0, 255] less this mean (in RGB), of images squashed to 256 pixels.
_BVLC = Preparation(
    (123 / 255, 117 / 255, 104 / 255),
    (1 / 255,) * 3,
    (227, 227),
    resize_to=(256, 256),
)

LAYOUTS = (
    Layout(
        "torchvision AlexNet",
        "alexnet",
        _TORCHVISION,
        tuple(rf"features\.{place}\.weight" for place in (0, 3, 6, 8, 10)),
        {"variant": "one_tower"},
        flattened=_FLATTENED,
        preparation=TORCHVISION,
    ),
    Layout(
        "Caffe AlexNet",
        "alexnet",
        _CAFFE,
        (r"conv1\.weight", r"conv5\.weight", r"fc6\.weight"),
        {"variant": "2012", "lrn": "caffe"},
        flattened=_FLATTENED,
        preparation=_BVLC,
    ),
    Layout(
        "keras_vit AlexNet",
        "alexnet",
        _OURS,
        (r"conv1/kernel", r"conv5/kernel"),
        usual_scaling=True,
    ),
)
