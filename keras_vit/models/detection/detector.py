"""`Detector`: a backbone and a head that gives a class and a box at every place."""

import functools
import math
from types import SimpleNamespace

import keras

from keras_vit.common.checks import check_positive, is_integer
from keras_vit.layers import BoxesAroundPoints, GridPoints, LayerNorm
from keras_vit.models.backbones import (
    backbone_of,
    build_headless,
    headless,
    rebuilder,
    stride_of,
    take_over,
)
from keras_vit.models.building.arguments import integers
from keras_vit.models.building.ends import float_policy
from keras_vit.models.maps import feature_maps
from keras_vit.models.vision_model import VisionModel

FAMILY = "detector"
# The arguments of this model that its backbone has not.
OWN = ("strides", "head_width", "head_layers")
# What strides may be, as multiples of that of the backbone's last map.
_TIMES = (0.25, 0.5, 1, 2, 4)
PRIOR = 0.01  # the first share of every class: few places have an object


def Detector(
    backbone,
    num_classes,
    *,
    strides=None,
    head_width=128,
    head_layers=2,
    name=None,
    **arguments,
):
    """Classes and boxes of objects: a dense head on the last map of a backbone.

    For your own images, of which there may be few. From the last feature map of any
    backbone a simple pyramid is made (Li et al., 2022): by transposed convolutions,
    as it is, or by pooling. A head with shared weights (FCOS: Tian et al., 2019) tells
    at every place of it the logits of all classes, how far the sides of a box are, and
    how near the place is to the middle of its object ("centreness").

    Train it by `compile(optimizer, loss=keras_vit.losses.DenseDetectionLoss())` and
    `fit` with batches of images and dictionaries of boxes and classes; get boxes from
    its outputs by `keras_vit.models.detection.decode`.

    Objects that are smaller than the stride may lie between places and are then not
    found: take smaller strides, or larger images.

    Args:
        backbone: A model of this package (ViT, hybrid, BiT, ResNet, EfficientNet or
            VGG), whose weights are copied and which stays as it is; or the name of
            one from `keras_vit.list_models()`. Layers that do not train there do not
            train here.
        num_classes: Integer, the classes of objects; the background is none of them.
        strides: Integers, pixels from one place to the next in each level of the
            pyramid: a quarter, half, once, twice or four times what a place of the
            backbone's map stands for. Several levels share objects by their sizes:
            that of stride s has those whose farthest side is 4 s away or more, until
            those of the next one begin; the first one has smaller ones, too. Defaults
            to one level of half: 8 pixels for patches of 16. Where a place has an odd
            side: one level of that.
        head_width: Integer, the channels of pyramid and head. The papers have 256.
        head_layers: Integer, the 3x3 convolutions before each output. FCOS has 4.
        name: String, the name of the model.
        **arguments: Where `backbone` is a name: arguments of its constructor, such as
            `weights="augreg"`, `image_size=512`, `dtype="mixed_bfloat16"`.

    Input shape: `(batch, height, width, num_channels)`, as the backbone has it. A
        backbone for every size (`image_size=(None, None)`) makes a model for every
        size and shape: images are padded with zeros, at right and bottom, to whole
        places.

    Output shape: a dictionary, of P places in all levels, row by row, float32 at least:
        `"logits"`, `(batch, P, num_classes)`, of sigmoids; `"boxes"`,
        `(batch, P, 4)`, left, top, right and bottom in pixels, not cut to the image;
        `"centreness"`, `(batch, P)`, logits; `"points"`, `(batch, P, 3)`, x, y and
        stride of the places.

    Returns:
        A `keras_vit.models.VisionModel`. Layers of the backbone keep their names.

    Raises:
        ValueError: if the backbone has no such map, or a size does not fit; the
            message says what to do.

    Example:

    >>> model = keras_vit.Detector("ViT_S16", 3, image_size=(96, 128))
    >>> model.compile("adamw", loss=keras_vit.losses.DenseDetectionLoss())
    >>> model(keras.ops.zeros((1, 96, 128, 3)))["boxes"].shape
    (1, 192, 4)

    Reference: [Tian et al., 2019](https://arxiv.org/abs/1904.01355);
    [Li et al., 2022](https://arxiv.org/abs/2203.16527), section 3.
    """
    own = {
        "strides": strides,
        "head_width": head_width,
        "head_layers": head_layers,
    }
    _check_own(num_classes, own)
    backbone, settings = backbone_of(backbone, arguments, "Detector")
    family = settings["family"]
    model = detector(family, settings["arguments"], num_classes, own, name)
    take_over(model, backbone, "head")
    return model


def detector(family, arguments, num_classes, own, name=None):
    """The model of checked arguments, without the values of a backbone.

    Args:
        family: String, that of the backbone.
        arguments: Dictionary, all arguments of the backbone's constructor.
        num_classes: Integer.
        own: Dictionary of the arguments in `OWN`.
        name: String or `None`.
    """
    inner, pixels = headless(arguments), stride_of(family, arguments)
    a = SimpleNamespace(**{**inner, **own, "num_classes": num_classes})
    side = _side(pixels, family)
    a.strides = _strides(a.strides, side)
    images, backbone = build_headless(family, inner, pixels)
    last = feature_maps(backbone).output  # (B, rows, columns, D)
    levels = [(_level(last, stride / side, stride, a), stride) for stride in a.strides]
    outputs = _dense_head(levels, a)
    model = VisionModel(images, outputs, name=name or FAMILY)
    model.settings.update(family=FAMILY, arguments={**vars(a), "backbone": family})
    return model


