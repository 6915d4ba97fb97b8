"""Feature maps of any model of this package, for heads that answer for every place."""

import keras

from keras_vit.common.checks import is_integer
from keras_vit.common.wording import hint
from keras_vit.layers import TokensToMap
from keras_vit.models.vision_model import (
    arguments_of,
    grid_of,
    look_inside,
    prefix_of,
    settings_of,
)


def feature_maps(model, depths=None):
    """A model that gives feature maps `(batch, rows, columns, channels)`.

    One way for every architecture: the tokens of a Transformer are put back on the
    grid of its patches, class and register tokens left out; a convolutional network
    has maps anyway. It shares its layers with `model`.

    Args:
        model: A model of this package: ViT, hybrid, BiT, or a network of the lineage,
            for any image size and shape, with or without a head.
        depths: Which maps. `None`: the last one, after the last norm, which is what a
            head reads. An integer: the output of a Transformer's block or of a
            convolutional network's stage, counted from 1, or from the end where it is
            negative; no norm follows. A string: the output of the layer of that name.
            A sequence of these: several maps at once.

    Returns:
        A functional `keras.Model` from images to one map, or to a list of maps where
        `depths` is a sequence.

    Raises:
        ValueError: if the model is not of this package, has no such depth, or a layer
            gives neither tokens of patches nor a map.

    Example:

    >>> model = keras_vit.ViT_S16(num_classes=0, image_size=(224, 320))
    >>> keras_vit.feature_maps(model).output_shape
    (None, 14, 20, 384)
    >>> len(keras_vit.feature_maps(model, depths=[3, 6, 9, 12]).outputs)
    4
    """
    if settings_of(model).get("family") not in _ENDS:
        raise ValueError(
            "`model` must be made by a constructor of keras_vit that has feature maps "
            f"({', '.join(_ENDS)}). Received: {model!r}.{look_inside(model)}"
        )
    several = isinstance(depths, (list, tuple))
    names = [_layer_name(model, depth) for depth in (depths if several else [depths])]
    if not names:
        raise ValueError("`depths` must name at least one map. Received: depths=[]")
    found = {name: _map_of(model, name) for name in names}
    maps = [found[name] for name in names]
    name = f"{model.name}_maps"
    return keras.Model(model.input, maps if several else maps[0], name=name)


def stages_of(model):
    """Names of the layers whose outputs have a depth, the first of them depth 1."""
    return _ENDS[settings_of(model)["family"]](arguments_of(model))[0]


def stem_maps(model):
    """The maps of a ResNet before its last: a dictionary from stride to layer name.

    Those that decoders put beside what they upsample. Empty for other networks.
    """
    family, a = settings_of(model)["family"], arguments_of(model)
    first = {"hybrid": "root_relu", "bit": "root_conv", "resnet": "conv1_relu"}
    if family not in first:
        return {}
    ends = _units(a) if family == "hybrid" else stages_of(model)
    return {2: first[family], **{4 * 2**i: end for i, end in enumerate(ends)}}


def _map_of(model, name):
    """The symbolic map of the output of a layer."""
    x = model.get_layer(name).output
    if isinstance(x, keras.KerasTensor) and len(x.shape) == 4:
        return x
    grid = grid_of(model)
    if not isinstance(x, keras.KerasTensor) or len(x.shape) != 3 or grid is None:
        raise ValueError(
            "`depths` must name layers that give tokens of patches, or maps. Received: "
            f"the layer {name!r}, which gives {getattr(x, 'shape', x)}"
        )
    a = arguments_of(model)
    prefix = prefix_of(a)
    prefix = 0 if name == "patches" else prefix  # which come with the projection
    own = {"name": f"{name}_map", "dtype": a["dtype"]}
    if None in a["image_size"]:
        cut = model.get_layer("patches").output  # (B, rows, columns, P*P*C)
        return TokensToMap(None, prefix, **own)(x, patches=cut)
    return TokensToMap(grid, prefix, **own)(x)


def _layer_name(model, depth):
    """The name of the layer whose output is the map of a depth."""
    stages, last = _ENDS[settings_of(model)["family"]](arguments_of(model))
    if depth is None:
        return last
    if isinstance(depth, str):
        names = [layer.name for layer in model.layers]
        if depth not in names:
            raise ValueError(
                f"`depths` must name layers of the model. Received: {depth!r}."
                f"{hint(depth, names)}"
            )
        return depth
    count = len(stages)
    if not is_integer(depth) or not (1 <= depth <= count or -count <= depth <= -1):
        raise ValueError(
            f"`depths` must be from 1 to {count}, or from -{count} to -1, as "
            f"{model.name!r} has {count} of them. Received: {depth!r}"
        )
    return stages[depth - 1 if depth > 0 else depth]


# Of each family: a function from the constructor's arguments to the names of the layers
# that end blocks or stages, and of that whose output the head reads.


def _transformer(a):
    blocks = [f"block_{i:02d}" for i in range(a["num_layers"])]
    return blocks, blocks[-1] if a.get("pooled_norm") else "encoder_norm"


def _units(a):
    return [f"stage{i}_unit{n:02d}" for i, n in enumerate(a["num_blocks"], start=1)]


def _bit(a):
    return _units(a), "relu"


def _resnet(a):
    ends = [f"conv{i}_block{n}" for i, n in enumerate(a["num_blocks"], start=2)]
    return ends, ends[-1]


def _vgg(a):
    after = "_relu" if a["batch_norm"] else ""
    counts = enumerate(a["num_convs"], start=1)
    ends = [f"block{i}_conv{n}{after}" for i, n in counts]
    return ends, f"block{len(ends)}_pool"


def _efficientnet(a):
    counts = enumerate(a["num_blocks"], start=1)
    return [f"block{i}{chr(ord('a') + n - 1)}" for i, n in counts], "top_activation"


def _alexnet(a):
    return [f"conv{i}" for i in range(1, 6)], "pool5"


def _lenet(a):
    after = "_squash" if a["variant"] == "1998" else ""
    return [f"c1{after}", f"c3{after}"], f"s4{after}"


def _neocognitron(a):
    return ["c1", "c2", "c3"], "c3"


def _unet(a):
    ends = [f"up{i}_relu2" for i in range(1, len(a["widths"]))]
    return ends, ends[-1]


_ENDS = {
    "vit": _transformer,
    "hybrid": _transformer,
    "yolos": _transformer,
    "bit": _bit,
    "resnet": _resnet,
    "vgg": _vgg,
    "efficientnet": _efficientnet,
    "alexnet": _alexnet,
    "lenet": _lenet,
    "neocognitron": _neocognitron,
    "unet": _unet,
}
