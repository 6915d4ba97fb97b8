"""Several labels in one cell, and cells of 0 and 1: what they mean."""

import numpy as np

from keras_vit.common.wording import canonical, class_key, display
from keras_vit.data.readers.labels import MISSING, elements

# Between labels stands one of these; spaces only where none of them occurs.
MARKS = ("|", ";", ",")
YES, NO = ("1", "true", "yes"), ("0", "false", "no")


def split_texts(texts, shown, column):
    """The labels of each image, from the texts of one column.

    A list has one separator: `|`, `;` or `,`, or spaces where none of these occurs.
    Lists such as `['cat', 'dog']` are read too. An empty cell, and one that only says
    nan, none or the like, has no label.

    Args:
        texts: List of strings.
        shown: Name of the list, for messages.
        column: Name of the column.

    Returns:
        (labels, note): a list of strings for each image, and a sentence.

    Raises:
        ValueError: if two separators occur.
    """
    texts = ["" if text.lower() in MISSING else canonical(text) for text in texts]
    lists = [elements(text) for text in texts if text]
    if lists and all(found is not None for found in lists):
        labels, by = [elements(text) or [] if text else [] for text in texts], "lists"
    else:
        marks = [mark for mark in MARKS if any(mark in text for text in texts)]
        if len(marks) > 1:
            first = next(text for text in texts if marks[0] in text)
            other = next(text for text in texts if marks[1] in text)
            raise ValueError(
                f"{shown}: between the labels of an image there must be one separator "
                f"in the whole column {display(column)!r}. Received: "
                f"{display(first)!r} and {display(other)!r}"
            )
        mark = marks[0] if marks else None
        labels = [[p.strip() for p in t.split(mark) if p.strip()] for t in texts]
        by = f"the separator {mark!r}" if marks else "spaces"
    return labels, f"the labels in {display(column)!r} are told apart by {by}."


def binary(texts):
    """0 and 1 of the texts of a column, and -1 for what means neither: `int64`."""
    meaning = {text: 1 for text in YES} | {text: 0 for text in NO}
    known = {text: meaning.get(class_key(text.lower()), -1) for text in set(texts)}
    return np.asarray([known[text] for text in texts], np.int64)
