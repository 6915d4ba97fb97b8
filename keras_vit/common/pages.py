"""HTML pages that need no other file and follow a light or dark screen."""

import html
from importlib import resources


def html_page(title, parts, style=""):
    """A whole page, in the style of all reports.

    Args:
        title: String, plain text.
        parts: HTML elements as strings, in their order.
        style: String, CSS behind that of all pages.
    """
    common = (resources.files("keras_vit.common") / "page.css").read_text()
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escaped(title)}</title><style>{common}{style}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def escaped(text):
    """Text for a page. Names of files need not be text."""
    return html.escape(str(text).encode("utf-8", "replace").decode())
