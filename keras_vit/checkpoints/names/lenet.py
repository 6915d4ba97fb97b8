"""Name table for LeNet-5, as PyTorch's tutorials name its layers.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import TORCH_BIASED_CONV, TORCH_DENSE

_TORCH = (
    ("conv1", "c1", TORCH_BIASED_CONV),
    ("conv2", "c3", TORCH_BIASED_CONV),
    ("fc1", "c5", TORCH_DENSE),
    ("fc2", "f6", TORCH_DENSE),
    ("fc3", "head", TORCH_DENSE),
)

LAYOUTS = (
    Layout(
        "PyTorch LeNet-5",
        "lenet",
        _TORCH,
        (r"conv1\.weight", r"conv2\.weight", r"fc1\.weight", r"fc3\.weight"),
        {"variant": "modern", "activation": None, "subsampling": None},
        flattened=(("c5/kernel", "c3/kernel"),),
    ),
)
