"""Fills the variables of a model from a checkpoint, strict in both directions."""

import fnmatch
import functools
import logging
import re

import keras
import numpy as np

from keras_vit.checkpoints.architecture import facts_of, stated_facts
from keras_vit.checkpoints.bounds import check_unquantized
from keras_vit.checkpoints.files.memory import (
    assign,
    handed_over,
    handed_over_together,
)
from keras_vit.checkpoints.names.layout import IMAGE_KERNELS
from keras_vit.checkpoints.names.vit import HEAD, PATCH_KERNEL, POSITIONS
from keras_vit.checkpoints.plan import position_plan
from keras_vit.checkpoints.plan.head import ZERO_HEAD, plan_head
from keras_vit.checkpoints.plan.input_kernel import plan_input_kernel
from keras_vit.checkpoints.plan.report import LoadReport
from keras_vit.models.vision_model import settings_of

logger = logging.getLogger(__name__)

# Learned positions of the first block and of later ones.
_POSITIONS = re.compile(rf"{POSITIONS}|position_embedding(?:_\d+)?/embeddings")

# The largest number of each type of variable.
_LARGEST = {"float16": 65504.0, "bfloat16": 3.3895e38, "float32": 3.4028235e38}
# Bytes of an array that is cheaper to keep than to read again, and of all of them.
_SMALL, _ALL_SMALL = 2**16, 2**25


