"""Bounds of what a file may claim, before a model is built from it.

They are far beyond every model in use. Files are not trusted: without bounds a few
bytes could ask for a model that no machine holds.
"""

import itertools
import math
import re

from keras_vit.checkpoints.files.errors import Refused
from keras_vit.checkpoints.names import vit as paths
from keras_vit.common.checks import is_integer, is_number

_ARRAYS = 100_000
_NAME = 500  # characters
_LAYERS = 1000
_PIXELS = 2**28  # of an image, 16,384 by 16,384
_PATCHES = 65_536  # 4096 by 4096 pixels in patches of 16
_RELATIVE_PATCHES = 4096  # which have a table of pairs
_POSITIONS = 2**28  # numbers in a table
_CLASSES = 100_000
_SIDE = 2**20  # of a kernel
# What counts the parts of a model, and what measures them.
_NUMBERED = (
    (re.compile(r"block_(\d+)/.*"), 0),
    (re.compile(r"mask_transformer/block_(\d+)/.*"), 0),
    (re.compile(r"stage(\d+)_unit\d+/.*"), 1),
    (re.compile(r"stage\d+_unit(\d+)/.*"), 1),
    (re.compile(r"conv(\d+)_block\d+/.*"), 2),
    (re.compile(r"conv\d+_block(\d+)/.*"), 1),
    (re.compile(r"block(\d+)_conv\d+/.*"), 1),
    (re.compile(r"block\d+_conv(\d+)/.*"), 1),
    (re.compile(r"down(\d+)_\w+/.*"), 0),
    (re.compile(r"up(\d+)_\w+/.*"), 1),
)
# Arguments that count parts of a model, and such that measure kernels: integers, or
# sequences of them, of which the sum is bounded.
_COUNTS = ("num_layers", "num_blocks", "num_convs", "register_tokens")
_COUNTS += ("decoder_layers", "detection_tokens", "head_layers")
_SIDES = ("hidden_dim", "mlp_dim", "num_heads", "num_channels", "representation_size")
_SIDES += ("stem_width", "stage_widths", "top_width", "widths", "upconv_widths")
_SIDES += ("hidden_dims", "planes")
_SIDES += ("head_width", "decoder_heads", "decoder_mlp_dim", "decoder_widths")
_EPSILONS = ("epsilon", "group_norm_epsilon", "standardization_epsilon")
_EPSILONS += ("batch_norm_epsilon",)
_EPSILON = 0.1  # all in use are 1e-3 or less
_STACK = "Transformer/encoderblock/"


def check_arrays(arrays):
    """Raises unless names and shapes of arrays can be those of a model.

    Args:
        arrays: An `Arrays`; nothing is read.
    """
    if len(arrays) > _ARRAYS:
        raise Refused(
            f"{arrays.origin} holds {len(arrays):,} arrays, more than any model. Save "
            "the model's weights alone."
        )
    for name, shape in arrays.shapes.items():
        if not name.isprintable() or len(name) > _NAME:
            raise Refused(
                f"{arrays.origin} holds an array whose name no program gives. "
                f"Received: {name[:100]!r}. Fetch the file again."
            )
        if _STACK in f"/{name}" and shape and shape[0] > _LAYERS:
            raise _too_many(arrays.origin, "layers", shape[0], _LAYERS)


def check_unquantized(model):
    """Raises if a model is quantized: what its weights stand for Keras alone knows."""
    for layer in model._flatten_layers():
        mode = getattr(layer.dtype_policy, "quantization_mode", None)
        if mode and layer.variables:
            raise ValueError(
                f"The weights of the model {model.name!r} are quantized ({mode}), and "
                "can neither be loaded nor taken to other models. Use the model from "
                "before `quantize`, and quantize it afterwards."
            )


