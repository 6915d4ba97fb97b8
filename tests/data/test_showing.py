"""`Source.show`, and what a notebook shows of a source."""

import numpy as np
import pytest

import keras_vit.data


def drawn(figure):
    return [
        (axes.get_title(), np.asarray(axes.images[0].get_array()))
        for axes in figure.axes
        if axes.images
    ]


def test_images_of_a_folder_are_shown_with_their_classes(folder):
    source = keras_vit.data.load(folder)
    found = drawn(source.show(6))
    assert [title for title, _ in found] == ["cat"] * 4 + ["dog"] * 2
    shapes = [image.shape for _, image in found]  # each in its own
    assert len(set(shapes)) == 6 and all(h + w == 50 for h, w, _ in shapes)
    assert len(drawn(source.show(100))) == source.num_examples == 24


def test_a_seed_draws_other_images_and_the_same_again(arrays):
    def values(**options):
        return [int(image[0, 0]) for _, image in drawn(arrays.show(5, **options))]

    assert values() == [0, 6, 11, 16, 22]
    assert values(seed=1) == values(seed=1) != values(seed=2)
    one = drawn(arrays.show(1))
    assert len(one) == 1 and one[0][0] == "a"


@pytest.mark.parametrize("count", [0, 101, 2.5])
def test_a_figure_holds_one_to_a_hundred_images(arrays, count):
    with pytest.raises(ValueError, match="from 1 to 100"):
        arrays.show(count)


def test_masks_and_boxes_are_drawn_over_their_images():
    image = np.full((4, 6, 3), 100, "uint8")
    mask = np.zeros((4, 6), "uint8")
    mask[1:3, 1:3], mask[0] = 1, 255

    class Masks:
        num_classes, class_names = 2, ["background", "cell"]

    from keras_vit.data.showing import _with_answer

    shown = _with_answer(Masks, image, mask)
    changed = (shown != image).any(axis=-1)
    assert (changed == (mask == 1)).all()
    box = {"boxes": np.array([[1.0, 0.0, 5.0, 4.0]]), "classes": np.array([1])}
    changed = (_with_answer(Masks, image, box) != image).any(axis=-1)
    edge = np.zeros((4, 6), bool)
    edge[:, 1:5] = True
    edge[1:3, 2:4] = False
    assert (changed == edge).all()


def test_a_notebook_shows_numbers_and_escapes_names(folder):
    (folder / "cat").rename(folder / "<cat>")
    page = keras_vit.data.load(folder)._repr_html_()
    assert "&lt;cat&gt; (16), dog (8)" in page and "<cat>" not in page
    assert "of varied sizes, in colour" in page and "<td class=text>24</td>" in page
