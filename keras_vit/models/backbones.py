"""Backbones of models that answer for every place: taken, checked, built headless."""

import inspect
from types import SimpleNamespace

from keras_vit.checkpoints.opening import values_of
from keras_vit.layers import PadToMultiple
from keras_vit.layers.tokens.grids import stem_factor
from keras_vit.models.building.ends import image_input
from keras_vit.models.constructors import BUILDERS, build
from keras_vit.models.vision_model import VisionModel, look_inside, settings_of

# Families of backbones, and how many pixels a position of their last map stands for.
_HALVED = {
    "bit": lambda a: stem_factor(a["num_blocks"]),
    "resnet": lambda a: stem_factor(a["num_blocks"]),
    "efficientnet": lambda a: 32,
    "vgg": lambda a: 2 ** len(a["num_convs"]),
}
BACKBONES = ("vit", "hybrid", *_HALVED)
# What a backbone's own head needs, and this one does not.
_HEADLESS = {
    "num_classes": 0,
    "pooling": None,
    "representation_size": None,
    "hidden_dims": [],
    "classifier_activation": None,
}


def backbone_of(backbone, arguments, name):
    """The model of this package that a user means, and its settings.

    Args:
        backbone: A model, or the name of one.
        arguments: Dictionary, of the constructor of one that is named.
        name: String, the function that asks.

    Raises:
        TypeError: if there are arguments, but no name.
        ValueError: if the model has no map.
    """
    if isinstance(backbone, str):
        arguments.setdefault("num_classes", 0)
        backbone = build(backbone, **arguments)
    elif arguments:
        first = next(iter(arguments))
        raise TypeError(
            f"{name}() got the argument {first!r}, which is for the constructor of "
            "a backbone that is given by its name. Received a model: build it so."
        )
    settings = settings_of(backbone)
    family = settings.get("family")
    if family not in BACKBONES:
        raise ValueError(
            "`backbone` must be a model of this package with a feature map (of the "
            f"families {', '.join(BACKBONES)}), or the name of one. Received: "
            f"{backbone!r}{f', of the family {family!r}' if family else ''}."
            f"{look_inside(backbone)}"
        )
    return backbone, settings


def headless(arguments):
    """The arguments of a backbone's constructor, but without a head."""
    return {**arguments, **{k: v for k, v in _HEADLESS.items() if k in arguments}}


def build_headless(family, arguments, multiple=None):
    """Builds a backbone without its head.

    Args:
        family: String.
        arguments: Dictionary, what `headless` returned.
        multiple: Pair, pixels: to what images of every size are padded. `None`: not.

    Returns:
        `(images, backbone)`: the model's input and a `VisionModel`.
    """
    a = SimpleNamespace(**arguments)
    images, x = image_input(a)
    if None in a.image_size and multiple is not None:
        x = PadToMultiple(multiple, name="image_padding", dtype=a.dtype)(x)
    backbone = VisionModel(images, BUILDERS[family].build(x, a))
    backbone.settings.update(family=family, arguments=arguments)
    return images, backbone


def take_over(model, backbone, head):
    """Gives a new model the values of its backbone, and what they say of images.

    Args:
        model: The new model.
        backbone: The model whose values, frozen layers and metadata it gets.
        head: String, the name of a layer that both have and only the new one keeps.
    """
    values = values_of(backbone)
    for variable in model.variables:
        if variable.path in values and not variable.path.startswith(f"{head}/"):
            variable.assign(values[variable.path])
    frozen = {
        layer.path
        for layer in backbone._flatten_layers(include_self=False)
        if layer.built and not layer.trainable
    }
    for layer in model._flatten_layers(include_self=False):
        if layer.path in frozen and layer.name != head:
            layer.trainable = False
    model.metadata.update(backbone.metadata)
    for name in ("class_names", "preprocessing"):  # which were of whole images
        model.metadata.pop(name, None)


def stride_of(family, arguments):
    """The pixels `[height, width]` of a place of the last map.

    `None` where patches overlap, so that no number of pixels belongs to one.

    Raises:
        ValueError: if whole places do not tile the image.
    """
    size, sides = arguments["image_size"], arguments.get("patch_size") or (1, 1)
    if family in _HALVED:
        factor = _HALVED[family](arguments)
    else:
        factor = 1 if family == "vit" else stem_factor(arguments["num_blocks"])
    stride = [factor * side for side in sides]
    if family == "vit" and list(arguments["stride"]) != list(sides):
        if None in size:
            raise ValueError(
                "A backbone for every image size must have patches side by side. "
                f"Received: patch_size={sides}, stride={arguments['stride']}"
            )
        return None
    for side, step in zip(size, stride):
        if side is not None and side % step:
            below = max(side // step, 1) * step
            raise ValueError(
                f"`image_size` of the backbone must be a multiple of {step} pixels, "
                "what a place of its last map stands for. Received: "
                f"image_size={tuple(size)}. Nearest to {side}: {below} and "
                f"{below + step}. Or build the backbone with image_size=(None, None), "
                "for every size."
            )
    return stride


def rebuilder(function, make, own, family):
    """A constructor of models on backbones of a family, by all their arguments.

    What `keras_vit.from_checkpoint` needs: its signature has the arguments of
    `settings["arguments"]`, and the model is built from them alone.

    Args:
        function: The public function, whose signature has the defaults of `own`.
        make: Function `(family, arguments, num_classes, own, name)` to the model.
        own: Names of the arguments that the backbone has not.
        family: String, that of the backbone.
    """
    usual = inspect.signature(function).parameters

    def build(**options):
        num_classes, name = options.pop("num_classes"), options.pop("name", None)
        options.pop("backbone", None)
        chosen = {key: options.pop(key, usual[key].default) for key in own}
        arguments = BUILDERS[family].settled(**{**options, "num_classes": 0})
        return make(family, arguments, num_classes, chosen, name)

    of_backbone = inspect.signature(BUILDERS[family]).parameters
    keyword = inspect.Parameter.KEYWORD_ONLY
    together = {
        p.name: p.replace(kind=keyword)
        for p in (*of_backbone.values(), *(usual[key] for key in own))
        if p.name not in ("classes", "include_top")
    }
    build.__signature__ = inspect.Signature(list(together.values()))
    build.__name__ = function.__name__
    return build
