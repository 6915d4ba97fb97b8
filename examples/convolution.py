"""A convolution by hand: its two sums, its paddings, and what a shift does to it.

    python examples/convolution.py

Cost: seconds. Expected: what examples/convolution.md shows. Writes convolution.png.
"""

import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_vit

EDGE = np.repeat([[255, 255, 255, 0, 0, 0]], 6, axis=0)  # f: bright, then dark
KERNEL = np.repeat([[1, 0, -1]], 3, axis=0)  # h: left less right
CORNER = np.array([[1, 2, 0], [0, 3, 0], [0, 0, 4]])  # no symmetry hides a flip


def correlation(f, h):
    """g[m, n] = sum of h[j, k] f[m + j, n + k]: what every framework computes."""
    windows = np.lib.stride_tricks.sliding_window_view(f, h.shape)
    return (windows * h).sum((-2, -1))


def convolution(f, h):
    """g[m, n] = sum of h[j, k] f[m - j, n - k]: the same with the kernel turned."""
    return correlation(f, h[::-1, ::-1])


def layer(f, h, padding="valid", stride=1):
    """The layer's result; "symmetric" pads by p = (f - 1) / 2 on every side."""
    conv = keras_vit.layers.StandardizedConv2D(
        1, h.shape, stride, padding, standardization=None
    )
    conv.build((None, *f.shape, 1))
    conv.kernel.assign(h[:, :, None, None])
    return np.asarray(conv(f[None, :, :, None].astype("float32")))[0, :, :, 0]


def moved(function, pixels, patch=1):
    """How far f(shifted image) is from f(image) shifted, of the largest value."""
    image = np.random.default_rng(0).uniform(-1, 1, (16, 16))
    map_of_moved = function(np.roll(image, pixels, 1)).repeat(patch, 1)
    moved_map = np.roll(function(image).repeat(patch, 1), pixels, 1)
    return np.abs(map_of_moved - moved_map) / np.abs(moved_map).max()


def tokens(position_embedding):
    """The patches' tokens of a ViT, `(4, 4, D)` of an image."""
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 2, "hidden_dim": 32, "mlp_dim": 64, "num_heads": 2}
    images = {"image_size": 16, "patch_size": 4, "num_channels": 1, "pooling": None}
    model = keras_vit.ViT(0, **sizes, **images, position_embedding=position_embedding)
    return lambda f: np.asarray(model(f[None, :, :, None])).reshape(4, 4, -1)


for name, kernel in {"edge": KERNEL, "corner": CORNER}.items():
    for function in (correlation, convolution, layer):
        print(f"{name}, {function.__name__}:", *function(EDGE, kernel)[0].astype(int))
for size, stride in ((6, 1), (6, 2), (7, 2)):
    image = np.repeat([[255] * 3 + [0] * (size - 3)], size, axis=0)
    for padding in ("valid", "same", "symmetric"):
        row = layer(image, KERNEL, padding, stride)[1].astype(int)
        print(f"{size} pixels, stride {stride}, {padding}:", *row)
zeros = moved(lambda f: layer(f, CORNER, "same"), 1)
circular = moved(lambda f: layer(np.pad(f, 1, "wrap"), CORNER), 1)
print(f"shift by 1, circular padding: {circular.max():.2f}")
print(f"shift by 1, zeros: {zeros.max():.2f}, inside {zeros[:, 2:-2].max():.2f}")
for kind in ("none", "learned", "sincos2d"):
    shifts = [moved(tokens(kind), pixels, 4).max() for pixels in (4, 1)]
    print("ViT, positions {}: by a patch {:.2f}, by 1 {:.2f}".format(kind, *shifts))
pictures = (EDGE, correlation(EDGE, KERNEL), convolution(EDGE, KERNEL))
for i, title in enumerate(("image", "correlation", "convolution")):
    plt.subplot(131 + i, title=title).imshow(pictures[i], "gray", vmin=-765, vmax=765)
plt.savefig("convolution.png", dpi=120)
