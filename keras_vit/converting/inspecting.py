"""`inspect_checkpoint`: what a file holds, found without building a model."""

import inspect
import math
import os
from dataclasses import asdict, dataclass, field

from keras_vit.checkpoints.architecture import arguments_of, family_of
from keras_vit.checkpoints.opening import open_arrays, open_source
from keras_vit.checkpoints.registry import find_source
from keras_vit.common.tables import aligned
from keras_vit.converting.pickled import open_pickled
from keras_vit.models.changes.rebuilding import builder_for, missing_arguments
from keras_vit.models.variants.identify import variant_of

SHOWN = 5  # of many names


@dataclass(frozen=True)
class ArrayInfo:
    """One array of a file: what it is called there, and what it is for.

    `fills` is the path of the variable that it fills, alone or with others; or, in
    brackets, why it is not read.
    """

    name: str
    shape: tuple
    type: str
    fills: str = ""


@dataclass
class Inspection:
    """What `keras_vit.inspect_checkpoint` found; prints as text.

    Attributes:
        source: String, the file.
        kind: String, the container.
        arrays: List of `ArrayInfo`, in the order of the file.
        layout: String, whose names they are; `None` where no layout fits.
        model: String, the published model of these sizes, or the family.
        arguments: Dictionary, what the file tells of the constructor's arguments.
        images: Dictionary, what it says of the images that it was trained with;
            `None` where it does not say.
        class_names: List of strings, or `None`.
        notes: List of sentences about choices that were made.
        missing: Names of the arguments that must be passed, as no part of the file
            tells them.
        refused: String, why the file is not loaded; `None` where nothing is wrong.
    """

    source: str
    kind: str = "unknown file"
    arrays: list = field(default_factory=list)
    layout: str | None = None
    model: str | None = None
    arguments: dict = field(default_factory=dict)
    images: dict | None = None
    class_names: list | None = None
    notes: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    refused: str | None = None

    def to_json(self):
        """The findings as a dictionary that JSON can hold."""
        return asdict(self)

    def __str__(self):
        numbers = sum(math.prod(array.shape) for array in self.arrays)
        count = f"{len(self.arrays)} arrays of {numbers:,} numbers"
        lines = [f"{self.source}: {self.kind}, {count}", ""]
        lines += [aligned(list(self._facts()), left=2)]
        if self.arrays:
            rows = [(a.name, str(a.shape), a.type, a.fills) for a in self.arrays]
            lines += ["", aligned([("array", "shape", "type", "fills"), *rows])]
        return "\n".join(lines)

    def _facts(self):
        """Rows of a title and a text."""
        yield "layout", self.layout or "none that keras_vit knows"
        if self.model:
            yield "model", self.model
        for name, value in self.arguments.items():
            yield name, repr(value)
        for name, value in (self.images or {}).items():
            yield f"images: {name}", repr(value)
        told = self.images is not None or "input_scaling" in self.arguments
        if self.arguments and not told:
            yield "images", "nothing is said: [-1, 1] without --input-scaling"
        if self.class_names:
            more = ", ..." * (len(self.class_names) > SHOWN)
            names = ", ".join(map(str, self.class_names[:SHOWN]))
            yield "class names", f"{len(self.class_names)}: {names}{more}"
        for note in self.notes:
            yield "note", note
        if self.missing:
            options = ", ".join("--" + name.replace("_", "-") for name in self.missing)
            yield "missing", f"{', '.join(self.missing)}: pass {options}"
        if self.refused:
            yield "refused", self.refused


def inspect_checkpoint(source, *, average=None, offline=None, **arguments):
    """What a checkpoint holds, and what must be given beside it; builds nothing.

    Args:
        source: Anything that `keras_vit.convert` takes.
        average: Boolean, see `keras_vit.load_weights`.
        offline: Boolean, see `keras_vit.load_weights`.
        **arguments: Arguments that will be passed to `keras_vit.from_checkpoint`, and
            so are not missing.

    Returns:
        An `Inspection`, also of a file that is refused: as much as was found, and the
        reason.

    Raises:
        ValueError: if there is no such file.

    Example:

    >>> print(keras_vit.inspect_checkpoint("dino_deitsmall16.safetensors"))
    """
    if isinstance(source, (str, bytes, os.PathLike)):
        source = find_source(os.fsdecode(source), offline=offline)
    name = source if isinstance(source, str) else type(source).__name__
    found = Inspection(str(name))
    try:
        _look(source, average, arguments, found)
    except (ValueError, OSError, ImportError) as error:
        found.refused = str(error)
    return found


def _look(source, average, given, found):
    """Fills an `Inspection`, as far as one gets."""
    arrays = open_arrays(open_pickled(source))
    found.source, found.kind = arrays.origin, arrays.kind
    types = arrays.types
    found.arrays += [
        ArrayInfo(name, tuple(shape), types.get(name, ""))
        for name, shape in arrays.shapes.items()
    ]
    checkpoint = open_source(arrays, average)
    found.layout = checkpoint.layout.name
    uses = _uses(checkpoint)
    found.arrays[:] = [
        ArrayInfo(a.name, a.shape, a.type, uses.get(a.name, "(not known)"))
        for a in found.arrays
    ]
    family = family_of(checkpoint)
    told = {**arguments_of(checkpoint), **given}
    found.model = (
        variant_of(family, told) or f"none that is published, of the family {family!r}"
    )
    found.arguments = {n: value for n, value in told.items() if value is not None}
    builder = builder_for(family, checkpoint)
    known = inspect.signature(builder).parameters if builder else {}
    found.missing = list(missing_arguments(told, known))
    if checkpoint.preparation:
        found.images = asdict(checkpoint.preparation)
    elif checkpoint.layout.usual_scaling or checkpoint.settings:
        found.images = {}  # as this package takes them
    own = checkpoint.config.get("metadata") or {}
    found.class_names = checkpoint.class_names or own.get("class_names")
    found.notes = list(checkpoint.notes)
    if checkpoint.unknown:
        names = ", ".join(checkpoint.unknown[:SHOWN])
        found.refused = (
            f"{len(checkpoint.unknown)} arrays are not known, and the outputs may "
            f"depend on them: {names}. Pass those that may stay unread as `skip=` to "
            "`keras_vit.from_checkpoint`."
        )


def _uses(checkpoint):
    """Of each array of the file, the variable that it fills or why it fills none."""
    uses = {name: f"({what})" for name, what in checkpoint.ignored.items()}
    for path, parts in checkpoint.variables.items():
        aside = checkpoint.set_aside(path)
        for part in parts:
            uses[part.name] = f"({aside})" if aside else path
    return uses
