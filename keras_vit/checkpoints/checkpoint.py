"""`Checkpoint`: the arrays of a file, listed by the variables that they fill."""

import dataclasses
import functools
import re
from dataclasses import dataclass, field

import numpy as np

from keras_vit.checkpoints.configs import described
from keras_vit.checkpoints.files.arrays import Arrays
from keras_vit.checkpoints.files.memory import aligned_join
from keras_vit.checkpoints.names.foreign import absent_kind, foreign_kind
from keras_vit.checkpoints.names.layouts import KERAS, LAYOUTS, Layout
from keras_vit.checkpoints.names.spelling import normalised
from keras_vit.checkpoints.names.transforms import (
    as_is,
    behind_to_front,
    channels_last,
    half,
    transformed_shape,
)
from keras_vit.checkpoints.names.vit import (
    DISTILLED_HEAD,
    HEAD,
    PATCH_KERNEL,
    REGISTER_TOKENS,
)
from keras_vit.checkpoints.names.wrappers import average_root, outer, towers
from keras_vit.checkpoints.preparation import Preparation

_BLOCKS = 1000  # far more than models have


@dataclass(frozen=True)
class Part:
    """One array of the file, or one layer of it, and its place in a variable."""

    name: str
    shape: tuple  # in the file, of one layer
    layer: int | None = None
    transform: object = as_is
    place: tuple = (0, 1)
    axis: int | None = -1  # along which the parts stand; `None`: they are added


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
    notes: list = field(default_factory=list)  # sentences on choices that were made
    published: Preparation | None = None  # what the table of published files says

    @functools.cached_property
    def described(self):
        """What the configuration beside the file says, as `configs.Description`."""
        return described(self.config, self.layout, self)

    @property
    def preparation(self):
        """How images were prepared for these weights, `None` where nothing says it.

        The file's own word goes before that of the table of published files, and both
        before what the project always does.
        """
        return self.described.preparation or self.published or self.layout.preparation

    @property
    def input_scaling(self):
        """`(mean, deviation)` of images in [0, 1] that the weights want, or `None`.

        `None` for images in [-1, 1], and where nothing says it.
        """
        if self.settings:
            return self.settings["arguments"].get("input_scaling")
        known = self.preparation
        return None if known is None else (known.mean, known.deviation)

    @property
    def class_names(self):
        """The names of the classes, or `None`."""
        return self.described.class_names

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
        axis = parts[0].axis
        if None in shapes or len({_without(s, axis) for s in shapes}) > 1:
            return None
        if len(shapes) == 1 or axis is None:
            return shapes[0]
        joined = list(shapes[0])
        joined[axis] = sum(s[axis] for s in shapes)
        return tuple(joined)

    def length(self, path, axis):
        """The length of an axis of a variable, or `None` where the file has none.

        Raises:
            ValueError: if what the file has cannot be such a variable.
        """
        if path not in self:
            return None
        shape = self.shape(path)
        if shape is None or not -len(shape) <= axis < len(shape):
            names = ", ".join(self.names(path))
            shapes = ", ".join(str(part.shape) for part in self.variables[path])
            raise ValueError(
                f"{self.origin} is damaged: {path} has other axes. Received: {names} "
                f"of shape {shapes}. Fetch it again, or save it anew with the program "
                "that wrote it."
            )
        return shape[axis]

    def numbers(self, pattern):
        """The numbers in the paths of variables that a pattern matches."""
        found = (re.fullmatch(pattern, path) for path in self.variables)
        return [tuple(map(int, match.groups())) for match in found if match]

    def set_aside(self, path):
        """What a variable of a file of ours is that a model may lack, or `None`."""
        if self.layout is KERAS:
            return self.layout.ignored_as(path)
        aside = self.described.aside
        return next((what for start, what in aside if path.startswith(start)), None)

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
        axis = self.variables[path][0].axis
        if len(pieces) == 1:
            return pieces[0]
        if axis is None:
            return sum(pieces)
        return aligned_join(pieces) if axis == -1 else np.concatenate(pieces, axis)


