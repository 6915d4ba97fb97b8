import difflib
from dataclasses import astuple, dataclass, fields

from keras_vit.models import bit, hybrid, vit
from keras_vit.models.building import arguments
from keras_vit.models.variants import counts
from keras_vit.models.variants.rows import BIT_VARIANTS, HYBRID_VARIANTS, VIT_VARIANTS

# Of each family: its rows, what builds one, and closed forms of size and cost.
_FAMILIES = {
    "vit": (VIT_VARIANTS, vit.constructor, counts.vit_params, counts.vit_flops),
    "hybrid": (
        HYBRID_VARIANTS,
        hybrid.constructor,
        counts.hybrid_params,
        counts.hybrid_flops,
    ),
    "bit": (BIT_VARIANTS, bit.constructor, counts.bit_params, counts.bit_flops),
}


@dataclass(frozen=True)
class ModelInfo:
    """One row of `keras_vit.list_models()`.

    `params` counts a 1000-class head. `gflops` are 1e9 floating-point operations of
    one forward pass of one image, a multiply-add counted as two.
    """

    name: str
    family: str
    params: int
    gflops: float
    image_size: int


class ModelTable(list):
    """A list of `ModelInfo` that prints as a table."""

    def __str__(self):
        names = [field.name for field in fields(ModelInfo)]
        rows = [
            [i.name, i.family, f"{i.params:,}", f"{i.gflops:.1f}", str(i.image_size)]
            for i in self
        ]
        widths = [max(map(len, column)) for column in zip(names, *rows)]
        lines = [
            "  ".join(
                text.ljust(w) if c < 2 else text.rjust(w)
                for c, (text, w) in enumerate(zip(row, widths))
            ).rstrip()
            for row in [names, *rows]
        ]
        return "\n".join(lines)

    def _repr_html_(self):
        head = "".join(f"<th>{field.name}</th>" for field in fields(ModelInfo))
        body = "".join(
            "<tr>" + "".join(f"<td>{value}</td>" for value in astuple(info)) + "</tr>"
            for info in self
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def list_models(family=None):
    """Every published model: its parameters, cost and image size.

    Args:
        family: String, `"vit"`, `"hybrid"` or `"bit"`, to list one family. Defaults
            to all.

    Returns:
        A list of `ModelInfo`, which prints as a table.

    Example:

    >>> [info.name for info in keras_vit.list_models()][:2]
    ['ViT_Ti16', 'ViT_S16']
    """
    arguments.check_choice(family, (*_FAMILIES, None), "family")
    return ModelTable(
        ModelInfo(name, kind, params(row), flops(row) / 1e9, 224)
        for kind, (rows, _, params, flops) in _FAMILIES.items()
        for name, row in rows.items()
        if family in (None, kind)
    )


def build(name, num_classes=1000, **kwargs):
    """A published model by its name.

    Args:
        name: String, a name from `keras_vit.list_models()`, in any case; `-`, `/`
            and `_` do not matter.
        num_classes: Integer; 0 or `None` for features.
        **kwargs: Every other argument of the model's constructor.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: if there is no such model; the message names the closest one.
    """
    return _constructors()[canonical_name(name)](num_classes, **kwargs)


def canonical_name(name):
    """The name of a published model as in the table."""
    names = list(_constructors())
    # ViT_g14 and ViT_G14 are two models, so the case decides where it must.
    for spelling in (_letters, lambda text: _letters(text).lower()):
        same = [n for n in names if spelling(n) == spelling(name)]
        if len(same) == 1:
            return same[0]
        if same:
            raise ValueError(
                f"The name must tell {' from '.join(map(repr, same))}. "
                f"Received: {name!r}"
            )
    plain = {_letters(n).lower(): n for n in names}
    close = difflib.get_close_matches(_letters(name).lower(), plain, 1, 0.4)
    hint = f" Did you mean {plain[close[0]]!r}?" if close else ""
    raise ValueError(
        f"Unknown model. Received: {name!r}.{hint} `keras_vit.list_models()` "
        f"lists: {', '.join(names)}"
    )


def _constructors():
    return {
        name: constructor(name)
        for rows, constructor, _, _ in _FAMILIES.values()
        for name in rows
    }


def _letters(name):
    return "".join(c for c in str(name) if c.isalnum())
