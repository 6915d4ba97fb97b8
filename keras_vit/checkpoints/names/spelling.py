"""Brings the names in official JAX and TensorFlow checkpoints to one spelling.

Files of several years and codebases name the same arrays differently. After
`normalised` they are named as by Flax's Linen: `MultiHeadDotProductAttention_0`,
`LayerNorm_0`, `LayerNorm_1`, `MlpBlock_0`; the layers of a scanned Transformer stand
apart, and prefixes are gone.
"""

import re
from collections import defaultdict

# One part of a name: `LayerNorm_` and `2`.
_NUMBERED = re.compile(r"(?:^|(?<=/))([A-Z][A-Za-z]*_)(\d+)(?=/|$)")
_INLINE_MAP = ("probe", "MultiHeadDotProductAttention_", "MlpBlock_", "LayerNorm_")


def normalised(names, shapes):
    """Maps names in one spelling to what they are called in the file.

    Args:
        names: Dictionary of names without their prefix to names in the file.
        shapes: Dictionary of names in the file to shapes.

    Returns:
        Dictionary of name to `(name in the file, layer)`; `layer` is the index
        along the first axis for scanned Transformers, else `None`.
    """
    if "probe" in names:  # early ViT-G files have the MAP head inline
        names = {
            ("MAPHead_0/" + n if n.startswith(_INLINE_MAP) else n): raw
            for n, raw in names.items()
        }
    if any(n.startswith("root_block/") for n in names):
        names = {_bit_name(n): raw for n, raw in names.items()}
    result = {}
    for name, raw in _renumbered(names).items():
        scanned = re.fullmatch(r"Transformer/encoderblock/(.*)", name)
        if scanned is None:
            result[name] = (raw, None)
            continue
        for layer in range(shapes[raw][0] if shapes[raw] else 0):
            key = f"Transformer/encoderblock_{layer}/{scanned[1]}"
            result[key] = (raw, layer)
    return result


def _renumbered(names):
    """Counts the modules of each class from 0 within their parent, as Linen does.

    Before Linen one counter served all classes: `LayerNorm_0`,
    `MultiHeadDotProductAttention_1`, `LayerNorm_2`, `MlpBlock_3`.
    """
    numbers = defaultdict(set)
    for name in names:
        for module in _NUMBERED.finditer(name):
            numbers[name[: module.start(2)]].add(int(module[2]))
    ranks = {start: sorted(found) for start, found in numbers.items()}

    def renumbered(name):
        def rank(module):
            start = name[: module.start(2)]
            return f"{module[1]}{ranks[start].index(int(module[2]))}"

        return _NUMBERED.sub(rank, name)

    return {renumbered(name): raw for name, raw in names.items()}


def _bit_name(name):
    """`unit01/a/standardized_conv2d_7` to `unit01/1/standardized_conv2d`."""
    name = re.sub(r"standardized_conv2d_\d+", "standardized_conv2d", name)
    return re.sub(
        r"(unit\d+)/([abc])/", lambda m: f"{m[1]}/{'abc'.index(m[2]) + 1}/", name
    )


# The modules of a block in the published files, where one counter served all classes.
_ONE_COUNTER = {
    "MultiHeadDotProductAttention_0": "MultiHeadDotProductAttention_1",
    "LayerNorm_1": "LayerNorm_2",
    "MlpBlock_0": "MlpBlock_3",
}


def published(name):
    """A normalised name as the published ViT, hybrid and BiT files spell it."""
    parts = name.split("/")
    if parts[0] == "Transformer":
        parts[2:3] = [_ONE_COUNTER.get(part, part) for part in parts[2:3]]
    if re.fullmatch(r"unit\d{2}", "".join(parts[1:2])):
        parts[2] = "abc"[int(parts[2]) - 1]
    return "/".join(parts)
