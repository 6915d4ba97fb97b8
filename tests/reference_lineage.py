"""VGG, AlexNet, ResNet, EfficientNet and U-Net in plain NumPy, float64.

Each reads the arrays of one project's file and gives the values of its modules by name,
channels last. `make_lineage_cases.py` first compares them with the originals' own.
"""

import numpy as np
from reference_resnet import conv, relu, symmetric, windows


def valid(size, kernel, stride):
    return 0, 0


class Torch:
    """Arrays with PyTorch's names.

    Args:
        arrays: Dictionary of names to arrays.
        epsilon: Float, of batch norms.
        training: Boolean, whether batch norms take the moments of the batch;
            `statistics` then has the running ones that follow.
    """

    def __init__(self, arrays, epsilon=1e-5, training=False):
        self.arrays = {name: a.astype("float64") for name, a in arrays.items()}
        self.epsilon, self.training, self.statistics = epsilon, training, {}

    def kernel(self, name):
        kernel = self.arrays[f"{name}.weight"]
        return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T

    def bias(self, name):
        return self.arrays.get(f"{name}.bias", 0.0)

    def conv(self, name, x, stride=1, padding=symmetric):
        return conv(x, self.kernel(name), stride, padding) + self.bias(name)

    def depthwise(self, name, x, stride, padding):
        kernel = self.kernel(name)  # one of its last axes is 1
        kernel = kernel.reshape(*kernel.shape[:2], -1)
        x = windows(x, len(kernel), stride, padding, 0.0)
        return np.einsum("bhwcij,ijc->bhwc", x, kernel)

    def dense(self, name, x):
        return x @ self.kernel(name) + self.bias(name)

    def moments(self, name):
        ends = ("weight", "bias", "running_mean", "running_var")
        return [self.arrays[f"{name}.{end}"] for end in ends]

    def norm(self, name, x):
        gamma, beta, mean, variance = self.moments(name)
        if self.training:
            count = x[..., 0].size
            found, spread = x.mean((0, 1, 2)), x.var((0, 1, 2))
            unbiased = spread * count / (count - 1)
            self.statistics[f"{name}.running_mean"] = 0.9 * mean + 0.1 * found
            self.statistics[f"{name}.running_var"] = 0.9 * variance + 0.1 * unbiased
            mean, variance = found, spread
        return (x - mean) / np.sqrt(variance + self.epsilon) * gamma + beta


class Keras(Torch):
    """Arrays of Keras, named `<layer>/<variable>`; dense layers read channels last."""

    def kernel(self, name):
        return self.arrays[f"{name}/kernel"]

    def bias(self, name):
        return self.arrays.get(f"{name}/bias", 0.0)

    def moments(self, name):
        ends = ("gamma", "beta", "moving_mean", "moving_variance")
        return [self.arrays[f"{name}/{end}"] for end in ends]


def max_pool(x, size, stride, padding=valid):
    return windows(x, size, stride, padding, -np.inf).max((-2, -1))