@functools.cache
def builder_of(family):
    """A constructor of detectors on backbones of a family, by all their arguments."""
    return rebuilder(Detector, _checked, OWN, family)


def _checked(family, arguments, num_classes, own, name):
    _check_own(num_classes, own)
    return detector(family, arguments, num_classes, own, name)


# The pyramid and the head ------------------------------------------------------------


def _level(x, times, stride, a):
    """A map of one level: its stride is so many times that of `x`."""
    own, name = {"dtype": a.dtype}, f"stride{stride}"
    channels = x.shape[-1]
    for i in range(round(-math.log2(times))):  # enlarged
        if i:
            x = LayerNorm(epsilon=1e-6, name=f"{name}_up{i}_norm", **own)(x)
            x = keras.layers.Activation("gelu", name=f"{name}_up{i}_gelu", **own)(x)
        channels = max(channels // 2, 1)
        up = {"name": f"{name}_up{i + 1}", "kernel_initializer": "he_normal", **own}
        x = keras.layers.Conv2DTranspose(channels, 2, 2, **up)(x)
    for i in range(round(math.log2(times))):  # made smaller
        pool = {"padding": "same", "name": f"{name}_pool{i + 1}", **own}
        x = keras.layers.MaxPooling2D(2, **pool)(x)
    for i, kernel in ((1, 1), (2, 3)):
        x = keras.layers.Conv2D(
            a.head_width,
            kernel,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv{i}",
            **own,
        )(x)
        x = LayerNorm(epsilon=1e-6, name=f"{name}_norm{i}", **own)(x)
    return x  # (B, rows, columns, head_width)


def _dense_head(levels, a):
    """The outputs of all levels, by one head; `levels`: pairs of map and stride."""
    exact = {"dtype": float_policy(a.dtype)}
    towers = {name: _tower(f"{name}_tower", a) for name in ("class", "box")}
    ends = {
        "logits": _end("class_output", a.num_classes, -math.log(1 / PRIOR - 1), exact),
        "boxes": _end("box_output", 4, 1.0, exact),
        "centreness": _end("centreness_output", 1, 0.0, exact),
    }
    found = {name: [] for name in (*ends, "points")}
    for x, stride in levels:
        of_class, of_box = towers["class"](x), towers["box"](x)
        name = f"stride{stride}"
        flat = keras.layers.Reshape((-1, a.num_classes), name=f"{name}_logits", **exact)
        found["logits"].append(flat(ends["logits"](of_class)))  # (B, P, K)
        around = BoxesAroundPoints(stride, name=f"{name}_boxes", **exact)
        found["boxes"].append(around(ends["boxes"](of_box)))  # (B, P, 4)
        flat = keras.layers.Reshape((-1,), name=f"{name}_centreness", **exact)
        found["centreness"].append(flat(ends["centreness"](of_box)))  # (B, P)
        points = GridPoints(stride, name=f"{name}_points", **exact)
        found["points"].append(points(x))  # (B, P, 3)
    if len(levels) == 1:
        return {name: each[0] for name, each in found.items()}
    return {
        name: keras.layers.Concatenate(axis=1, name=name, **exact)(each)
        for name, each in found.items()
    }


def _tower(name, a):
    """A function from a map to a map, by the same convolutions for every level."""
    layers = []
    for i in range(1, a.head_layers + 1):
        own = {"kernel_initializer": "he_normal", "dtype": a.dtype}
        conv = {"padding": "same", "use_bias": False, "name": f"{name}_conv{i}", **own}
        layers.append(keras.layers.Conv2D(a.head_width, 3, **conv))
        norm = {"epsilon": 1e-6, "name": f"{name}_norm{i}", "dtype": a.dtype}
        layers.append(LayerNorm(**norm))
        layers.append(keras.layers.ReLU(name=f"{name}_relu{i}", dtype=a.dtype))

    def apply(x):
        for layer in layers:
            x = layer(x)
        return x

    return apply


def _end(name, filters, bias, exact):
    """The last convolution of an output, which is `bias` everywhere at first."""
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
        **exact,
    )


# Checks ------------------------------------------------------------------------------


def _check_own(num_classes, own):
    """Checks the arguments that are not the backbone's."""
    if not is_integer(num_classes) or num_classes < 1:
        raise ValueError(
            "`num_classes` must be a positive integer: the classes of objects, without "
            f"the background. Received: num_classes={num_classes!r}"
        )
    check_positive(head_width=own["head_width"], head_layers=own["head_layers"])


def _side(stride, family):
    """The pixels of a side of a place of the backbone's map, which is a square."""
    if stride is None or stride[0] != stride[1]:
        raise ValueError(
            "A place of the backbone's last map must stand for a square of pixels that "
            "no other place has. Received: "
            f"{'overlapping patches' if stride is None else stride} of the family "
            f"{family!r}. Take square patches side by side."
        )
    return stride[0]


def _strides(strides, side):
    """The strides of the levels, from fine to coarse, as a list."""
    possible = [int(side * t) for t in _TIMES if side * t >= 1 and side * t % 1 == 0]
    if strides is None:
        return [possible[max(possible.index(side) - 1, 0)]]  # an odd side has no half
    strides = integers([strides] if is_integer(strides) else strides, "strides")
    if not strides or sorted(set(strides)) != strides or set(strides) - set(possible):
        raise ValueError(
            "`strides` must be some of those that a pyramid on this backbone has, each "
            f"larger than the one before: {possible} pixels. Received: "
            f"strides={strides}"
        )
    return strides
