"""Reads the text of a compiled TPU program: buffers, collectives, leaks."""

import dataclasses
import math
import re

# Bytes of an element, by the name of its type.
_BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s16": 2, "u16": 2}
_BYTES |= {"f32": 4, "s32": 4, "u32": 4, "f64": 8, "s64": 8, "u64": 8, "c64": 8}
_WIDE = ("f64", "s64", "u64", "c128")

# name = type[sizes]{layout} operation(
_SHAPE = re.compile(r"\b([a-z]+\d+|pred)\[([\d,]*)\](?:\{([\d,]*)(?::([^{}]*))?\})?")
_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%\S+ = (.*?) ([a-z][\w-]*)\(")
_WHERE = re.compile(r'op_name="([^"]*)"')
_BODY = re.compile(r" while\(.*?, body=(%[^\s,]+)")
_TARGET = re.compile(r'custom_call_target="([^"]*)"')

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
# Operations that give a name to a value that is there already.
_ALIASES = {"get-tuple-element", "tuple", "bitcast", "parameter", "after-all"}
_TO_HOST = ("infeed", "outfeed", "send", "recv")


@dataclasses.dataclass(frozen=True)
class Buffer:
    """One array of a program."""

    dtype: str
    shape: tuple
    # Bytes without and with what the tiles of the memory add.
    size: int
    padded: int
    # The layer that made it, or "".
    layer: str

    def __str__(self):
        shape = ",".join(map(str, self.shape))
        where = f" in {self.layer}" if self.layer else ""
        size, padded = (f"{n / 2**20:.3g}" for n in (self.size, self.padded))
        return f"{self.dtype}[{shape}]{where}: {size} MiB in {padded}"


@dataclasses.dataclass(frozen=True)
class Program:
    """What matters of a compiled program."""

    # Arrays that the main computation writes, its loops and arguments included.
    buffers: list
    # Kind of collective to (how many, bytes of their results).
    collectives: dict
    # Of each leak: what it is, and the layers at fault.
    leaks: dict

    @property
    def padding(self):
        """Share of the written bytes that are padding."""
        size = sum(buffer.size for buffer in self.buffers)
        padded = sum(buffer.padded for buffer in self.buffers)
        return 1 - size / padded if padded else 0.0

    def most_padded(self, count=3):
        """The buffers that waste most."""
        ordered = sorted(self.buffers, key=lambda b: b.size - b.padded)
        return [buffer for buffer in ordered[:count] if buffer.padded > buffer.size]


def read_program(text, repeats=1):
    """Reads the text of a compiled program, as XLA prints it.

    Args:
        text: String, optimised HLO with layouts and metadata.
        repeats: Integer, how often a loop of the main computation goes round.

    Returns:
        A `Program`.
    """
    buffers, collectives, leaks = [], {}, {}
    loops = set(_BODY.findall(text))
    for line, computation in _instructions(text):
        main = computation == "" or computation in loops
        times = repeats if computation in loops else 1
        result, operation = _INSTRUCTION.match(line).groups()
        layer = layer_of(line)
        shapes = [_buffer(match, layer) for match in _SHAPE.finditer(result)]
        if main and (operation not in _ALIASES or operation == "parameter"):
            buffers += shapes
        kind = operation.removesuffix("-start")
        if kind in COLLECTIVES:
            count, size = collectives.get(kind, (0, 0))
            moved = sum(buffer.size for buffer in shapes)
            collectives[kind] = (count + times, size + times * moved)
        for what in _leaks(line, operation, shapes):
            leaks.setdefault(what, [])
            if layer not in leaks[what]:
                leaks[what].append(layer)
    return Program(buffers, collectives, leaks)


def layer_of(line):
    """The layer that an instruction comes from: `block_03/mlp`, or ""."""
    found = _WHERE.search(line)
    parts = [p for p in found[1].split("/") if p] if found else []
    names = [re.sub(r"^(?:\w+\()*(\w+)\)*$", r"\1", part) for part in parts[1:-1]]
    return "/".join(name for name in names if name not in ("jvp", "transpose", "while"))


def _instructions(text):
    """Each instruction, and the computation that it is in: "" is the main one."""
    computation = None
    for line in text.splitlines():
        if line.startswith("ENTRY"):
            computation = ""
        elif line.startswith("%"):
            computation = line.split(None, 1)[0]
        elif _INSTRUCTION.match(line):
            yield line, computation


def _leaks(line, operation, shapes):
    for dtype in _WIDE:
        if any(shape.dtype == dtype for shape in shapes):
            yield dtype
    target = _TARGET.search(line)
    called = target[1] if operation == "custom-call" and target else ""
    if operation.partition("-")[0] in _TO_HOST or "callback" in called:
        yield "host"


def _buffer(match, layer):
    dtype, sizes, order, layout = match.groups()
    shape = tuple(int(size) for size in sizes.split(",") if size)
    width = _BYTES.get(dtype, 8)
    padded = list(shape)
    tile = re.search(r"T\(([\d,]+)\)", layout or "")
    if tile and shape:
        # The last sizes of a tile are those of the dimensions that lie closest.
        minor = [int(place) for place in order.split(",") if place]
        for place, length in zip(minor, reversed(tile[1].split(","))):
            padded[place] = -(-padded[place] // int(length)) * int(length)
    return Buffer(
        dtype, shape, width * math.prod(shape), width * math.prod(padded), layer
    )
