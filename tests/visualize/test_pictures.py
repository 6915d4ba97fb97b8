"""Pictures of images and of patches, and one image where a batch is taken."""

import sys

import numpy as np
import pytest

from keras_vit import visualize


def shown(figure):
    """The images of a figure, as they were handed to matplotlib."""
    return [np.asarray(a.images[0].get_array()) for a in figure.axes if a.images]


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.images]


def test_every_kind_of_image_is_shown_as_it_is():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (3, 4, 6, 3)).astype("uint8")
    whole = shown(visualize.plot_images(pixels))
    np.testing.assert_allclose(whole, pixels / 255, atol=1e-6)
    scaled = pixels / np.float32(127.5) - 1
    for floats, options in ((scaled, {}), (pixels / 255.0, {"value_range": (0, 1)})):
        found = shown(visualize.plot_images(floats, **options))
        np.testing.assert_allclose(found, pixels / 255, atol=1e-6)
    grey = shown(visualize.plot_images(pixels[..., :1]))
    np.testing.assert_allclose(grey, pixels[..., 0] / 255, atol=1e-6)
    np.testing.assert_allclose(shown(visualize.plot_images(pixels[..., 0])), grey)
    mixed = visualize.plot_images([pixels[0], pixels[0, :2, :, 0]], ["a", "b_$x$"])
    assert [image.shape for image in shown(mixed)] == [(4, 6, 3), (2, 6)]
    assert titles(mixed) == ["a", r"b_\$x\$"]


def test_one_image_needs_no_batch():
    image = np.zeros((5, 7, 3), "uint8")
    assert len(shown(visualize.plot_images(image, "zero"))) == 1
    assert titles(visualize.plot_images(image[..., 0], 7)) == ["7"]
    assert "matplotlib.pyplot" not in visualize.plot_images.__globals__
    maps = np.array([[1.0, 0.0]])
    one = visualize.overlay(image + 255, maps)
    np.testing.assert_array_equal(one, visualize.overlay(image[None] + 255, maps[None]))
    assert visualize.plot_attention(image, maps).axes
    np.testing.assert_array_equal(
        visualize.shift(image, 1), visualize.shift(image[None], 1)[0]
    )
    noise = np.random.default_rng(0).normal(size=(6, 8, 1))
    np.testing.assert_array_equal(
        visualize.permute_patches(noise, 2),
        visualize.permute_patches(noise[None], 2)[0],
    )


def test_figures_leave_no_state_of_pyplot():
    before = "matplotlib.pyplot" in sys.modules
    visualize.plot_images(np.zeros((2, 3, 3, 1), "uint8"))
    if not before:
        assert "matplotlib.pyplot" not in sys.modules
    else:
        import matplotlib.pyplot as plt

        assert not plt.get_fignums()


def test_patches_stand_at_their_places_with_gaps_between():
    image = np.arange(4 * 7, dtype="uint8").reshape(4, 7, 1)
    (picture,) = shown(visualize.plot_patches(image, (2, 3)))
    assert picture.shape == (5, 7, 4)  # a column that fits into no patch is left out
    np.testing.assert_allclose(picture[:2, :3, 0] * 255, image[:2, :3, 0], atol=1e-4)
    np.testing.assert_allclose(picture[3:, 4:, 2] * 255, image[2:, 3:6, 0], atol=1e-4)
    assert not picture[2].any() and not picture[:, 3].any()
    assert picture[..., 3].sum() == 4 * 6
    colour = np.full((1, 4, 4, 3), 0.5, "float32")
    (picture,) = shown(visualize.plot_patches(colour, 4))
    np.testing.assert_allclose(picture[..., :3], 0.75)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((0, 4, 4, 3)), "1 to 100 images"),
        (np.zeros((2, 4, 4, 5)), r"\(4, 4, 5\)"),
        ([np.zeros(3)], r"\(3,\)"),
    ],
)
def test_what_is_no_image_is_refused(images, words):
    with pytest.raises(ValueError, match=words):
        visualize.plot_images(images)


def test_patches_are_of_one_image_that_is_large_enough():
    with pytest.raises(ValueError, match="choose one"):
        visualize.plot_patches(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="larger than the image"):
        visualize.plot_patches(np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="2 titles, 1 images"):
        visualize.plot_images(np.zeros((8, 8, 3)), ["a", "b"])
