import keras
import numpy as np
import pytest
import reference
from cases import array, inputs

from keras_vit.layers import Patches, unpatchify

# Image size, patch size, stride, channels.
SHAPES = {
    "square": ((32, 32), 8, None, 3),
    "rectangular patches": ((12, 20), (3, 5), None, 3),
    "non-square image": ((8, 24), 4, None, 3),
    "one channel": ((8, 8), 4, None, 1),
    "many channels": ((4, 6), 2, None, 7),
    "one patch": ((6, 4), (6, 4), None, 3),
    "patches of one pixel": ((3, 4), 1, None, 2),
    "overlapping": ((11, 17), 5, 3, 3),
    "overlapping in one direction": ((8, 11), 4, (4, 1), 1),
    "overlapping rectangles": ((9, 12), (3, 6), (2, 3), 3),
    "stride equal to the patch": ((8, 8), 4, 4, 3),
}
every_shape = pytest.mark.parametrize("name", SHAPES)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def images(name, dtype="float32"):
    size, _, _, channels = SHAPES[name]
    x = np.random.default_rng(0).integers(0, 256, (2, *size, channels))
    return x.astype(dtype)


@every_shape
def test_patches_are_slices_of_the_image(name):
    _, patch, stride, _ = SHAPES[name]
    x = images(name)
    expected = reference.cut(x, pair(patch), pair(stride or patch))
    np.testing.assert_array_equal(array(Patches(patch, stride)(x)), expected)


@every_shape
def test_patches_equal_a_convolution_with_an_identity_kernel(name):
    _, patch, stride, channels = SHAPES[name]
    (p1, p2), x = pair(patch), images(name)
    kernel = np.eye(p1 * p2 * channels, dtype="float32")
    kernel = kernel.reshape(p1, p2, channels, -1)
    expected = array(keras.ops.conv(x, kernel, pair(stride or patch), "valid"))
    expected = expected.reshape(2, -1, expected.shape[-1])
    np.testing.assert_array_equal(array(Patches(patch, stride)(x)), expected)


@every_shape
def test_unpatchify_is_the_exact_inverse(name):
    size, patch, stride, _ = SHAPES[name]
    x = images(name)
    again = unpatchify(Patches(patch, stride)(x), size, patch, stride)
    if stride in (None, patch):
        np.testing.assert_array_equal(array(again), x)
    else:  # a mean of equal numbers, up to rounding
        np.testing.assert_allclose(array(again), x, rtol=1e-6)


@every_shape
def test_patches_of_unpatchify_are_the_patches(name):
    size, patch, stride, channels = SHAPES[name]
    if stride not in (None, patch):
        return_overlaps_averaged(size, pair(patch), pair(stride), channels)
        return
    count = (size[0] // pair(patch)[0]) * (size[1] // pair(patch)[1])
    x = inputs((2, count, pair(patch)[0] * pair(patch)[1] * channels))
    again = Patches(patch)(unpatchify(x, size, patch))
    np.testing.assert_array_equal(array(again), x)


def return_overlaps_averaged(size, patch, stride, channels):
    """Each pixel is the mean of the patches' values for it, counted one by one."""
    grid = [(s - p) // t + 1 for s, p, t in zip(size, patch, stride)]
    x = inputs((2, grid[0] * grid[1], patch[0] * patch[1] * channels))
    total, copies = np.zeros((2, *size, channels)), np.zeros((1, *size, 1))
    for n, (i, j) in enumerate(np.ndindex(*grid)):
        window = np.s_[
            :,
            i * stride[0] : i * stride[0] + patch[0],
            j * stride[1] : j * stride[1] + patch[1],
        ]
        total[window] += x[:, n].reshape(2, *patch, channels)
        copies[window] += 1
    actual = array(unpatchify(x, size, patch, stride))
    np.testing.assert_allclose(actual, total / copies, atol=1e-6)


@pytest.mark.parametrize("stride", [None, 2])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bfloat16", "float64"])
def test_values_and_types_are_those_of_the_image(dtype, stride):
    policy = "float32" if dtype in ("uint8", "int32") else dtype
    x = keras.ops.cast(images("square", "uint8"), dtype)
    layer = Patches(8, stride, dtype=policy)
    patches = layer(x)
    assert keras.backend.standardize_dtype(patches.dtype) == dtype
    spec = layer.compute_output_spec(keras.KerasTensor(x.shape, dtype))
    assert spec.dtype == dtype and spec.shape == tuple(patches.shape)
    expected = reference.cut(images("square"), (8, 8), pair(stride or 8))
    as_float = keras.ops.cast(patches, "float32")
    np.testing.assert_array_equal(array(as_float), expected)
    again = unpatchify(patches, 32, 8, stride)
    assert keras.backend.standardize_dtype(again.dtype) == dtype
    np.testing.assert_array_equal(
        array(keras.ops.cast(again, "float32")), images("square")
    )


@pytest.mark.parametrize("stride", [None, 2])
def test_unknown_height_and_width(stride):
    layer = Patches(4, stride)
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layer(x))
    assert model.output.shape == (None, None, 48)
    for size in ((8, 8), (12, 4), (4, 16)):
        x = inputs((2, *size, 3))
        expected = reference.cut(x, (4, 4), pair(stride or 4))
        np.testing.assert_array_equal(array(model(x)), expected)


@pytest.mark.parametrize("stride", [None, 2])
def test_a_size_known_late_is_checked(stride):
    """Four images of 10 x 8 pixels would make five of 8 x 8."""
    x = keras.Input((None, None, 3))
    model = keras.Model(x, Patches(4, stride)(x))
    for call in (model, model.predict_on_batch):
        with pytest.raises(ValueError, match=r"Nearest sizes to 11: (8|10), 12"):
            call(np.zeros((4, 11, 8, 3), "float32"))


def test_a_size_never_known_cannot_change_the_batch():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow runs graphs of unknown sizes")
    import tensorflow as tf

    unknown = tf.TensorSpec((None, None, None, 3))
    graph = tf.function(Patches(4), input_signature=[unknown])
    assert graph(tf.zeros((4, 8, 8, 3))).shape == (4, 4, 48)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.zeros((4, 10, 8, 3)))


