"""The weight of each class in the loss: balanced, or as a file says."""

import csv
import io
import json
import math

import numpy as np

from keras_vit.common.checks import is_number
from keras_vit.common.regular import NotRegular, read_regular
from keras_vit.common.wording import class_key, display, hint, printable, shortened

BALANCED = "balanced"


def weights_of_classes(given, class_names, count):
    """The weights of a recipe, one for each class.

    Args:
        given: `Recipe.class_weights`: `"balanced"`, the path of a file, or JSON.
        class_names: List of strings.
        count: Function without arguments: how much the training part holds of each
            class, `(classes,)`. Called for balanced weights only.

    Returns:
        List of floats, or `None` if nothing is given.

    Raises:
        ValueError: if there is no such file, it cannot be read, or names what is no
            class.
    """
    if given is None:
        return None
    if given == BALANCED:
        return balanced_weights(count())
    if given.lstrip().startswith("{"):
        pairs, where = _of_json(given, "`class_weights`"), "`class_weights`"
    else:
        pairs, where = _of_file(given), display(given)
    return _by_class(pairs, class_names, where)


def balanced_weights(counts):
    """`all / (classes * count)` for each class, as scikit-learn has it.

    Their mean over all that was counted is 1. Classes of which there is nothing do not
    count as classes, and get 1.

    Args:
        counts: Integers `(classes,)`.

    Example:

    >>> balanced_weights([30, 10])
    [0.6667, 2.0]
    """
    counts = np.asarray(counts, "float64")
    present = counts > 0
    each = counts.sum() / max(1, present.sum())
    return np.where(present, each / np.where(present, counts, 1), 1.0).tolist()


def listed(weights):
    """Weights by name for people: the first ten, and how many more there are."""
    items = [f"{display(name)} {weight:.3g}" for name, weight in weights.items()]
    more = f", {len(items) - 10} more" if len(items) > 10 else ""
    return ", ".join(items[:10]) + more


def _of_json(text, where):
    try:
        found = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        reason = printable(str(error))
        raise ValueError(f"{where} is no JSON: {reason}.") from None
    if not isinstance(found, list) or not all(isinstance(x, tuple) for x in found):
        raise ValueError(
            f'{where} must be an object of class names and weights, such as {{"cat": '
            f'1, "dog": 2.5}}. Received: {shortened(text, 60)}'
        )
    return found


def _of_file(path):
    """`(name, weight)` for each line of a CSV file, or each entry of a JSON file."""
    try:
        text = read_regular(path).decode("utf-8-sig")
    except NotRegular as error:
        raise ValueError(
            "`class_weights` must be 'balanced' or a file of class names and weights. "
            f"Received: {display(path)!r}, {error.reason}.{hint(path, [BALANCED])}"
        ) from None
    except ValueError:
        raise ValueError(f"{display(path)} is no text in UTF-8.") from None
    if text.lstrip().startswith("{"):
        return _of_json(text, display(path))
    rows = [row for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
    pairs = []
    for number, row in enumerate(rows):
        try:
            name, weight = row
            pairs.append((name.strip(), float(weight)))
        except ValueError:
            if number == 0 and len(row) == 2:  # the names of the columns
                continue
            raise ValueError(
                f"Each line of {display(path)} must be a class name, a comma and a "
                f"number. Received: {shortened(','.join(row), 60)}"
            ) from None
    return pairs


def _by_class(pairs, class_names, where):
    places = {class_key(name): place for place, name in enumerate(class_names)}
    weights, seen = [1.0] * len(class_names), set()
    for name, weight in pairs:
        place = places.get(class_key(name))
        if place is None:
            raise ValueError(
                f"{where} names a class that the data lack: {shortened(name, 60)!r}."
                f"{hint(str(name), class_names)} The classes: "
                f"{shortened(', '.join(class_names), 200)}"
            )
        if place in seen:
            raise ValueError(f"{where} names the class {class_names[place]!r} twice.")
        if not (is_number(weight) and math.isfinite(weight) and weight >= 0):
            raise ValueError(
                "The weight of a class must be a number of at least 0, and finite. "
                f"Received: {weight!r} for {class_names[place]!r} in {where}"
            )
        seen.add(place)
        weights[place] = float(weight)
    if not any(weights):
        raise ValueError(f"{where} gives every class the weight 0: nothing is learned.")
    return weights
