"""Labels of a list as other programs write them: whole numbers, gaps, several."""

import collections
import re

from keras_vit.common.wording import canonical, display, whole_number

# What stands for a label that is missing: in a list of numbers always, in one of words
# perhaps ("none" may be a class).
MISSING = ("nan", "-nan", "<na>", "nat", "#n/a", "null", "na", "n/a", "none", "nil")
SURELY_MISSING = MISSING[:6]

# What stands between several labels. Beside the first ones, a part of two is known for
# a label; beside the others, which names have too, it must stand alone as well.
SEPARATORS = (("|", True), (";", True), (",", True), (None, True))
SEPARATORS += tuple((mark, False) for mark in ("/", "+", "&", "_", "-"))

NAMED = 3
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?")
_LIST = re.compile(r"\[.*\]|\(.*\)|\{.*\}", re.DOTALL)


def read_labels(labels):
    """What the texts of a column of labels mean.

    Args:
        labels: List of strings, none of them empty.

    Returns:
        (labels, missing, notes, warnings): the labels, in one Unicode form, numbers
        that are whole written so; the places of those that stand for a missing one; and
        sentences.
    """
    labels = [canonical(label) for label in labels]
    counts = collections.Counter(labels)
    gaps = {label for label in counts if label.lower() in MISSING}
    if len(gaps) < len(counts) and all(map(_NUMBER.fullmatch, set(counts) - gaps)):
        missing = [place for place, label in enumerate(labels) if label in gaps]
        if missing:
            return labels, missing, (), ()
    new, notes = _meant(counts)
    if new:
        labels = [new[label] for label in labels]
        counts = collections.Counter(labels)
    warnings = [*_gaps(counts), *_numbers(counts), *_several(counts)]
    return labels, [], notes, tuple(warnings)


def _meant(counts):
    """({label: what it means}, notes); empty where labels mean what they say."""
    wholes = {label: whole_number(label) for label in counts}
    as_floats = [label for label in counts if re.search(r"[.,eE+]", label)]
    commas = {"," in label for label in counts}  # 1,0 beside 0 and 1 may be both
    if None not in wholes.values() and as_floats and len(commas) == 1:
        label = as_floats[0]
        few = sorted(map(int, set(wholes.values())))[: NAMED + 1]
        names = ", ".join(map(str, few[:NAMED])) + ", ..." * (len(few) > NAMED)
        note = f"whole numbers are written as {label}: the classes are {names}."
        return wholes, (note,)
    if {label.lower() for label in counts} <= {"true", "false"} and len(counts) > 2:
        return {label: label.capitalize() for label in counts}, ()
    single = {label: elements(label) for label in counts}
    if all(e and len(e) == 1 and label[0] == "[" for label, e in single.items()):
        label = next(iter(counts))
        note = (
            f"labels such as {display(label)} are lists of one: their element counts."
        )
        return {label: elements[0] for label, elements in single.items()}, (note,)
    return {}, ()


def _gaps(counts):
    for label in counts:
        if label.lower() in SURELY_MISSING:
            yield (
                f"the label {label!r} (images: {counts[label]:,}) is what programs "
                "write where a label is missing; here it is a class. Leave these rows "
                "out if it is none."
            )


def _numbers(counts):
    """Warnings about numbers that are written in two ways, or are not whole."""
    values = collections.defaultdict(list)
    for label in counts:
        if _NUMBER.fullmatch(label):
            values[float(label.replace(",", "."))].append(label)
    for same in values.values():
        if len(same) > 1:
            yield (
                f"the labels {' and '.join(map(repr, same[:NAMED]))} are the same "
                f"number and {len(same)} classes. Write them alike if they are one."
            )
            break
    numbers = [label for labels in values.values() for label in labels]
    broken = [label for label in numbers if whole_number(label) is None]
    if broken and len(numbers) == len(counts):
        yield (
            f"labels such as {broken[0]} are numbers that are not whole. Each of the "
            f"{len(counts):,} is a class of its own: measured values are not learned."
        )


def _several(counts):
    """A warning where labels are made of others: several labels an image, perhaps."""
    made = _made_of_others(counts)
    if not made:
        return
    first = next(iter(made))
    parts = [display(part) for part in dict.fromkeys(made[first])]
    images = sum(counts[label] for label in made)
    others = f", and {len(made) - 1:,} others are made so" if len(made) > 1 else ""
    yield (
        f"the label {display(first)!r} is made of the labels {', '.join(parts[:-1])} "
        f"and {parts[-1]}{others} (images: {images:,}). This looks like several labels "
        "an image, of which one is learned: each combination is a class of its own. If "
        "so, give task='multilabel' (--task multilabel). If it is one label, all is "
        "well."
    )


def _made_of_others(counts):
    """{label: its parts} of the labels that are made of other ones."""
    lists = {label: e for label in counts if (e := elements(label)) and len(e) > 1}
    if lists:
        return lists
    for separator, among_themselves in SEPARATORS:
        parts = {}
        for label in counts:
            found = [part.strip() for part in label.split(separator)]
            found = [part for part in found if part]
            if len(set(found)) > 1:
                parts[label] = found
        uses = collections.Counter(p for found in parts.values() for p in set(found))
        known = set(counts) - set(parts)
        if among_themselves:
            known |= {part for part, count in uses.items() if count > 1}
        made = {label: f for label, f in parts.items() if known.issuperset(f)}
        if made:
            return made
    return {}


def elements(label):
    """The elements of a list that is written as text, or None."""
    if not _LIST.fullmatch(label):
        return None
    elements = re.split(r"\s*,\s*", label[1:-1].strip().strip(","))
    return [e.strip().strip("'\"") for e in elements if e.strip()]
