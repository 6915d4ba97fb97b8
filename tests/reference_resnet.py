"""BiT and the stem of the hybrids in plain NumPy, float64: the oracle of the tests.

Written from `bit_pytorch/models.py` and `vit_jax/models_resnet.py`. It reads arrays
under our variable paths and knows nothing of the package's layers.
"""

import numpy as np


def arrays_of(model):
    """The weights of a model by path, in float64."""
    return {w.path: np.asarray(w.numpy(), "float64") for w in model.weights}


def symmetric(size, kernel, stride):
    """What BiT pads, whatever the size and stride."""
    return (kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2


def same(size, kernel, stride):
    """What the hybrids pad: no more than needed, the odd one at the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def windows(x, kernel, stride, padding, value):
    """`(B, rows, columns, C, kernel, kernel)`."""
    pads = [padding(size, kernel, stride) for size in x.shape[1:3]]
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)
    x = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))
    return x[:, ::stride, ::stride]


def conv(x, kernel, stride, padding):
    x = windows(x, len(kernel), stride, padding, 0.0)
    return np.einsum("bhwcij,ijco->bhwo", x, kernel, optimize=True)


def standardize(kernel, form, epsilon):
    mean, variance = kernel.mean((0, 1, 2)), kernel.var((0, 1, 2))
    if form == "variance":
        return (kernel - mean) / np.sqrt(variance + epsilon)
    return (kernel - mean) / (np.sqrt(variance) + epsilon)


def group_norm(x, gamma, beta, epsilon, groups=32):
    shape = x.shape
    x = x.reshape(shape[0], -1, groups, shape[-1] // groups)
    mean, variance = x.mean((1, 3), keepdims=True), x.var((1, 3), keepdims=True)
    return ((x - mean) / np.sqrt(variance + epsilon)).reshape(shape) * gamma + beta


def relu(x):
    return np.maximum(x, 0.0)


class Unit:
    """The parts of one unit, by name."""

    def __init__(self, arrays, prefix, stride, form, weight_epsilon, epsilon, padding):
        self.arrays = {
            path.removeprefix(prefix): value
            for path, value in arrays.items()
            if path.startswith(prefix)
        }
        self.stride, self.padding, self.epsilon = stride, padding, epsilon
        self.form = form, weight_epsilon

    def conv(self, x, name, stride=1):
        kernel = standardize(self.arrays[f"{name}/kernel"], *self.form)
        return conv(x, kernel, stride, self.padding)

    def norm(self, x, name):
        gamma, beta = (self.arrays[f"{name}/{part}"] for part in ("gamma", "beta"))
        return group_norm(x, gamma, beta, self.epsilon)

    def pre_activation(self, x):
        y = relu(self.norm(x, "norm_1"))
        if "projection/kernel" in self.arrays:
            x = self.conv(y, "projection", self.stride)
        y = relu(self.norm(self.conv(y, "conv_1"), "norm_2"))
        y = relu(self.norm(self.conv(y, "conv_2", self.stride), "norm_3"))
        return x + self.conv(y, "conv_3")

    def post_activation(self, x):
        y = relu(self.norm(self.conv(x, "conv_1"), "norm_1"))
        y = relu(self.norm(self.conv(y, "conv_2", self.stride), "norm_2"))
        y = self.norm(self.conv(y, "conv_3"), "norm_3")
        if "projection/kernel" in self.arrays:
            x = self.norm(self.conv(x, "projection", self.stride), "projection_norm")
        return relu(x + y)


def bit(images, arrays, num_blocks):
    """Every value of BiT's forward pass, by layer."""
    form = ("variance", 1e-10, 1e-5, symmetric)
    root = Unit(arrays, "root_", 2, *form)
    out = {"root_conv": root.conv(np.asarray(images, "float64"), "conv", 2)}
    x = windows(out["root_conv"], 3, 2, symmetric, 0.0).max((-2, -1))
    out["root_pooling"] = x
    for name, stride in names_of(num_blocks):
        x = out[name] = Unit(arrays, f"{name}/", stride, *form).pre_activation(x)
    out["norm"] = Unit(arrays, "", 1, *form).norm(x, "norm")
    out["pooling"] = relu(out["norm"]).mean((1, 2))
    out["head"] = out["pooling"] @ arrays["head/kernel"] + arrays["head/bias"]
    return out


def stem(images, arrays, num_blocks):
    """Every value of a hybrid's ResNet, by layer."""
    form = ("std", 1e-5, 1e-6, same)
    root = Unit(arrays, "root_", 2, *form)
    out = {"root_conv": root.conv(np.asarray(images, "float64"), "conv", 2)}
    out["root_norm"] = root.norm(out["root_conv"], "norm")
    x = windows(relu(out["root_norm"]), 3, 2, same, -np.inf).max((-2, -1))
    out["root_pooling"] = x
    for name, stride in names_of(num_blocks):
        x = out[name] = Unit(arrays, f"{name}/", stride, *form).post_activation(x)
    return out


def names_of(num_blocks):
    for stage, units in enumerate(num_blocks, start=1):
        for unit in range(1, units + 1):
            stride = 2 if stage > 1 and unit == 1 else 1
            yield f"stage{stage}_unit{unit:02d}", stride
