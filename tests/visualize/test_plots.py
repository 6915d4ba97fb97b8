"""What the pictures hold."""

import numpy as np
import pytest

from keras_vit import visualize


def picture(figure):
    """The largest image of a figure, as it was handed to matplotlib."""
    shown = [image.get_array() for axes in figure.axes for image in axes.images]
    return np.asarray(max(shown, key=np.size))


def test_filters_have_contrast_of_their_own_around_grey():
    filters = np.zeros((3, 2, 2, 3))
    filters[0, 0, 0], filters[1, 1, 1] = 5.0, -0.1
    shown = picture(visualize.plot_filters(filters, columns=2))
    assert shown.shape == (5, 5, 4)  # two by two of two pixels, and lines between
    assert shown[0, 0].tolist() == [1, 1, 1, 1] and shown[1, 1].tolist() == [
        0.5
    ] * 3 + [1]
    assert shown[1, 4].tolist() == [0, 0, 0, 1]
    assert not shown[2].any() and not shown[3:, 3:].any()  # nothing: transparent
    grey = visualize.plot_filters(filters[..., :1])
    assert picture(grey)[0, 0].tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match=r"Received: shape \(0, 2, 2, 3\)"):
        visualize.plot_filters(filters[:0])


def test_each_map_of_the_positions_stands_at_its_patch():
    similarity = np.arange(36.0).reshape(2, 3, 2, 3) / 36
    figure = visualize.plot_position_similarity(similarity)
    shown = picture(figure)
    assert shown.shape == (5, 11)
    np.testing.assert_array_equal(shown[3:5, 4:7], similarity[1, 1])
    assert [int(t.get_text()) for t in figure.axes[0].get_xticklabels()] == [1, 2, 3]


def test_an_overlay_keeps_the_most_attended_place_and_darkens_the_rest():
    images = np.full((2, 4, 8, 1), 255, "uint8")
    maps = np.array([[[0.0, 0.2]], [[0.1, 0.1]]])
    bright = visualize.overlay(images, maps)
    assert bright.shape == (2, 4, 8, 3)
    assert bright[0, 0, 0, 0] == 0.15 and bright[0, 0, -1, 0] == 1
    np.testing.assert_allclose(bright[1], 1)
    assert (np.diff(bright[0, 0, :, 0]) >= 0).all()
    floats = np.full((2, 4, 8, 3), 1.0)
    np.testing.assert_allclose(visualize.overlay(floats, maps), bright)
    np.testing.assert_allclose(visualize.overlay(images, maps * 0, darkest=0), 0)
    with pytest.raises(ValueError, match=r"one map .* for each image.*2 images"):
        visualize.overlay(images, maps[:1])


def test_an_image_and_its_attention_stand_side_by_side():
    images = np.full((4, 6, 6, 3), 255, "uint8")
    figure = visualize.plot_attention(images, np.ones((4, 2, 2)), list("ab$d"))
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", r"\$", "d"]
    assert picture(figure).shape == (6, 13, 4)
    one = visualize.plot_attention(images[:1], np.ones((1, 2, 2)))
    assert len(one.axes) == 1


def test_every_head_is_a_point_at_its_depth():
    distances = np.array([[1.0, 2], [3, 4], [5, 6]])
    figure = visualize.plot_attention_distance(distances)
    heads, means = figure.axes[0].lines
    assert heads.get_xdata().tolist() == [1, 1, 2, 2, 3, 3]
    assert heads.get_ydata().tolist() == [1, 2, 3, 4, 5, 6]
    assert means.get_ydata().tolist() == [1.5, 3.5, 5.5]
