"""Tables of text: aligned for terminals, as HTML for notebooks, as CSV."""

import csv
import html
import io

from keras_vit.common.wording import printable


def aligned(rows, left=None):
    """Rows of texts as lines, columns below each other.

    Args:
        rows: Sequence of rows, of a header first where there is one.
        left: Columns that begin below each other: their number, counted from the
            first, or a collection of them. The others end below each other. `None`
            for all.
    """
    rows = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    if left is None or isinstance(left, int):
        left = range(len(widths) if left is None else left)
    return "\n".join(
        "  ".join(
            text.ljust(width) if place in left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def as_csv(header, rows):
    """A table as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def as_html(header, rows, left=0):
    """A table as an HTML element; the first `left` columns are of the class `text`."""

    def line(cells, tag):
        # Names of files need not be valid text.
        texts = (str(cell).encode("utf-8", "replace").decode() for cell in cells)
        inner = (
            f"<{tag}{' class=text' * (place < left)}>{html.escape(text)}</{tag}>"
            for place, text in enumerate(texts)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


class Told:
    """What reads as its text: when it is printed, evaluated, or shown in a notebook."""

    def __repr__(self):
        return str(self)

    def _repr_html_(self):
        text = str(self).encode("utf-8", "replace").decode()
        return f"<pre>{html.escape(text)}</pre>"


class Table(list):
    """A list that prints as a table, in a notebook as one of HTML.

    A subclass names its columns in `header` and gives the texts of one row in
    `cells(row)`; `left` is that of `aligned`.
    """

    header = ()
    left = None

    def __str__(self):
        return aligned([self.header, *map(self.cells, self)], self.left)

    def _repr_html_(self):
        return as_html(self.header, map(self.cells, self))
