"""Figures as SVG inside a page."""

import io
import re

from keras_vit.common.figures import new_figure

# Drawn in this colour, text and axes of a picture become the page's own text colour.
_TEXT = "#123457"


def themed_svg(draw, salt):
    """A figure as an `<svg>` element that takes its text colour from the page.

    Args:
        draw: Function without arguments that returns a matplotlib `Figure`.
        salt: String, begins the names inside this picture, so that a page can hold
            another.

    Raises:
        ImportError: without matplotlib, saying how to install it.
    """
    new_figure(1, 1)  # says what to install where matplotlib is missing
    import matplotlib

    colours = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor")
    style = dict.fromkeys([*colours, "xtick.color", "ytick.color"], _TEXT)
    # Text stays text.
    style.update({"svg.fonttype": "none", "svg.hashsalt": salt})
    buffer = io.StringIO()
    with matplotlib.rc_context(style):
        figure = draw()
        for axes in figure.axes:
            axes.patch.set_visible(False)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    picture = buffer.getvalue()
    picture = picture[picture.index("<svg") :].replace(_TEXT, "currentColor")
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{salt}-", picture)