def test_only_the_height_is_unknown():
    x = keras.Input((None, 8, 3))
    assert Patches(4)(x).shape == (None, None, 48)


def test_the_grid_can_be_kept():
    x = images("rectangular patches")
    flat, grid = Patches((3, 5))(x), Patches((3, 5), keep_grid=True)(x)
    assert grid.shape == (2, 4, 4, 45)
    np.testing.assert_array_equal(array(grid).reshape(2, 16, 45), array(flat))


def test_an_empty_batch():
    patches = Patches(4)(np.zeros((0, 8, 8, 3), "float32"))
    assert patches.shape == (0, 4, 48)
    assert unpatchify(patches, 8, 4).shape == (0, 8, 8, 3)


def test_unpatchify_of_symbolic_patches():
    x = keras.Input((6, 48))
    assert unpatchify(x, (8, 12), 4).shape == (None, 8, 12, 3)
    model = keras.Model(x, unpatchify(x, (8, 12), 4))
    patches = inputs((3, 6, 48))
    expected = array(unpatchify(patches, (8, 12), 4))
    np.testing.assert_array_equal(array(model(patches)), expected)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((30, 32), ["multiple of `patch_size`", "Nearest sizes to 30: 24, 32."]),
        ((32, 7), ["Nearest sizes to 7: 8."]),
    ],
)
def test_an_indivisible_size_names_the_nearest(size, words):
    for attempt in (
        lambda: Patches(8)(np.zeros((1, *size, 3), "float32")),
        lambda: Patches(8)(keras.Input((*size, 3))),
        lambda: unpatchify(np.zeros((1, 16, 192), "float32"), size, 8),
    ):
        with pytest.raises(ValueError) as error:
            attempt()
        for word in words:
            assert word in str(error.value)


def test_the_wrong_rank_is_told():
    with pytest.raises(ValueError, match="ndim=4"):
        Patches(8)(np.zeros((32, 32, 3), "float32"))


@pytest.mark.parametrize(
    ("patch_size", "stride"), [(4, 5), ((4, 2), 3), (0, None), (4.0, None), ("4", None)]
)
def test_wrong_sizes_are_told_by_the_constructor(patch_size, stride):
    with pytest.raises(ValueError, match=r"Received: .*=.*4?"):
        Patches(patch_size, stride)


@pytest.mark.parametrize("shape", [(2, 15, 48), (2, 16, 47)])
def test_patches_that_cannot_tile_the_image_are_told(shape):
    with pytest.raises(ValueError, match=r"num_patches = 4 \* 4.*shape=\(2, "):
        unpatchify(np.zeros(shape, "float32"), 16, 4)