def check_blocks(checkpoint):
    """Raises unless blocks, and the units of stages, are counted without a gap.

    Args:
        checkpoint: A `Checkpoint`.
    """
    for path, parts in checkpoint.variables.items():
        if 0 in (checkpoint.shape(path) or ()):
            raise Refused(
                f"The array {parts[0].name!r} of {checkpoint.origin} is empty. Fetch "
                "the file again, or save it anew with the program that wrote it."
            )
    for pattern, first in _NUMBERED:
        found = {
            (path[: match.start(1)], int(match[1])): parts[0].name
            for path, parts in checkpoint.variables.items()
            if (match := pattern.fullmatch(path))
        }
        for _, group in itertools.groupby(sorted(found), key=lambda item: item[0]):
            group = list(group)
            for expected, item in enumerate(group, first):
                if item[1] != expected:
                    raise Refused(
                        f"{checkpoint.origin} lacks a part of the model: its blocks "
                        f"are not numbered in turn. Received: {found[item]!r}, and "
                        f"none before it with the number {expected}. Fetch the file "
                        "again, or save it anew with the program that wrote it."
                    )
            if len(group) > _LAYERS:
                raise _too_many(checkpoint.origin, "layers", len(group), _LAYERS)


def check_arguments(checkpoint, arguments, given=()):
    """Raises unless the arguments that a file claims can be those of a model.

    Args:
        checkpoint: A `Checkpoint`. Of a dictionary or a model nothing is doubted.
        arguments: Dictionary of all arguments of the constructor.
        given: Names of those that the user gave, which are not doubted either.
    """
    if checkpoint.arrays.kind == "dictionary":
        return
    origin = checkpoint.origin
    claimed = {n: v for n, v in arguments.items() if n not in given}
    for names, most in ((_COUNTS, _LAYERS), (_SIDES, _SIDE)):
        for name in names:
            values = _listed(claimed.get(name))
            _check_sum(origin, f"{name}, a list", [len(values)], _LAYERS)
            _check_sum(origin, name, values, most)
    grid = math.prod(v for v in _listed(claimed.get("grid_size")) if is_integer(v))
    _check_sum(origin, "grid_size", [grid], _PATCHES)
    head = paths.HEAD[0] in checkpoint and checkpoint.shape(paths.HEAD[0])
    classes = max(_CLASSES, head[-1] if head else 0)
    _check_sum(origin, "num_classes", [claimed.get("num_classes")], classes)
    for name in _EPSILONS:
        value = claimed.get(name)
        if value is not None and not (is_number(value) and 0 < value <= _EPSILON):
            raise Refused(
                f"{origin} claims what no model is trained with. Received: "
                f"{name}={value!r}, when it is at most {_EPSILON}. Pass `{name}=`, or "
                "fetch the file again."
            )
    if "image_size" in given or "input_shape" in given:
        return
    width = arguments.get("hidden_dim")
    if width is None:  # no positions, of which there could be too many
        size = [v for v in _listed(arguments.get("image_size")) if is_integer(v)]
        _check_sum(origin, "pixels of an image", [math.prod(size)], _PIXELS)
        return
    relative = arguments.get("position_embedding") == "relative"
    most, patches = _RELATIVE_PATCHES if relative else _PATCHES, _patches(arguments)
    _check_sum(origin, "patches of an image", [patches], most)
    numbers = patches * width if is_integer(width) else 0
    _check_sum(origin, "numbers of the position embeddings", [numbers], _POSITIONS)


def _patches(arguments):
    """How many patches an image has, or may have before a ResNet makes it smaller."""
    count = 1
    sizes = [arguments.get(n) for n in ("image_size", "stride", "patch_size")]
    for axis in range(2):
        size, stride, patch = (s[axis] if _is_list(s) else s for s in sizes)
        steps = [s for s in (stride, patch) if is_integer(s) and s > 0]
        shrunk = 32 if arguments.get("num_blocks") else 1
        if is_integer(size):
            count *= max(1, size // (shrunk * min(steps, default=1)))
    return count


def _check_sum(origin, name, values, most):
    total = sum(value for value in values if is_integer(value))
    if total > most:
        raise _too_many(origin, name, total, most)


def _listed(value):
    """The items of a list or tuple; of anything else a list of it alone."""
    return list(value) if _is_list(value) else [value]


def _is_list(value):
    return isinstance(value, (list, tuple))


def _too_many(origin, what, count, most):
    return Refused(
        f"{origin} claims a model that is too large to be one: {what} of {count:,}, "
        f"when {most:,} are the most that are built from a file. If it is meant, build "
        "the model with these arguments, and load the weights into it."
    )
