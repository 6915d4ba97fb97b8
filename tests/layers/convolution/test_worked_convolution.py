"""The worked example of a convolution, and the three paddings, in whole numbers."""

import golden
import numpy as np
import pytest
from keras import ops

from keras_vit.layers import StandardizedConv2D


def convolved(image, kernel, padding, stride=1):
    """What the layer gives for images `(B, H, W, C)` and a kernel HWIO."""
    layer = StandardizedConv2D(
        kernel.shape[-1], kernel.shape[:2], stride, padding, standardization=None
    )
    layer.build(image.shape)
    layer.kernel.assign(kernel)
    return ops.convert_to_numpy(layer(image))


def test_the_edge_of_the_slides_gives_0_765_765_0():
    image = np.repeat([[255.0, 255, 255, 0, 0, 0]], 6, 0)[None, :, :, None]
    kernel = np.repeat([[1.0, 0, -1]], 3, 0)[:, :, None, None]
    expected = np.repeat([[0.0, 765, 765, 0]], 4, 0)[None, :, :, None]
    np.testing.assert_array_equal(convolved(image, kernel, "valid"), expected)
    turned = convolved(image, kernel[::-1, ::-1], "valid")
    np.testing.assert_array_equal(turned, -expected)


CASES = ("slides", "slides_transposed", "asymmetric", "even_kernel")


@pytest.mark.parametrize("case", CASES)
def test_layers_compute_the_cross_correlation_and_a_turn_makes_it_the_convolution(case):
    arrays = golden.arrays("lineage/conv/conv.npz")
    image = arrays[f"{case}.image"][None, :, :, None]
    kernel = arrays[f"{case}.kernel"][:, :, None, None]
    for name, h in (("correlation", kernel), ("convolution", kernel[::-1, ::-1])):
        value = convolved(image, h, "valid")[0, :, :, 0]
        np.testing.assert_array_equal(value, arrays[f"{case}.{name}"])
    if case != "even_kernel":
        for padding in ("same", "symmetric"):  # at stride 1 they are the same
            value = convolved(image, kernel, padding)[0, :, :, 0]
            np.testing.assert_array_equal(value, arrays[f"{case}.correlation_same"])


def test_paddings_differ_at_stride_2_on_even_sizes():
    arrays = golden.arrays("lineage/conv/conv.npz")
    image, kernel = arrays["strided.image"], arrays["strided.kernel"]
    for padding in ("valid", "same", "symmetric"):
        value = convolved(image, kernel, padding, stride=2)
        np.testing.assert_allclose(value, arrays[f"strided.{padding}"], atol=1e-5)
    assert (arrays["strided.same"] != arrays["strided.symmetric"]).any()


def test_sizes_are_those_of_the_three_rules():
    for row in golden.config("lineage/conv/conv.json")["padding"]:
        for padding in ("valid", "same", "symmetric"):
            if row[padding] is None:
                continue  # no symmetric padding for an even kernel
            layer = StandardizedConv2D(1, row["kernel"], row["stride"], padding)
            shape = layer.compute_output_shape((1, row["size"], row["size"], 1))
            assert shape[1] == row[padding], (padding, row)


def test_a_convolution_moves_with_its_image():
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(1, 9, 8, 2)), rng.normal(size=(3, 3, 2, 4))

    def circular(x):
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "wrap").astype("float32")
        return convolved(x, kernel, "valid")

    move = {"shift": (2, 3), "axis": (1, 2)}
    moved = np.roll(circular(image), **move)
    np.testing.assert_allclose(circular(np.roll(image, **move)), moved, atol=1e-5)
