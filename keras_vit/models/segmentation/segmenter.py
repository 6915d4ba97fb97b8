"""`Segmenter`: a backbone and a head that gives a class to every pixel."""

import functools
from types import SimpleNamespace

from keras_vit.common.checks import check_choice, check_positive, is_integer
from keras_vit.layers import ToImageSize
from keras_vit.models.backbones import (
    backbone_of,
    build_headless,
    headless,
    rebuilder,
    stride_of,
    take_over,
)
from keras_vit.models.building.arguments import integers
from keras_vit.models.maps import feature_maps, stem_maps
from keras_vit.models.segmentation.heads import HEADS, WIDTHS
from keras_vit.models.vision_model import VisionModel

FAMILY = "segmenter"
# The arguments of this model that its backbone has not.
OWN = ("head", "norm", "decoder_layers", "decoder_heads", "decoder_mlp_dim")
OWN += ("decoder_widths",)


def Segmenter(
    backbone,
    num_classes,
    head="linear",
    *,
    norm=None,
    decoder_layers=2,
    decoder_heads=None,
    decoder_mlp_dim=None,
    decoder_widths=None,
    name=None,
    **arguments,
):
    """A class for every pixel: a head on the last feature map of a backbone.

    Three heads. `"linear"`: a linear classifier of each patch, as in DINOv2's probe
    and Segmenter's baseline. `"mask"`: Segmenter's mask transformer (Strudel et al.,
    2021). `"upsampler"`: TransUNet's decoder (Chen et al., 2021), doubled until it is
    of the image's size, with the maps of a hybrid's or ResNet's stem beside it.
    TransUNet itself is `R50_ViT_B16` with this head: the encoder here is the official
    one, from which TransUNet's code departs in paddings, norms and GELU.

    Train it with labels `(batch, height, width)` and
    `keras_vit.losses.PixelCrossentropy()`. The first logits of `"linear"` and
    `"upsampler"` are zeros, so that the first loss is `ln(num_classes)`.

    Args:
        backbone: A model of this package (ViT, hybrid, BiT, ResNet, EfficientNet or
            VGG), whose weights are copied and which stays as it is; or the name of
            one from `keras_vit.list_models()`. Layers that do not train there do not
            train here.
        num_classes: Integer, the classes of a pixel, the background among them.
        head: `"linear"`, `"mask"` or `"upsampler"`.
        norm: `"batch"` for a batch norm before the linear classifier, as in DINOv2's
            probe, or `None`. Only with `head="linear"`.
        decoder_layers: Integer, the blocks of the mask transformer.
        decoder_heads: Integer, its attention heads. Defaults to one for every 64
            channels.
        decoder_mlp_dim: Integer, the inner width of its MLPs. Defaults to four times
            the channels.
        decoder_widths: Sequence of integers, the channels of the upsampler after each
            doubling. Defaults to the last ones of (256, 256, 128, 64, 16).
        name: String, the name of the model.
        **arguments: Where `backbone` is a name: arguments of its constructor, such as
            `weights="augreg"`, `image_size=512`, `dtype="mixed_bfloat16"`.

    Input shape: `(batch, height, width, num_channels)`, as the backbone has it. A
        backbone for every size (`image_size=(None, None)`) makes a model for every
        size and shape: images are padded with zeros, at right and bottom, to whole
        patches, and logits are cut to the size of the image.

    Output shape: `(batch, height, width, num_classes)`, logits, float32 at least.

    Returns:
        A `keras_vit.models.VisionModel`. Layers of the backbone keep their names.

    Raises:
        ValueError: if the backbone has no such map, a size does not fit, or an
            argument is for another head; the message says what to do.

    Example:

    >>> model = keras_vit.Segmenter("ViT_S16", 21, head="mask", image_size=(96, 128))
    >>> model(keras.ops.zeros((1, 96, 128, 3))).shape
    (1, 96, 128, 21)

    Reference: [Strudel et al., 2021](https://arxiv.org/abs/2105.05633);
    [Chen et al., 2021](https://arxiv.org/abs/2102.04306);
    [Oquab et al., 2023](https://arxiv.org/abs/2304.07193), section 7.3.
    """
    own = {
        "head": head,
        "norm": norm,
        "decoder_layers": decoder_layers,
        "decoder_heads": decoder_heads,
        "decoder_mlp_dim": decoder_mlp_dim,
        "decoder_widths": decoder_widths,
    }
    _check_own(num_classes, own)
    backbone, settings = backbone_of(backbone, arguments, "Segmenter")
    family = settings["family"]
    model = segmenter(family, settings["arguments"], num_classes, own, name)
    take_over(model, backbone, "head")
    return model


