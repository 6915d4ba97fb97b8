"""The command `keras-vit published`."""

import dataclasses
from typing import Annotated, Literal

import tyro

from keras_vit.common.tables import aligned
from keras_vit.common.wording import hint
from keras_vit.terminal import show, show_csv

# The columns that a word is looked for in, in this order.
COLUMNS = ("model", "task", "pretrain", "source", "metric", "kind", "image_size")


@dataclasses.dataclass
class Published:
    """Look up published results: a table as in its paper, single values, or all.

    Without words: the tables. With the name of one, such as vit/table2: that table.
    With a row's id: all that is known of it, and the other values of that model and
    task. Else the values that have all the words in their columns, such as vit_b16
    cifar10; a word is taken for a model, task, pretraining, source, metric, kind or
    image size, or is written column=value. Values that were read from a figure are
    marked.
    """

    # A table, an id, or words to look for.
    words: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[WORDS]")
    ] = ()
    # Output format.
    format: Literal["text", "csv", "json"] = "text"

    def __call__(self):
        from keras_vit import published
        from keras_vit.published.rows import all_rows

        tables = published.list_tables()
        if not self.words:
            self._list(tables)
        elif len(self.words) == 1 and self.words[0] in tables:
            self._table(published.table(self.words[0]))
        elif len(self.words) == 1 and self.words[0] in all_rows():
            self._row(published.row(self.words[0]))
        elif len(self.words) == 1 and "/" in self.words[0] and not _column(self.words):
            look_up = published.row if self.words[0].count("/") > 1 else published.table
            look_up(self.words[0])  # which names the closest one
        else:
            self._show(published.find(**_filters(self.words)))
        return 0

    def _show(self, rows):
        """Prints rows; an empty CSV has a header too."""
        from keras_vit.published.rows import NAMES

        if self.format == "csv":
            show_csv(NAMES, ([getattr(row, name) for name in NAMES] for row in rows))
        else:
            show(rows, self.format)

    def _list(self, tables):
        header = ("table", "values", "source")
        lines = [(n, str(len(rows)), rows[0].citation) for n, rows in tables.items()]
        if self.format == "csv":
            show_csv(header, lines)
        elif self.format == "json":
            show([dict(zip(header, line)) for line in lines], "json")
        else:
            print(aligned([header, *lines]))

    def _table(self, table):
        if self.format == "csv":
            show_csv(table.header, table.lines)
        else:
            show(table, self.format)

    def _row(self, row):
        from keras_vit.published import Rows, sisters

        if self.format != "text":
            self._show(Rows([row, *sisters(row)]))
            return
        print(row)
        if others := sisters(row):
            print(f"\nother values of {row.model} on {row.task}, {row.metric}:")
            print(others)


def _column(words):
    """Whether a word is a value of some column, or names its column."""
    from keras_vit.published.rows import choices, plain

    return any(
        "=" in word or any(plain(word) in choices(column) for column in COLUMNS)
        for word in words
    )


def _filters(words):
    """The columns and values that words mean."""
    from keras_vit.published.rows import choices, plain

    filters = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            value = word
            name = next((c for c in COLUMNS if plain(word) in choices(c)), None)
        if name is None:
            values = [str(value) for c in COLUMNS for value in choices(c).values()]
            raise ValueError(
                f"No published value has this word. Received: {word!r}."
                f"{hint(word, values)} Columns are tried in this order: "
                f"{', '.join(COLUMNS)}; or write column=value."
            )
        filters.setdefault(name, []).append(value)
    return filters
