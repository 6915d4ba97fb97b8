"""Constructors of the published models: one for each row of the tables."""

import functools
import inspect

from keras_vit.models.bit import BiT
from keras_vit.models.building.arguments import UNSET
from keras_vit.models.hybrid import HybridViT
from keras_vit.models.lineage.alexnet import AlexNet
from keras_vit.models.lineage.efficientnet import EfficientNet
from keras_vit.models.lineage.lenet import LeNet5
from keras_vit.models.lineage.neocognitron import Neocognitron
from keras_vit.models.lineage.resnet import ResNet
from keras_vit.models.lineage.unet import UNet
from keras_vit.models.lineage.vgg import VGG
from keras_vit.models.variants.family import DEFAULTS
from keras_vit.models.variants.identify import family_of_variant, sizes_of
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.listing import named_model
from keras_vit.models.variants.rows import FAMILIES
from keras_vit.models.vit import ViT
from keras_vit.models.yolos import YOLOS

# Of each family: what builds its models, and what it is called in a docstring.
BUILDERS = {
    "vit": ViT,
    "hybrid": HybridViT,
    "bit": BiT,
    "yolos": YOLOS,
    "lenet": LeNet5,
    "alexnet": AlexNet,
    "vgg": VGG,
    "resnet": ResNet,
    "neocognitron": Neocognitron,
    "efficientnet": EfficientNet,
    "unet": UNet,
}
KINDS = {
    "vit": "Vision Transformer",
    "hybrid": "hybrid",
    "bit": "BiT ResNet",
    "yolos": "YOLOS detector",
    **{name: family.kind for name, family in LINEAGE.items()},
}
SIZES = {
    "vit": "{num_layers} blocks of width {hidden_dim} with {num_heads} heads and\n"
    "an MLP of {mlp_dim}; patches of {patch_size} pixels.",
    "hybrid": "{resnet}, then {num_layers} blocks of width\n"
    "{hidden_dim} with {num_heads} heads and an MLP of {mlp_dim}.",
    "bit": "Stages of {stages} units, {width_factor} times as wide as ResNet-50's.",
    "yolos": "{num_layers} blocks of width {hidden_dim} with {num_heads} heads and\n"
    "an MLP of {mlp_dim}; patches of {patch_size} pixels, 100 detection tokens.",
    **{name: family.sizes for name, family in LINEAGE.items()},
}


def build(name, num_classes=UNSET, **kwargs):
    """A published model by its name.

    Args:
        name: String, a name from `keras_vit.list_models()`, in any case; `-`, `/`
            and `_` do not matter. Or what timm or Hugging Face call that model, such
            as `"vit_base_patch16_384"` or `"google/vit-base-patch16-384"`: the size in
            such a name is the default of `image_size`.
        num_classes: Integer; 0 or `None` for features. Defaults to that of the
            published weights, 1000 for most.
        **kwargs: Every other argument of the model's constructor.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: if there is no such model; the message names the closest one.
    """
    variant, image_size = named_model(name)
    if image_size is not None and "input_shape" not in kwargs:
        kwargs.setdefault("image_size", image_size)
    return constructor(variant)(num_classes, **kwargs)


@functools.cache
def constructor(variant):
    """The builder of a family with the sizes of a row as its defaults.

    A builder that is named as a published model is its own constructor.

    Args:
        variant: String, the name of a row of `keras_vit.models.variants.rows`.
    """
    family = family_of_variant(variant)
    row, builder = FAMILIES[family][variant], BUILDERS[family]
    if builder.__name__ == variant:
        return builder
    sizes = sizes_of(row)
    usual = {name: getattr(row, name) for name in DEFAULTS if hasattr(row, name)}

    def build(num_classes=UNSET, **kwargs):
        given = {"name": variant.lower(), **sizes, **usual, **kwargs}
        if "input_shape" in kwargs and "image_size" not in kwargs:
            given.pop("image_size", None)
        return builder(num_classes, **given)

    parameters = inspect.signature(builder).parameters.values()
    build.__signature__ = inspect.Signature(
        [
            p.replace(default={**sizes, **usual}.get(p.name, p.default))
            for p in parameters
        ]
    )
    build.__name__ = build.__qualname__ = variant
    build.__module__ = "keras_vit.models"  # where pickle and help() find it
    stages = ", ".join(map(str, sizes.get("num_blocks", ())))
    resnet = f"A ResNet with stages of {stages} units" if stages else "A ResNet's stem"
    count = f" ({row.params:,} parameters)" if row.params else ""
    build.__doc__ = f"""{variant}, a published {KINDS[family]}{count}.

{SIZES[family].format(**sizes, stages=stages, resnet=resnet)}
Takes every argument of `keras_vit.{builder.__name__}`; these sizes are its
defaults.

Example:

>>> model = keras_vit.{variant}(num_classes=10)
"""
    return build


def __getattr__(name):
    if any(name in rows for rows in FAMILIES.values()):
        return constructor(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
