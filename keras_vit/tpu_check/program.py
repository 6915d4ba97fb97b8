"""Reads the text of a compiled TPU program: its cost, buffers, collectives, leaks."""

import dataclasses
import math
import re

# Bytes of an element, by the name of its type.
_BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s16": 2, "u16": 2}
_BYTES |= {"f32": 4, "s32": 4, "u32": 4, "f64": 8, "s64": 8, "u64": 8, "c64": 8}
_WIDE = ("f64", "s64", "u64", "c128")

# name = type[sizes]{layout} operation(
_SHAPE = re.compile(r"\b([a-z]+\d+|pred)\[([\d,]*)\](?:\{([\d,]*)(?::([^{}]*))?\})?")
_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%(\S+) = (.*?) ([a-z][\w-]*)\(([^)]*)\)")
_OPERAND = re.compile(r"%([\w.-]+)")
_WHERE = re.compile(r'op_name="([^"]*)"')
_BODY = re.compile(r" while\(.*?, body=%([^\s,]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_CALLED = re.compile(r" calls=%([^\s,]+)")
_CYCLES = re.compile(r'"estimated_cycles":"?(\d+)')
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
# Of these, the parts are counted: the body of a loop, the start of what is done.
_FREE = _ALIASES | {"constant", "while"}
# From one memory to the other, while the chip computes.
_MOVES = ("copy-start", "slice-start", "dynamic-slice-start")
# What a program consists of that only lays its operand out anew.
_LAYOUT = {"copy", "transpose", "bitcast", "reshape", "parameter"}
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
    # Whether it lies in main memory, not on the chip.
    in_main_memory: bool = True

    @property
    def name(self):
        """Type, shape and layer."""
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.dtype}[{','.join(map(str, self.shape))}]{where}"

    def __str__(self):
        size, padded = (f"{n / 2**20:.3g}" for n in (self.size, self.padded))
        return f"{self.name}: {size} MiB in {padded}"


@dataclasses.dataclass(frozen=True)
class Program:
    """What matters of a compiled program."""

    # Arrays that the main computation writes, its loops and arguments included.
    buffers: list
    # Kind of collective to (how many, bytes of their results).
    collectives: dict
    # Of each leak: what it is, and the layers at fault.
    leaks: dict
    # The compiler's own estimate of what all instructions take, in cycles of the chip.
    cycles: int
    # Bytes that instructions read from main memory and write to it, padding included.
    traffic: int
    # Cycles and result of each instruction that only changes a layout.
    copies: list

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

    def largest_copies(self, count=3):
        """The changes of layout that take longest, as (cycles, buffer)."""
        return sorted(self.copies, key=lambda copy: -copy[0])[:count]


def read_program(text, repeats=1):
    """Reads the text of a compiled program, as XLA prints it.

    Args:
        text: String, optimised HLO with layouts and metadata.
        repeats: Integer, how often a loop of the main computation goes round, where
            the text does not say it.

    Returns:
        A `Program`.
    """
    buffers, collectives, leaks = [], {}, {}
    cycles, traffic, copies = 0, 0, []
    computations = _computations(text)
    loops = {}
    for line in text.splitlines():
        if body := _BODY.search(line):
            trips = _TRIPS.search(line)
            loops[body[1]] = int(trips[1]) if trips else repeats
    for computation, lines in computations.items():
        times = 1 if computation == "" else loops.get(computation)
        shapes = {}
        for line in lines:
            name, result, operation, operands = _INSTRUCTION.match(line).groups()
            layer = layer_of(line)
            shapes[name] = found = _buffers(result, layer)
            for what in _leaks(line, operation, found):
                leaks.setdefault(what, [])
                if layer not in leaks[what]:
                    leaks[what].append(layer)
            kind = operation.removesuffix("-start")
            if kind in COLLECTIVES:
                count, size = collectives.get(kind, (0, 0))
                moved = sum(buffer.size for buffer in found)
                each = times or 1
                collectives[kind] = (count + each, size + each * moved)
            if times is None:
                continue  # a part of another instruction, which counts for all of it
            if operation not in _ALIASES or operation == "parameter":
                buffers += found
            if operation in _FREE or operation.endswith("-done"):
                continue
            estimate = _CYCLES.search(line)
            spent = times * int(estimate[1]) if estimate else 0
            cycles += spent
            read = [b for o in _OPERAND.findall(operands) for b in shapes.get(o, ())]
            traffic += times * _traffic(operation, read, found)
            if _only_lays_out(line, operation, computations):
                copies.append((spent, found[0]))
    return Program(buffers, collectives, leaks, cycles, traffic, copies)


def _traffic(operation, read, written):
    """Bytes of main memory that an instruction touches."""
    if operation in _MOVES:
        # Its result names both ends and a counter; the smaller end is what moves.
        return min(b.size for b in written if b.dtype not in ("u32", "s32") or b.shape)
    if operation.endswith("-start"):
        written = written[:1]
    return sum(b.padded for b in (*read, *written) if b.in_main_memory)


def _only_lays_out(line, operation, computations):
    if operation != "fusion":
        return operation in ("copy", "transpose")
    called = _CALLED.search(line)
    lines = computations.get(called[1], ()) if called else ()
    inner = {_INSTRUCTION.match(each)[3] for each in lines}
    return inner <= _LAYOUT and bool(inner & {"copy", "transpose"})


def layer_of(line):
    """The layer that an instruction comes from: `block_03/mlp`, or ""."""
    found = _WHERE.search(line)
    parts = [p for p in found[1].split("/") if p] if found else []
    names = [re.sub(r"^(?:\w+\()*(\w+)\)*$", r"\1", part) for part in parts[1:-1]]
    return "/".join(name for name in names if name not in ("jvp", "transpose", "while"))


def _computations(text):
    """The lines of instructions of each computation: "" is the main one."""
    found, lines = {}, []
    for line in text.splitlines():
        if line.startswith("ENTRY"):
            lines = found.setdefault("", [])
        elif line.startswith("%"):
            lines = found.setdefault(line.split(None, 1)[0][1:], [])
        elif _INSTRUCTION.match(line):
            lines.append(line)
    return found


def _leaks(line, operation, shapes):
    for dtype in _WIDE:
        if any(shape.dtype == dtype for shape in shapes):
            yield dtype
    target = _TARGET.search(line)
    called = target[1] if operation == "custom-call" and target else ""
    if operation.partition("-")[0] in _TO_HOST or "callback" in called:
        yield "host"


def _buffers(text, layer):
    """The arrays of an instruction's result."""
    return [_buffer(match, layer) for match in _SHAPE.finditer(text)]


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
    size, full = width * math.prod(shape), width * math.prod(padded)
    return Buffer(dtype, shape, size, full, layer, "S(" not in (layout or ""))
