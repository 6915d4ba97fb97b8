"""Name tables for LeNet-5: of PyTorch's tutorials, and of weights alone of ours.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import DENSE, TORCH_BIASED_CONV, TORCH_DENSE
from keras_vit.checkpoints.names.transforms import as_is

_TORCH = (
    ("conv1", "c1", TORCH_BIASED_CONV),
    ("conv2", "c3", TORCH_BIASED_CONV),
    ("fc1", "c5", TORCH_DENSE),
    ("fc2", "f6", TORCH_DENSE),
    ("fc3", "head", TORCH_DENSE),
)
_SUBSAMPLING = (
    ("/coefficient", "/coefficient", as_is),
    ("/bias", "/bias", as_is),
)
_OURS = (
    *((name, name, DENSE) for name in ("c1", "c3", "c5", "f6", "head")),
    ("s2", "s2", _SUBSAMPLING),
    ("s4", "s4", _SUBSAMPLING),
    ("head/codes", "head/codes", as_is),
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
    Layout(
        "keras_vit LeNet-5 of 1998",
        "lenet",
        _OURS,
        (r"c1/kernel", r"s2/coefficient", r"f6/kernel"),
        {"variant": "1998", "activation": "scaled_tanh", "subsampling": "sum"},
        usual_scaling=True,
    ),
    Layout(
        "keras_vit LeNet-5",
        "lenet",
        _OURS,
        (r"c1/kernel", r"c3/kernel", r"f6/kernel"),
        {"variant": "modern", "activation": None, "subsampling": None},
        usual_scaling=True,
    ),
)
