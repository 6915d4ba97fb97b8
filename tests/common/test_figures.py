"""Pictures of texts of any kind."""

import io
import warnings

from PIL import Image

from keras_vit.common.figures import new_figure, save_figure, themed_svg, unformatted


def titled(text):
    figure = new_figure(2, 1)
    figure.subplots().set_title(unformatted(text))
    return figure


def test_a_name_is_no_formula():
    assert r"$\nofunction$" in themed_svg(lambda: titled(r"$\nofunction$"), "a")


def test_letters_that_the_font_lacks_are_drawn_without_a_word(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(titled("蛙"), tmp_path / "a.png")
        assert "蛙" in themed_svg(lambda: titled("蛙"), "a")


def test_a_notebook_shows_a_figure_without_pyplot():
    figure = new_figure(2, 1)
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        assert picture.format == "PNG" and picture.size == (180, 90)
