"""Arrays of a known layout, by the variables that they fill."""

import re
from dataclasses import dataclass, field

from keras_vit.checkpoints.files.arrays import Arrays
from keras_vit.checkpoints.files.memory import aligned_join
from keras_vit.checkpoints.names.layouts import FOREIGN, KERAS, LAYOUTS, Layout
from keras_vit.checkpoints.names.spelling import normalised
from keras_vit.checkpoints.names.transforms import as_is, transformed_shape
from keras_vit.checkpoints.names.vit import PATCH_KERNEL


@dataclass(frozen=True)
class Part:
    """One array of the file, or one layer of it, and its place in a variable."""

    name: str
    layer: int | None = None
    transform: object = as_is
    place: tuple = (0, 1)


@dataclass
class Checkpoint:
    """What a source holds, by the paths of variables.

    `variables` maps the path of a variable to the parts that stand side by side in
    it; `unknown` are arrays that no row of the tables names, `ignored` maps those that
    a table sets aside to what they are.
    """

    arrays: Arrays
    layout: Layout
    variables: dict = field(default_factory=dict)
    unknown: list = field(default_factory=list)
    ignored: dict = field(default_factory=dict)

    @property
    def origin(self):
        return self.arrays.origin

    @property
    def config(self):
        return self.arrays.config

    @property
    def masked(self):
        """Whether it is of our masked patch prediction: an encoder, and no head."""
        return self.layout is KERAS and "prediction/kernel" in self.variables

    def __contains__(self, path):
        return path in self.variables

    def raw_shape(self, path):
        """The shape in the file of the first part of a variable."""
        part = self.variables[path][0]
        shape = self.arrays.shapes[part.name]
        return shape if part.layer is None else shape[1:]

    def shape(self, path):
        """The shape that a variable gets, or `None` where the parts do not fit."""
        shapes = []
        for part in self.variables[path]:
            shape = self.arrays.shapes[part.name]
            shape = shape if part.layer is None else shape[1:]
            shapes.append(transformed_shape(part.transform, shape))
        if None in shapes or len({s[:-1] for s in shapes}) > 1:
            return None
        if len(shapes) == 1:
            return shapes[0]
        return (*shapes[0][:-1], sum(s[-1] for s in shapes))

    def set_aside(self, path):
        """What a variable of a file of ours is that a model may lack, or `None`."""
        return _ignored_as(path, self.layout) if self.layout is KERAS else None

    def names(self, path):
        """The names in the file of the arrays of a variable."""
        return [part.name for part in self.variables[path]]

    def read(self, path, read=None):
        """The value of a variable; `read` gives an array by its name in the file."""
        read = read or self.arrays.read
        pieces = []
        for part in self.variables[path]:
            array = read(part.name)
            array = array if part.layer is None else array[part.layer]
            pieces.append(part.transform(array))
        return pieces[0] if len(pieces) == 1 else aligned_join(pieces)


def recognise(arrays):
    """`Checkpoint` of arrays whose names and shapes belong to a known layout.

    Raises:
        ValueError: if no layout fits; the message says what the names look like.
    """
    names = list(arrays)
    if PATCH_KERNEL in arrays.shapes or "root_conv/kernel" in arrays.shapes:
        variables = {name: [Part(name)] for name in names}
        return Checkpoint(arrays, KERAS, variables)
    for layout in LAYOUTS:
        for prefix in layout.prefixes:
            stripped = {n[len(prefix) :]: n for n in names if n.startswith(prefix)}
            if all(_any_match(anchor, stripped) for anchor in layout.anchors):
                return _mapped(arrays, layout, prefix, stripped)
    for pattern, what in FOREIGN:
        if _any_match(pattern, names):
            raise ValueError(
                f"{arrays.origin} holds {what}, for which keras_vit has no model."
            )
    shown = ", ".join(map(repr, names[:5])) or "none"
    raise ValueError(
        f"{arrays.origin} does not look like weights of a ViT, hybrid or BiT model in "
        f"any layout that keras_vit knows ({', '.join(o.name for o in LAYOUTS)}). "
        f"Its first names: {shown}."
    )


def _any_match(pattern, names):
    pattern = re.compile(pattern)
    return any(pattern.fullmatch(name) for name in names)


def _mapped(arrays, layout, prefix, stripped):
    checkpoint = Checkpoint(arrays, layout)
    outside = [n for n in arrays if not n.startswith(prefix)]
    names = {}
    if not layout.normalised:  # PyTorch's heads stand outside the prefix
        stripped |= {raw: raw for raw in outside}
        outside = []
    for name, raw in stripped.items():
        if what := _ignored_as(name, layout):
            checkpoint.ignored[raw] = what
        else:
            names[name] = raw
    for raw in outside:
        if what := _ignored_as(raw, layout):
            checkpoint.ignored[raw] = what
        else:
            checkpoint.unknown.append(raw)
    if layout.normalised:
        names = normalised(names, arrays.shapes)
    else:
        names = {name: (raw, None) for name, raw in names.items()}
    rows = [(_row_pattern(row[0]), *row[1:]) for row in layout.rows]
    found = {}
    for name, (raw, layer) in names.items():
        for pattern, path, transform, *place in rows:
            if match := pattern.fullmatch(name):
                path = _row_path(path, match.groupdict())
                place = place[0] if place else (0, 1)
                found.setdefault(path, []).append(Part(raw, layer, transform, place))
                break
        else:
            checkpoint.unknown.append(raw)
    for path, parts in found.items():
        parts = sorted(parts, key=lambda part: part.place)
        places = [part.place for part in parts]
        if places != [(i, places[0][1]) for i in range(places[0][1])]:
            raise ValueError(
                f"{arrays.origin} is incomplete: {path} is made of {places[0][1]} "
                f"arrays. Received: {[part.name for part in parts]}"
            )
        checkpoint.variables[path] = parts
    return checkpoint


def _ignored_as(name, layout):
    """What an array is that the layout sets aside, or `None`."""
    return next((w for p, w in layout.ignored if re.fullmatch(p, name)), None)


def _row_pattern(text):
    """A row's name in the file as a regular expression."""
    text = re.escape(text).replace(r"\{", "{").replace(r"\}", "}")
    text = re.sub(r"\{(\w):02d\}", r"(?P<\1>\\d{2,})", text)
    return re.compile(re.sub(r"\{(\w)\}", r"(?P<\1>0|[1-9]\\d*)", text))


def _row_path(text, numbers):
    """A row's path with its numbers filled in."""

    def number(match):
        value = int(numbers[match[1]]) + int(match[2] or 0)
        return f"{value:02d}" if match[3] else str(value)

    return re.sub(r"\{(\w)(\+1)?(:02d)?\}", number, text)