def adaptive_mean(x, side):
    """PyTorch's adaptive average pooling to a square."""

    def along(x, axis):
        size = x.shape[axis]
        parts = [(i * size // side, -(-(i + 1) * size // side)) for i in range(side)]
        means = [np.take(x, range(*p), axis).mean(axis) for p in parts]
        return np.stack(means, axis)

    return along(along(x, 1), 2)


def channels_first(x):
    return x.transpose(0, 3, 1, 2)


def flat(x):
    return x.reshape(len(x), -1)


def alexnet(p, x):
    """torchvision's AlexNet."""
    out = {}
    root = lambda size, kernel, stride: (2, 2)  # noqa: E731
    for place, stride, padding in ((0, 4, root), (3, 1, symmetric), (6, 1, symmetric)):
        name = f"features.{place}"
        out[name] = x = p.conv(name, x, stride, padding)
        x = relu(x)
        if place < 6:
            out[f"features.{place + 2}"] = x = max_pool(x, 3, 2)
    out["features.7"] = x
    out["features.9"] = x = relu(p.conv("features.8", x))
    x = relu(p.conv("features.10", x))
    out["features.12"] = x = max_pool(x, 3, 2)
    x = flat(channels_first(adaptive_mean(x, 6)))
    for place in (1, 4):
        x = relu(p.dense(f"classifier.{place}", x))
    out["logits"] = p.dense("classifier.6", x)
    return out


def vgg(p, x):
    """VGG-16 of torchvision or of keras.applications."""
    out, place, is_keras = {}, 0, isinstance(p, Keras)
    for block, count in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, count + 1):
            keras_name = f"block{block}_conv{number}"
            x = relu(p.conv(keras_name if is_keras else f"features.{place}", x))
            place += 2
        x = max_pool(x, 2, 2)
        out[f"block{block}_pool" if is_keras else f"features.{place}"] = x
        place += 1
    if not is_keras:
        out["avgpool"] = x = adaptive_mean(x, 7)
        x = channels_first(x)
    x = flat(x)
    dense = ["fc1", "fc2", "predictions"]
    names = dense if is_keras else [f"classifier.{i}" for i in (0, 3, 6)]
    for name in names[:2]:
        out[name] = p.dense(name, x)
        x = relu(out[name])
        if is_keras:  # whose layer has the ReLU
            out[name] = x
    out["logits"] = p.dense(names[2], x)
    return out


def resnet(p, x, names, first):
    """A ResNet of bottlenecks.

    Args:
        names: Of the stem and the pooling after it; a list for each stage of
            `(unit, output)`; and the head. A unit is a function from the number of its
            convolution, 0 for the shortcut, to the names of convolution and norm.
        first: Boolean, whether the first convolution of a unit has the stride.
    """
    (stem, norm, after_norm, pooled), stages, head = names
    out = {stem: p.conv(stem, x, 2)}
    out[after_norm] = x = p.norm(norm, out[stem])
    out[pooled] = x = max_pool(relu(x), 3, 2, symmetric)
    for stage, units in enumerate(stages):
        for index, (unit, output) in enumerate(units):
            stride = 2 if stage and not index else 1
            y = x
            for number in (1, 2, 3):
                step = stride if number == (1 if first else 2) else 1
                convolution, after = unit(number)
                y = p.norm(after, p.conv(convolution, y, step))
                y = relu(y) if number < 3 else y
            if not index:
                convolution, after = unit(0)
                x = p.norm(after, p.conv(convolution, x, stride))
            out[output] = x = relu(x + y)
    out["logits"] = p.dense(head, x.mean((1, 2)))
    return out


def torchvision_resnet(p, x, depths=(2, 1, 1, 1)):
    def unit(stage, index):
        start = f"layer{stage}.{index}."

        def names(number):
            if number:
                return f"{start}conv{number}", f"{start}bn{number}"
            return f"{start}downsample.0", f"{start}downsample.1"

        return names, f"layer{stage}"

    stages = [[unit(s, i) for i in range(n)] for s, n in enumerate(depths, 1)]
    return resnet(p, x, (("conv1", "bn1", "bn1", "maxpool"), stages, "fc"), False)


def hugging_face_resnet(p, x, depths=(1, 1, 2, 1)):
    start = "resnet.encoder.stages."

    def unit(stage, index):
        def names(number):
            part = f"layer.{number - 1}" if number else "shortcut"
            part = f"{start}{stage}.layers.{index}.{part}"
            return f"{part}.convolution", f"{part}.normalization"

        return names, f"{start}{stage}"

    stages = [[unit(s, i) for i in range(n)] for s, n in enumerate(depths)]
    stem = "resnet.embedder.embedder."
    ends = (f"{stem}convolution", f"{stem}normalization", "stem", "resnet.embedder")
    return resnet(p, x, (ends, stages, "classifier.1"), True)


def keras_resnet(p, x, depths=(2, 1, 1, 1)):
    def unit(stage, index):
        start = f"conv{stage}_block{index}_"

        def names(number):
            return f"{start}{number}_conv", f"{start}{number}_bn"

        return names, f"{start}out"

    counts = enumerate(depths, 2)
    stages = [[unit(s, i) for i in range(1, n + 1)] for s, n in counts]
    ends = ("conv1_conv", "conv1_bn", "conv1_bn", "pool1_pool")
    return resnet(p, x, (ends, stages, "predictions"), True)


STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of EfficientNet's stages


def swish(x):
    return x / (1 + np.exp(-x))


def efficientnet(p, x, depths, padding, names=None):
    """timm's EfficientNet, or with `names` that of keras.applications."""
    names = names or _timm_block
    is_keras = isinstance(p, Keras)
    stem, norm = ("stem_conv", "stem_bn") if is_keras else ("conv_stem", "bn1")
    out = {stem: p.conv(stem, x, 2, padding)}
    x = swish(p.norm(norm, out[stem]))
    out["stem_activation" if is_keras else "bn1"] = x
    for stage, depth in enumerate(depths):
        for block in range(depth):
            n, y = names(stage, block), x
            if "expand" in n:
                y = swish(p.norm(n["expand_bn"], p.conv(n["expand"], y)))
            stride = STRIDES[stage] if not block else 1
            y = p.depthwise(n["depthwise"], y, stride, padding)
            y = swish(p.norm(n["depthwise_bn"], y))
            squeezed = y.mean((1, 2), keepdims=True)
            squeezed = p.conv(n["expand_se"], swish(p.conv(n["reduce_se"], squeezed)))
            y = p.conv(n["project"], y / (1 + np.exp(-squeezed)))
            y = p.norm(n["project_bn"], y)
            out[n["project_bn"]] = y
            x = x + y if stride == 1 and x.shape == y.shape else y
        out[f"blocks.{stage}"] = x
    top, norm = ("top_conv", "top_bn") if is_keras else ("conv_head", "bn2")
    x = swish(p.norm(norm, p.conv(top, x)))
    out["top_activation" if is_keras else "bn2"] = x
    out["global_pool"] = x = x.mean((1, 2))
    out["logits"] = x if is_keras else p.dense("classifier", x)
    return out


def _timm_block(stage, block):
    start = f"blocks.{stage}.{block}."
    parts = {"depthwise": "conv_dw", "depthwise_bn": "bn1", "project": "conv_pw"}
    parts["project_bn"] = "bn2"
    if stage:
        parts = {"expand": "conv_pw", "expand_bn": "bn1", "depthwise": "conv_dw"}
        parts |= {"depthwise_bn": "bn2", "project": "conv_pwl", "project_bn": "bn3"}
    parts |= {"reduce_se": "se.conv_reduce", "expand_se": "se.conv_expand"}
    return {part: start + name for part, name in parts.items()}


def keras_block(stage, block):
    start = f"block{stage + 1}{'abcdefg'[block]}_"
    parts = {"depthwise": "dwconv", "depthwise_bn": "bn", "project": "project_conv"}
    parts |= {"project_bn": "project_bn", "reduce_se": "se_reduce"}
    parts |= {"expand_se": "se_expand"}
    if stage:
        parts |= {"expand": "expand_conv", "expand_bn": "expand_bn"}
    return {part: start + name for part, name in parts.items()}


def milesial(p, x):
    """milesial's U-Net with transposed convolutions."""
    out, skips = {}, []

    def two(name, x):
        for i in (0, 3):
            x = p.conv(f"{name}double_conv.{i}", x)
            x = relu(p.norm(f"{name}double_conv.{i + 1}", x))
        return x

    out["inc"] = x = two("inc.", x)
    for level in range(1, 5):
        skips.append(x)
        x = two(f"down{level}.maxpool_conv.1.", max_pool(x, 2, 2))
        out[f"down{level}"] = x
    for step in range(1, 5):
        kernel = p.arrays[f"up{step}.up.weight"]  # (in, out, 2, 2)
        blocks = np.einsum("bhwc,coij->bhiwjo", x, kernel)
        b, h, _, w, _, c = blocks.shape
        x = blocks.reshape(b, 2 * h, 2 * w, c) + p.bias(f"up{step}.up")
        x = two(f"up{step}.conv.", np.concatenate([skips.pop(), x], -1))
        out[f"up{step}"] = x
    out["logits"] = p.conv("outc.conv", x)
    return out
