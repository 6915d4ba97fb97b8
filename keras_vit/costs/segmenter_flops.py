"""Floating-point operations of a `Segmenter`: its backbone's, and those of its head."""

import math
import re
from types import SimpleNamespace

from keras_vit.layers import MaskTransformer
from keras_vit.layers.tokens.grids import patch_grid
from keras_vit.models.backbones import stride_of
from keras_vit.models.variants import counts


def multiply_adds(model, arguments, sides, families):
    """Multiply-adds of one image by part of the model.

    Args:
        model: A `Segmenter`.
        arguments: Dictionary, those of its settings.
        sides: `(height, width)`, pixels.
        families: Dictionary from the family of a backbone to the function that counts
            its parts.
    """
    a = SimpleNamespace(**{**arguments, "num_classes": 0})
    stride = stride_of(a.backbone, arguments)
    if stride is None:  # patches overlap
        places = math.prod(patch_grid(sides, a.patch_size, a.stride))
    else:
        sides = tuple(-(-n // step) * step for n, step in zip(sides, stride))
        places = math.prod(n // step for n, step in zip(sides, stride))
    parts = families[a.backbone](a, sides)
    doublings = len(a.decoder_widths or ())
    head = sum(_of_layer(layer, places, doublings) for layer in model.layers)
    return {**parts, "head": head}


def _of_layer(layer, places, doublings):
    """Those of a layer of the head; 0 of any other."""
    if isinstance(layer, MaskTransformer):
        return _mask_transformer(layer, places)
    step = re.fullmatch(r"up(\d)_conv\d", layer.name)
    if step:
        places *= 4 ** int(step[1])
    elif layer.name == "head":
        places *= 4**doublings
    elif layer.name != "decoder_conv":
        return 0
    return places * math.prod(layer.kernel.shape)


def _mask_transformer(layer, places):
    classes, width = layer.num_classes, layer.class_tokens.shape[-1]
    tokens = places + classes
    block = layer.blocks[0]
    row = SimpleNamespace(hidden_dim=width, mlp_dim=block.mlp_dim)
    each = counts.attention_multiply_adds(tokens, row)
    each += counts.mlp_multiply_adds(tokens, row)
    projections = (places + tokens) * width**2
    return layer.num_layers * each + projections + places * classes * width
