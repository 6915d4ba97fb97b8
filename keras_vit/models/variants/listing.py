"""The list of published models, and their names in any spelling."""

from dataclasses import dataclass, fields

from keras_vit.common.checks import check_choice
from keras_vit.common.tables import Table
from keras_vit.common.wording import hint
from keras_vit.models.variants import counts
from keras_vit.models.variants.aliases import ALIASES, alias_of
from keras_vit.models.variants.identify import family_of_variant, image_size_of
from keras_vit.models.variants.rows import FAMILIES


@dataclass(frozen=True)
class ModelInfo:
    """One row of `keras_vit.list_models()`.

    `params` counts the head of the published classes, 1000 for most. `gflops` are 1e9
    floating-point operations of one forward pass of one image, a multiply-add counted
    as two. `image_size` is in pixels; a pair `(height, width)` where images are no
    squares.
    """

    name: str
    family: str
    params: int
    gflops: float
    image_size: int | tuple[int, int]


class ModelTable(Table):
    """A list of `ModelInfo` that prints as a table."""

    header = [field.name for field in fields(ModelInfo)]
    left = 2

    def cells(self, row):
        params, gflops = f"{row.params:,}", f"{row.gflops:.1f}"
        size = row.image_size
        size = f"{size[0]}x{size[1]}" if isinstance(size, tuple) else str(size)
        return [row.name, row.family, params, gflops, size]


def list_models(family=None):
    """Every published model: its parameters, cost and image size.

    Args:
        family: String, such as `"vit"`, `"hybrid"` or `"bit"`, to list one family.
            Defaults to all.

    Returns:
        A list of `ModelInfo`, which prints as a table.

    Example:

    >>> [info.name for info in keras_vit.list_models()][:2]
    ['ViT_Ti16', 'ViT_S16']
    """
    check_choice(family, (*FAMILIES, None), "family")
    return ModelTable(
        ModelInfo(name, kind, params(row), flops(row) / 1e9, image_size_of(name))
        for kind, (params, flops) in counts.FORMULAS.items()
        for name, row in FAMILIES[kind].items()
        if family in (None, kind)
    )


def published_flops(name, image_size=None):
    """Floating-point operations of a forward pass of a published model, one image.

    Args:
        name: String, a name of the table.
        image_size: Integer or pair `(height, width)`, pixels. Defaults to the model's.
    """
    family = family_of_variant(name)
    image_size = image_size or image_size_of(name)
    flops = counts.FORMULAS[family][1]
    return flops(FAMILIES[family][name], image_size=image_size)


def canonical_name(name):
    """The name of a published model as in the table."""
    return named_model(name)[0]


def named_model(name):
    """What a name means: a published model, and perhaps an image size.

    Args:
        name: String: a name of the table in any spelling, or what timm or Hugging Face
            call that model, such as `"vit_base_patch16_384"`.

    Returns:
        `(variant, image_size)`: the name as in the table, and the pixels that the name
        states, or `None`.

    Raises:
        ValueError: if there is no such model; the message names the closest one.
    """
    names = [variant for rows in FAMILIES.values() for variant in rows]
    # ViT_g14 and ViT_G14 are two models, so the case decides where it must.
    for spelling in (_letters, lambda text: _letters(text).lower()):
        same = [n for n in names if spelling(n) == spelling(name)]
        if len(same) == 1:
            return same[0], None
        if same:
            raise ValueError(
                f"The name must tell {' from '.join(map(repr, same))}. "
                f"Received: {name!r}"
            )
    if found := alias_of(name):
        return found
    plain = {_letters(n): n for n in (*names, *ALIASES)}
    meant = hint(_letters(name), plain, lambda close: repr(plain[close]))
    raise ValueError(
        f"Unknown model. Received: {name!r}.{meant} `keras_vit.list_models()` "
        f"lists: {', '.join(names)}. Names of timm and Hugging Face mean the same "
        "models (vit_base_patch16_224); `keras_vit.from_checkpoint` builds every other "
        "model from its file."
    )


def _letters(name):
    return "".join(c for c in str(name) if c.isalnum())
