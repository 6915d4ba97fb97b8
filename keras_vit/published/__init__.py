"""Published results as data: to find, to print as in the paper, to compare with."""

from keras_vit.published.comparing import Comparison, Result, compare
from keras_vit.published.pivots import Pivot, list_tables, table
from keras_vit.published.rows import Row, Rows, cell, find, row, sisters

__all__ = [
    "Comparison",
    "Pivot",
    "Result",
    "Row",
    "Rows",
    "cell",
    "compare",
    "find",
    "list_tables",
    "row",
    "sisters",
    "table",
]
