"""Model parallelism: each device holds a slice of every block of a ViT."""

import keras

# The first product of a pair gives each device some of the features, the second sums
# over them: one exchange for the attention and one for the MLP of each block. Kernels
# are `(in, out)`. What is not named here lies whole on every device.
SLICES = (
    (r".*attention/query_key_value/kernel", (None, "model")),
    (r".*attention/query_key_value/bias", ("model",)),
    (r".*attention/projection/kernel", ("model", None)),
    (r".*mlp/dense_1/kernel", (None, "model")),
    (r".*mlp/dense_1/bias", ("model",)),
    (r".*mlp/dense_2/kernel", ("model", None)),
)


def vit_layout(mesh):
    """The `keras.distribution.LayoutMap` of the ViTs of this package.

    Args:
        mesh: `keras.distribution.DeviceMesh` with an axis `"model"`, whose size must
            divide `hidden_dim` and `mlp_dim`.

    Reference: [Shoeybi et al., 2019](https://arxiv.org/abs/1909.08053), section 3.
    """
    layout = keras.distribution.LayoutMap(mesh)
    for path, axes in SLICES:
        layout[path] = axes
    return layout