class Plan:
    """What each variable will get; made from names and shapes alone.

    Args:
        model: A built Keras model, or a built layer.
        checkpoint: A `Checkpoint`.
        skip: Names of arrays that are not read, and may fit nothing.
        keep: Paths of variables that are not filled.

    `actions` maps the path of a variable to a function without arguments that
    returns its value; `problems` are sentences, and loading stops if there are any.
    """

    def __init__(self, model, checkpoint, skip=(), keep=()):
        self.model = model
        self.settings = settings_of(model)
        self.checkpoint = checkpoint
        self.report = LoadReport(checkpoint.origin, checkpoint.layout.name)
        self.actions = {}
        self.problems = []
        # A layer's variables have paths that begin with its own; a model's do not.
        start = "" if isinstance(model, keras.Model) else f"{model.path}/"
        # The state of random number generators is nobody's weight.
        self.variables = {
            v.path.removeprefix(start): v
            for v in model.variables
            if not v.path.endswith("seed_generator_state")
        }
        self._skip = (skip,) if isinstance(skip, str) else tuple(skip)
        keep = (keep,) if isinstance(keep, str) else tuple(keep)
        self._excluded = {
            path
            for path in {*self.variables, *checkpoint.variables}
            if _matches((path,), (*self._skip, *keep))
            or (path in checkpoint and _matches(checkpoint.names(path), self._skip))
        }
        self._left = set()
        self._finite = set()
        dtypes = {variable.dtype for variable in self.variables.values()}
        self._largest = min((_LARGEST.get(d, np.inf) for d in dtypes), default=np.inf)
        self._kept = {}
        self._small = {}
        parts = [part for p in checkpoint.variables.values() for part in p]
        self._scanned = {part.name for part in parts if part.layer is not None}
        self._variances = {
            name
            for path in checkpoint.variables
            if path.endswith("/moving_variance")
            for name in checkpoint.names(path)
        }

    def wants(self, path):
        """Whether the model has a variable of this path that is to be filled."""
        return path in self.variables and path not in self._excluded

    def has(self, path):
        """Whether the file has a value for this path that is to be read."""
        return path in self.checkpoint and path not in self._excluded

    def leave(self, *paths):
        """Leaves what the file has for these paths unread, without a complaint."""
        self._left.update(paths)

    def fits(self, path):
        """Whether the file's value has the shape of the model's variable."""
        return self.checkpoint.shape(path) == tuple(self.variables[path].shape)

    def use(self, path, action):
        self.actions[path] = action
        self.report.used.append(path)

    def misfit(self, path, why):
        names = self.checkpoint.names(path)
        shapes = [str(self.checkpoint.arrays.shapes[name]) for name in names]
        plural = "s" * (len(names) > 1)
        self.problems.append(
            f"the array{plural} {', '.join(names)} {', '.join(shapes)} {why}"
        )
        self.leave(path)

    def read(self, path):
        """A variable's value from the file."""
        return self.checkpoint.read(path, self._read_array)

    def check(self):
        """Reads every array that is to be used, and refuses what no training leaves.

        That is NaN, infinity and variances below zero.
        """
        room = _ALL_SMALL
        for path in self.report.used:
            for name in self.checkpoint.names(path):
                if name in self._finite:
                    continue
                array = self._read_array(name)
                if array.nbytes <= min(_SMALL, room):
                    self._small[name] = array
                    room -= array.nbytes

    def values(self):
        """Yields the path of each variable that gets a value, and the value.

        Its memory belongs to the variable from then on.
        """
        # In the order of the file, which scanned arrays need and disks like.
        order = {name: i for i, name in enumerate(self.checkpoint.arrays)}

        def place(path):
            known = path in self.checkpoint
            return order[self.checkpoint.names(path)[0]] if known else -1

        vectors = {}
        for path in sorted(self.actions, key=place):
            value = self.actions[path]()
            foreign = path == HEAD[0] and not self.checkpoint.settings
            if foreign and path in self.report.used and not value.any():
                self.report.notes.append(ZERO_HEAD)
                logger.warning("%s: %s", self.report.source, ZERO_HEAD)
            if value.ndim == 1 and value.nbytes <= _SMALL:
                vectors[path] = value
            else:
                yield path, handed_over(value)
        yield from zip(vectors, handed_over_together(list(vectors.values())))

    def _read_array(self, name):
        if name in self._kept:
            return self._kept[name]
        if name in self._small:  # whose memory goes to the caller
            return self._small.pop(name)
        array = self.checkpoint.arrays.read(name)
        if name not in self._finite:
            check_finite(array, name, self.checkpoint.origin, self._largest)
            if name in self._variances and array.min() < 0:
                raise ValueError(
                    "Variances must not be negative. Received: "
                    f"{name!r} of {self.checkpoint.origin} with "
                    f"{float(array.min()):.3g}. The file is damaged: fetch it again."
                )
            self._finite.add(name)
        if name in self._scanned:
            if len(self._kept) == 3:  # query, key and value are read together
                self._kept.pop(next(iter(self._kept)))
            self._kept[name] = array
        return array

    def complete(self):
        """Plans what no special rule has planned, and lists what is left over."""
        report, checkpoint = self.report, self.checkpoint
        for path, variable in self.variables.items():
            wanted = tuple(variable.shape)
            if not self.wants(path) or path in self.actions or path in self._left:
                continue
            if not self.has(path):
                self.problems.append(f"the variable {path} {wanted} has no array")
            elif self.checkpoint.shape(path) == wanted:
                self.use(path, functools.partial(self.read, path))
            else:
                self.misfit(path, f"does not fit the variable {path} {wanted}")
        for path in checkpoint.variables:
            what = None if path in self.variables else checkpoint.set_aside(path)
            if what:
                report.unused_by_design[checkpoint.names(path)[0]] = what
            elif self.has(path) and not self.wants(path) and path not in self._left:
                self.misfit(path, f"would fill {path}, which the model does not have")
            if path not in report.used:
                report.unused += checkpoint.names(path)
        for name in checkpoint.unknown:
            if not _matches((name,), self._skip):
                shape = checkpoint.arrays.shapes[name]
                self.problems.append(f"the array {name} {shape} is not known")
        report.unused += [*checkpoint.unknown, *checkpoint.ignored]
        report.unused_by_design.update(checkpoint.ignored)
        report.unfilled += [path for path in self.variables if path not in self.actions]


