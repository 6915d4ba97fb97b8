"""Matplotlib figures without pyplot, and images embedded in HTML pages."""

import base64
import contextlib
import io
import math
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

    class Shown(Figure):
        """A figure that a notebook shows although nobody has imported pyplot."""

        def _repr_png_(self):
            buffer = io.BytesIO()
            with _any_letters():
                self.savefig(buffer, format="png", dpi=90)
            return buffer.getvalue()

    # Not pyplot: no window, and no state that outlives the figure.
    figure = Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def unformatted(text):
    """A text for a picture, in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


def grid_of_images(images, titles=None, columns=None):
    """A figure of images side by side, each in its own shape.

    Args:
        images: Non-empty list of arrays: `uint8`, or floats in `[0, 1]`, of shape
            `(H, W, 1)` or `(H, W, 3)`.
        titles: A string above each image, or `None`.
        columns: Integer, images in a row; by default a few more than rows.

    Returns:
        A matplotlib `Figure`.
    """
    columns = columns or math.ceil(math.sqrt(1.5 * len(images)))
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    shapes = sorted(image.shape[0] / image.shape[1] for image in images)
    height = 1.7 * min(max(shapes[len(shapes) // 2], 0.3), 3.0)
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    # A single image is larger.
    scale = max(1.0, 2.4 - 0.35 * len(images))
    size = scale * 1.8 * columns, (scale * height + 0.2 * lines + 0.1) * rows
    figure = new_figure(*size)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (axes, image) in enumerate(zip(grid, images)):
        whole = 255 if image.dtype.kind == "u" else 1.0
        shown = image[..., 0] if image.shape[-1] == 1 else image
        few = max(image.shape[:2]) < 96
        interpolation = "nearest" if few else "antialiased"
        options = {"cmap": "gray", "vmin": 0, "vmax": whole}
        axes.imshow(shown, interpolation=interpolation, **options)
        if titles is not None:
            axes.set_title(unformatted(titles[place]), fontsize=8)
    for axes in grid:
        axes.set_axis_off()
    return figure


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
