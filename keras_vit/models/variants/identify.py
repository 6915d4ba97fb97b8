"""Finds the published model of given arguments, and how two models differ."""

from dataclasses import fields

from keras_vit.models.variants.family import BESIDE
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.rows import FAMILIES, HYBRID_VARIANTS, VIT_VARIANTS

_WORDS = {
    "vit": "ViT",
    "hybrid": "hybrid",
    "bit": "BiT",
    "yolos": "YOLOS",
    **{name: family.kind for name, family in LINEAGE.items()},
}

# The sizes of a Transformer encoder, of which there is no table.
_ENCODER = ("num_layers", "num_heads", "mlp_dim")


def sizes_of(row):
    """The arguments of a constructor that a row of the tables states."""
    names = [field.name for field in fields(row) if field.name not in BESIDE]
    return {name: getattr(row, name) for name in names}


def image_size_of(variant):
    """The pixels that a published model takes by default: a side, or a pair."""
    kind = family_of_variant(variant)
    if kind in LINEAGE:
        return LINEAGE[kind].size_of(LINEAGE[kind].rows[variant])
    return getattr(FAMILIES[kind][variant], "image_size", 224)


def family_of_variant(variant):
    """`"vit"`, `"hybrid"`, `"bit"`, or a family of the lineage."""
    return next(family for family, rows in FAMILIES.items() if variant in rows)


def variant_of(family, arguments):
    """The name of the published model of these arguments, or `None`.

    An argument that is unknown (`None`) may be anything.
    """
    for variant, row in FAMILIES.get(family, {}).items():
        known = {
            name: (_plain(name, size), _plain(name, arguments[name]))
            for name, size in sizes_of(row).items()
            if arguments.get(name) is not None
        }
        if known and all(size == value for size, value in known.values()):
            return variant
    return None


def published_heads(hidden_dim, num_layers, mlp_dim):
    """The heads of the first published Transformer of these sizes, or `None`."""
    sizes = (hidden_dim, num_layers, mlp_dim)
    for row in (*VIT_VARIANTS.values(), *HYBRID_VARIANTS.values()):
        if (row.hidden_dim, row.num_layers, row.mlp_dim) == sizes:
            return row.num_heads
    return None


def describe_difference(family, arguments, other_family, other):
    """What tells a model from the one of a checkpoint, in words; empty if nothing.

    Compares sizes only: what the rules of loading may change is not a difference.
    """
    if family != other_family:
        theirs, ours = _name(other_family, other), _name(family, arguments)
        return f"they hold a {theirs}, the model is a {ours}"
    rows = FAMILIES.get(family)
    names = sizes_of(next(iter(rows.values()))) if rows else _ENCODER
    different = [
        name
        for name in names
        if other.get(name) is not None
        and _plain(name, other[name]) != _plain(name, arguments.get(name, 1))
    ]
    if not different:
        return ""
    theirs = ", ".join(f"{name}={other[name]}" for name in different)
    ours = ", ".join(f"{name}={arguments[name]}" for name in different)
    return (
        f"they hold a {_name(family, other)} with {theirs}, the model is a "
        f"{_name(family, arguments)} with {ours}"
    )


def _name(family, arguments):
    return variant_of(family, arguments) or f"{_WORDS.get(family, family)} model"


def _plain(name, value):
    if name == "patch_size" and value is not None:
        value = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    return tuple(value) if isinstance(value, list) else value
