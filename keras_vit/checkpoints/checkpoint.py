"""`Checkpoint`: the arrays of a file, listed by the variables that they fill."""

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
    shape: tuple  # in the file, of one layer
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
    def settings(self):
        """The settings of the model of this package that was saved, often empty."""
        return self.config.get("settings") or {}

    @property
    def masked(self):
        """Whether it is of our masked patch prediction: an encoder, and no head."""
        return self.layout is KERAS and "prediction/kernel" in self.variables

    def __contains__(self, path):
        return path in self.variables

    def shape(self, path):
        """The shape that a variable gets, or `None` where the parts do not fit."""
        parts = self.variables[path]
        shapes = [transformed_shape(part.transform, part.shape) for part in parts]
        if None in shapes or len({s[:-1] for s in shapes}) > 1:
            return None
        if len(shapes) == 1:
            return shapes[0]
        return (*shapes[0][:-1], sum(s[-1] for s in shapes))

    def set_aside(self, path):
        """What a variable of a file of ours is that a model may lack, or `None`."""
        return self.layout.ignored_as(path) if self.layout is KERAS else None

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
    known = {PATCH_KERNEL, "root_conv/kernel"} & arrays.shapes.keys()
    # A model of this package says how it was made, a file of weights alone does not.
    if known or "family" in (arrays.config.get("settings") or {}):
        variables = {name: [Part(name, arrays.shapes[name])] for name in names}
        return Checkpoint(arrays, KERAS, variables)
    for layout in LAYOUTS:
        for prefix in layout.prefixes:
            inside = [n.removeprefix(prefix) for n in names if n.startswith(prefix)]
            if all(_any_match(anchor, inside) for anchor in layout.anchors):
                return _mapped(arrays, layout, prefix)
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


def _mapped(arrays, layout, prefix):
    """`Checkpoint` of arrays by the rows of a layout."""
    checkpoint, names = Checkpoint(arrays, layout), {}
    for raw in arrays:
        name = raw.removeprefix(prefix)
        if what := layout.ignored_as(name):
            checkpoint.ignored[raw] = what
        # The heads of PyTorch's models stand outside the prefix.
        elif name not in names and (raw.startswith(prefix) or not layout.normalised):
            names[name] = raw
        else:
            checkpoint.unknown.append(raw)
    if layout.normalised:
        names = normalised(names, arrays.shapes)
    else:
        names = {name: (raw, None) for name, raw in names.items()}
    found = {}
    for name, (raw, layer) in names.items():
        for row in layout.rows:
            numbers = row.name.numbers(name)
            if numbers is not None:
                shape = arrays.shapes[raw] if layer is None else arrays.shapes[raw][1:]
                part = Part(raw, shape, layer, row.transform, row.place)
                found.setdefault(row.path.fill(numbers), []).append(part)
                break
        else:
            checkpoint.unknown.append(raw)
    for path, parts in found.items():
        parts.sort(key=lambda part: part.place)
        places, count = [part.place for part in parts], parts[0].place[1]
        if places != [(i, count) for i in range(count)]:
            raise ValueError(
                f"{arrays.origin} is incomplete: {path} is made of {count} arrays. "
                f"Received: {[part.name for part in parts]}"
            )
        checkpoint.variables[path] = parts
    return checkpoint
