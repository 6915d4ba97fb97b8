"""Which published model a set of arguments makes."""

from keras_vit.models.variants.rows import BIT_VARIANTS, HYBRID_VARIANTS, VIT_VARIANTS

_TABLES = {"vit": VIT_VARIANTS, "hybrid": HYBRID_VARIANTS, "bit": BIT_VARIANTS}
_WORDS = {"vit": "ViT", "hybrid": "hybrid", "bit": "BiT"}
_SIZES = {
    "vit": ("patch_size", "num_layers", "hidden_dim", "mlp_dim", "num_heads"),
    "hybrid": (
        "num_blocks",
        "patch_size",
        "num_layers",
        "hidden_dim",
        "mlp_dim",
        "num_heads",
    ),
    "bit": ("num_blocks", "width_factor"),
}


def variant_of(family, arguments):
    """The name of the published model of these arguments, or `None`.

    An argument that is unknown (`None`) may be anything.
    """
    sizes = {name: arguments.get(name) for name in _SIZES.get(family, ())}
    known = {name: value for name, value in sizes.items() if value is not None}
    for variant, row in _TABLES.get(family, {}).items():
        same = (
            _plain(name, getattr(row, name)) == _plain(name, value)
            for name, value in known.items()
        )
        if known and all(same):
            return variant
    return None


def published_heads(hidden_dim, num_layers, mlp_dim):
    """The heads of the first published Transformer of these sizes, or `None`."""
    for row in (*VIT_VARIANTS.values(), *HYBRID_VARIANTS.values()):
        if (row.hidden_dim, row.num_layers, row.mlp_dim) == (
            hidden_dim,
            num_layers,
            mlp_dim,
        ):
            return row.num_heads
    return None


def describe_difference(family, arguments, other_family, other):
    """What tells a model from the one of a checkpoint, in words; empty if nothing.

    Compares sizes only: what the rules of loading may change is not a difference.
    """
    if family != other_family:
        return f"they hold a {_name(other_family, other)}, the model is a " + _name(
            family, arguments
        )
    different = [
        name
        for name in _SIZES[family]
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


def family_of_variant(variant):
    """`"vit"`, `"hybrid"` or `"bit"`."""
    return next(family for family, table in _TABLES.items() if variant in table)