def recognise(arrays, average=None):
    """`Checkpoint` of arrays whose names and shapes belong to a known layout.

    Args:
        arrays: `Arrays`.
        average: Boolean or `None`, whether to take a moving average of the weights
            where the file has one. `None` takes it where there is nothing else.

    Raises:
        ValueError: if no layout fits, or the file is of a kind that this package has
            no model for; the message says what the names look like.
    """
    names = list(arrays)
    known = {PATCH_KERNEL, "root_conv/kernel"} & arrays.shapes.keys()
    # A model of this package says how it was made, a file of weights alone does not.
    if known or "family" in (arrays.config.get("settings") or {}):
        variables = {name: [Part(name, arrays.shapes[name])] for name in names}
        return Checkpoint(arrays, KERAS, variables)
    for layout in LAYOUTS:
        if prefixes := towers(layout.anchors, names):
            checkpoint = Checkpoint(arrays, layout)
            _map(checkpoint, *_tower(checkpoint, prefixes, average))
            return checkpoint
    if found := foreign_kind(names):
        raise _foreign(arrays.origin, *found)
    shown = ", ".join(map(repr, names[:5])) or "none"
    layouts = ", ".join(dict.fromkeys(layout.name for layout in LAYOUTS))
    raise ValueError(
        f"{arrays.origin} does not look like weights of a ViT, hybrid, BiT or another "
        f"model in any layout that keras_vit knows ({layouts}). "
        f"Its first names: {shown}. Pass the model's weights under the names that one "
        "of these projects gives them."
    )


def _without(shape, axis):
    """A shape without the axis along which parts stand side by side."""
    if axis is None or not shape:
        return shape
    return shape[:-1] if axis == -1 else shape[1:]


def _foreign(origin, kind, names):
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return ValueError(
        f"{origin} holds {kind}; keras_vit cannot load it. The arrays that show it: "
        f"{shown}."
    )


def _tower(checkpoint, prefixes, average):
    """The prefix of the tower to take, and a function to what is outside of it.

    That function gives what a name is of, or `None` where it may be of the tower.
    """
    averages = [p for p in prefixes if average_root(p)]
    plain = [p for p in prefixes if p not in averages]
    if average and not averages:
        raise ValueError(
            "`average=True` needs a file with a moving average of its weights. "
            f"Received: {checkpoint.origin}, which has none that is recognised."
        )
    chosen = averages if average or not plain else plain
    if len(chosen) > 1:
        raise ValueError(
            f"{checkpoint.origin} holds several models, with names that begin with "
            f"{', '.join(map(repr, chosen))}. Pass a dictionary of the arrays of one."
        )
    prefix = chosen[0]
    if averages and plain:
        taken, other = ("the average", False) if average else ("the weights", True)
        checkpoint.notes.append(
            f"holds weights ({plain[0]!r}...) and a moving average of them "
            f"({averages[0]!r}...). Took {taken}; pass `average={other}` for the other."
        )
    root = average_root(prefix)

    def outside(name):
        if root is None and average_root(name):
            return "a moving average of the weights"
        if root and plain and not name.startswith(root):
            return "what stands beside the moving average that was taken"
        return None

    return prefix, outside


