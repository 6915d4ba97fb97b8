"""Matplotlib figures without pyplot, and images embedded in HTML pages."""

import base64
import contextlib
import io
import re
import warnings
from pathlib import Path

from keras_vit.common.files import replacing
from keras_vit.common.installed import need

# Blue for what is there, orange for what is wrong; both read on white and on black.
BLUE, ORANGE, GREY = "#2f7ed8", "#e0702a", "#808080"


def new_figure(width, height):
    """An empty figure of a size in inches."""
    need("A picture", "train", "matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Not pyplot: no window, and no state that outlives the figure.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def unformatted(text):
    """A text for a picture, in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


@contextlib.contextmanager
def _any_letters():
    """Letters that the font lacks become boxes, without a warning for each of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        yield


def save_figure(figure, path, dpi=110):
    """Writes a figure, or leaves the old file as it is; the ending is the format.

    The same figure gives the same file: an SVG tells no date.
    """
    import matplotlib

    undated = {"metadata": {"Date": None}} if Path(path).suffix == ".svg" else {}
    with (
        replacing(Path(path)) as temporary,
        matplotlib.rc_context({"svg.hashsalt": "keras_vit"}),
        _any_letters(),
    ):
        figure.savefig(temporary, dpi=dpi, **undated)


def image_address(image, kind, **options):
    """A Pillow image as an address that holds it: `data:image/...`.

    Args:
        image: A `PIL.Image.Image`.
        kind: `"PNG"` or `"JPEG"`.
        **options: Those of Pillow's writer.
    """
    buffer = io.BytesIO()
    image.save(buffer, kind, optimize=True, **options)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"


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
    with matplotlib.rc_context(style), _any_letters():
        figure = draw()
        for axes in figure.axes:
            axes.patch.set_visible(False)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    picture = buffer.getvalue()
    picture = picture[picture.index("<svg") :].replace(_TEXT, "currentColor")
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{salt}-", picture)
