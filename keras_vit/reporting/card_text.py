"""Values as text of a Markdown file."""

import math

# Classes and other items that are listed one by one.
LISTED = 20

UNKNOWN = "not known"


def plain(value):
    """A dictionary, whatever came: one, an object with `to_json`, or nothing."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else value.to_json()


def cell(value):
    """A value as text that leaves tables and lists whole."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split()).replace("\\", "\\\\")
    for sign in "|<>`*_[]#":
        text = text.replace(sign, "\\" + sign)
    return text


def shell(path):
    text = str(path)
    return f'"{text}"' if set(text) & set(" '()&;") else text


def count_text(value):
    return UNKNOWN if value is None else f"{value:,}"


def sortable(value):
    return math.inf if value is None or math.isnan(value) else value


def share_text(value):
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"