def _map(checkpoint, prefix, outside):
    """Fills a `Checkpoint` by the rows of its layout."""
    arrays, layout = checkpoint.arrays, checkpoint.layout
    names, around = {}, []
    for raw in arrays:
        if what := outside(raw):
            checkpoint.ignored[raw] = what
        elif not raw.startswith(prefix):
            around.append(raw)
        elif what := layout.ignored_as(raw.removeprefix(prefix)):
            checkpoint.ignored[raw] = what
        else:
            names[raw.removeprefix(prefix)] = raw
    # The heads of PyTorch's models stand outside the prefix.
    for raw in around:
        name = next(raw.removeprefix(p) for p in outer(prefix) if raw.startswith(p))
        if what := layout.ignored_as(name) or layout.ignored_as(raw):
            checkpoint.ignored[raw] = what
        elif name not in names and not layout.normalised:
            names[name] = raw
        else:
            checkpoint.unknown.append(raw)
    if layout.normalised:
        names = normalised(names, arrays.shapes)
    else:
        if layout.renamed:
            names = layout.renamed(names, arrays.shapes)
        names = _unstacked(names, arrays.shapes, layout.stacked)
    found = {}
    for name, (raw, layer) in names.items():
        known = False
        for row in layout.rows:
            numbers = row.name.numbers(name)
            if numbers is not None:
                shape = arrays.shapes[raw] if layer is None else arrays.shapes[raw][1:]
                part = Part(raw, shape, layer, row.transform, row.place, row.axis)
                found.setdefault(row.path.fill(numbers), []).append(part)
                known = True
        if not known:
            checkpoint.unknown.append(raw)
    if kind := foreign_kind(checkpoint.unknown):
        raise _foreign(checkpoint.origin, *kind)
    for path, parts in found.items():
        parts.sort(key=lambda part: part.place)
        places, count = [part.place for part in parts], parts[0].place[1]
        if places != [(i, count) for i in range(count)]:
            raise ValueError(
                f"{arrays.origin} is incomplete: {path} is made of {count} arrays. "
                f"Received: {[part.name for part in parts]}. Fetch it again, or save "
                "it anew with the program that wrote it."
            )
        checkpoint.variables[path] = parts
    _fold_heads(checkpoint)
    _reorder_flattened(checkpoint)
    if layout.tokens_behind:
        _move_to_front(checkpoint)
    if kind := absent_kind(checkpoint.variables, layout.absent):
        what, path = kind
        raise _foreign(checkpoint.origin, what, checkpoint.names(path))


def _unstacked(names, shapes, stacked):
    """`{name: (name in the file, which of its items)}`, and `None` for the whole."""
    found = {}
    for name, raw in names.items():
        shape = shapes[raw]
        if name in stacked and len(shape) == 4 and shape[0] <= _BLOCKS:
            found |= {f"{name}.{i}": (raw, i) for i in range(shape[0])}
        else:
            found[name] = raw, None
    return found


def _move_to_front(checkpoint):
    """Puts the positions of tokens that a file has behind the patches before them."""
    tokens = checkpoint.length(REGISTER_TOKENS, 1) or 0
    move = functools.partial(behind_to_front, tokens=tokens)
    for path, parts in checkpoint.variables.items():
        shape = parts[0].shape
        if path.endswith("/embeddings") and len(shape) == 3 and shape[1] > tokens:
            moved = dataclasses.replace(parts[0], transform=move)
            checkpoint.variables[path] = [moved]


def _reorder_flattened(checkpoint):
    """Lets dense layers read rows, columns, channels where the file's do otherwise."""
    variables = checkpoint.variables
    for dense, before in checkpoint.layout.flattened:
        if dense in variables and before in variables:
            channels = (checkpoint.shape(before) or (1,))[-1]
            (part,) = variables[dense]
            reorder = functools.partial(channels_last, channels=channels)
            variables[dense] = [dataclasses.replace(part, transform=reorder)]


def _fold_heads(checkpoint):
    """Makes one head of two whose outputs are averaged, as DeiT's.

    The head reads class and distillation token side by side: `(2 D, classes)`.
    """
    for path, other, axis in zip(HEAD, DISTILLED_HEAD, (0, None)):
        second = checkpoint.variables.pop(other, None)
        if second is None:
            continue
        if path not in checkpoint.variables:
            raise ValueError(
                f"{checkpoint.origin} is incomplete: it has one of two heads that are "
                f"averaged. Received: {second[0].name}"
            )
        parts = [*checkpoint.variables[path], *second]
        checkpoint.variables[path] = [
            dataclasses.replace(part, transform=half, place=(i, len(parts)), axis=axis)
            for i, part in enumerate(parts)
        ]