def segmenter(family, arguments, num_classes, own, name=None):
    """The model of checked arguments, without the values of a backbone.

    Args:
        family: String, that of the backbone.
        arguments: Dictionary, all arguments of the backbone's constructor.
        num_classes: Integer.
        own: Dictionary of the arguments in `OWN`.
        name: String or `None`.
    """
    inner, stride = headless(arguments), stride_of(family, arguments)
    a = SimpleNamespace(**{**inner, **own, "num_classes": num_classes})
    _complete(a, family, stride)
    images, backbone = build_headless(family, inner, stride)
    wanted, skips = [None], {}
    if a.head == "upsampler":
        last = 2 ** len(a.decoder_widths)
        skips = {s: n for s, n in stem_maps(backbone).items() if s < last}
        wanted += skips.values()
    last, *maps = feature_maps(backbone, wanted).outputs
    x = HEADS[a.head](last, dict(zip(skips, maps)), a)  # (B, rows, columns, K)
    to_size = ToImageSize(stride or 1, name="logits", dtype=a.dtype)
    model = VisionModel(images, to_size(x, images), name=name or FAMILY)
    settings = {**vars(a), "backbone": family}
    model.settings.update(family=FAMILY, arguments=settings)
    return model


@functools.cache
def builder_of(family):
    """A constructor of segmenters on backbones of a family, by all their arguments.

    What `keras_vit.from_checkpoint` needs: its signature has the arguments of
    `settings["arguments"]`, and the model is built from them alone.
    """
    return rebuilder(Segmenter, _checked, OWN, family)


def _checked(family, arguments, num_classes, own, name):
    _check_own(num_classes, own)
    return segmenter(family, arguments, num_classes, own, name)


def _check_own(num_classes, own):
    """Checks the arguments that are not the backbone's."""
    a = SimpleNamespace(**own)
    if not is_integer(num_classes) or num_classes < 2:
        raise ValueError(
            "`num_classes` must be an integer of at least 2: the classes of a pixel, "
            f"the background among them. Received: num_classes={num_classes!r}"
        )
    check_choice(a.head, tuple(HEADS), "head")
    check_choice(a.norm, (None, "batch"), "norm")
    check_positive(decoder_layers=a.decoder_layers)
    for name in ("decoder_heads", "decoder_mlp_dim"):
        if own[name] is not None:
            check_positive(**{name: own[name]})
    only = {
        "linear": {"norm": None},
        "mask": {"decoder_layers": 2, "decoder_heads": None, "decoder_mlp_dim": None},
        "upsampler": {"decoder_widths": None},
    }
    for head, arguments in only.items():
        for name, usual in arguments.items():
            if head != a.head and own[name] != usual:
                raise ValueError(
                    f"`{name}` is for head={head!r}. Received: head={a.head!r}, "
                    f"{name}={own[name]!r}. Leave it out."
                )


def _complete(a, family, stride):
    """Checks what the upsampler needs, and fills in its widths."""
    if a.head != "upsampler":
        return
    side = stride[0] if stride and stride[0] == stride[1] else 0
    doublings = side.bit_length() - 1
    if side < 2 or 2**doublings != side or doublings > len(WIDTHS):
        raise ValueError(
            "`head='upsampler'` doubles the map until it is of the image's size: a "
            "place of it must stand for 2, 4, 8, 16 or 32 pixels on each side. "
            f"Received: {'overlapping patches' if stride is None else stride} of the "
            f"family {family!r}. Use head='linear' or head='mask'."
        )
    if a.decoder_widths is None:
        a.decoder_widths = WIDTHS[-doublings:]
    a.decoder_widths = integers(a.decoder_widths, "decoder_widths", doublings)