def make_plan(
    model,
    checkpoint,
    *,
    strict=True,
    skip=(),
    keep=(),
    position_kernel=None,
    position_grid=None,
    in_channels_rule=None,
    chosen=(),
):
    """Matches every array to a variable; reads names and shapes, no values.

    `chosen` are the arguments of the model that its user gave, which hold where the
    file does not say otherwise; the others are those of `load_weights`.

    Raises:
        ValueError: in strict mode, if anything is left over on either side or does
            not fit; the message lists all of it.
    """
    check_unquantized(model)
    plan = Plan(model, checkpoint, skip, keep)
    plan.report.notes.extend(f"The file {note}" for note in checkpoint.notes)
    _check_facts(plan, chosen)
    plan_head(plan)
    for path in (PATCH_KERNEL, *IMAGE_KERNELS):
        if plan.wants(path) and plan.has(path):
            plan_input_kernel(plan, path, in_channels_rule)
    for path in plan.variables:
        if _POSITIONS.fullmatch(path) and plan.wants(path) and plan.has(path):
            position_plan.plan_positions(plan, position_kernel, position_grid, path)
    position_plan.plan_relative_positions(plan, position_kernel)
    plan.complete()
    if plan.problems and strict:
        shown, more = plan.problems[:5], len(plan.problems) - 5
        shown += [f"and {more} more"] * (more > 0)
        raise ValueError(
            f"The weights of {checkpoint.origin} ({checkpoint.layout.name} layout) do "
            f"not fit the model {model.name!r}, which was left as it was:\n"
            + "\n".join(f"- {problem}" for problem in shown)
            + "\nBuild the model that the file describes with "
            "`keras_vit.from_checkpoint`; or pass `skip=` with names of arrays that do "
            "not count, `keep=` with paths of variables that may stay as they are. A "
            "model that lacks a part of its weights computes something else."
        )
    plan.report.notes.extend(plan.problems)
    return plan


def _check_facts(plan, chosen):
    """The model must compute what the file was trained with."""
    arguments, stated = (
        plan.settings.get("arguments", {}),
        stated_facts(plan.checkpoint),
    )
    for name, value in facts_of(plan.checkpoint).items():
        if value is None or name not in arguments or arguments[name] == value:
            continue
        ours = (
            f"the model has {name}={arguments[name]!r}: build it with {name}={value!r}"
        )
        if name in stated:
            plan.problems.append(f"the file was trained with {name}={value!r}, {ours}")
        elif name not in chosen:
            plan.problems.append(
                f"the file does not say its {name}; models of this layout have "
                f"{name}={value!r}, {ours}, or by `from_checkpoint` with {name}= of "
                "your choice"
            )


def fill(plan):
    """Assigns every value of a plan, and returns its `LoadReport`.

    Nothing is assigned before every value was read and found finite, so that the
    model stays as it was if one is not.
    """
    plan.check()
    for path, value in plan.values():
        assign(plan.variables[path], value)
    return log_report(plan)


def log_report(plan):
    """Logs what a plan did, now that it is done, and returns its `LoadReport`."""
    log = logger.warning if plan.problems else logger.debug
    log("%s", plan.report)
    return plan.report


def check_finite(array, name, origin, largest=np.inf):
    """Raises unless all numbers are finite, and stay so in the model's variables.

    Args:
        largest: Float, the largest number that every variable can hold.
    """
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(np.dot(flat, flat))  # needs no second array
    if np.isfinite(square) and square <= largest:  # so is every root
        return
    if not np.isfinite(flat).all():
        raise ValueError(
            f"Weights must be finite. Received: NaN or infinity in {name!r} of "
            f"{origin}. The run that wrote the file diverged, or it is damaged: "
            "use an earlier one, or fetch it again."
        )
    if max(abs(float(flat.min())), abs(float(flat.max()))) > largest:
        raise ValueError(
            f"Weights must be finite in the model too, whose variables hold numbers up "
            f"to {largest:.3g}. Received: larger ones in {name!r} of {origin}. The run "
            "that wrote the file diverged, or it is damaged: use an earlier one, or "
            "fetch it again."
        )


def _matches(names, patterns):
    """Whether a pattern fits one of the names, or names what it lies below."""
    return any(
        fnmatch.fnmatchcase(name, pattern)
        or name.startswith((pattern + "/", pattern + "."))
        for name in names
        for pattern in patterns
    )
