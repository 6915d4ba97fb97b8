"""Figures as SVG inside a page."""

import io

from keras_vit.evaluation.pictures import new_figure

# Drawn in this colour, text and axes of a picture become the page's own text colour.
_TEXT = "#123457"


def themed_svg(draw, salt):
    """A figure as an `<svg>` element that takes its text colour from the page.

    Args:
        draw: Function without arguments that returns a matplotlib `Figure`.
        salt: String that keeps names inside this picture from those in another.

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
    return picture[picture.index("<svg") :].replace(_TEXT, "currentColor")
