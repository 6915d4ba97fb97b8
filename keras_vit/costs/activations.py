"""Memory for activations: what each layer keeps for the backward pass."""

import math

import keras

from keras_vit.layers import (
    LocalResponseNorm,
    MaskTransformer,
    MBConv,
    PostActivationUnit,
    PreActivationUnit,
    ResNetUnit,
    TransformerBlock,
)


def kept_values(model):
    """What training keeps of one image, and the most that one layer needs besides.

    Layers below the first trainable one keep nothing, because nothing flows back to
    them. Transformer blocks, residual units and MBConv are counted by what their
    gradients read, or by their input with `remat`; of any other layer the output is
    kept, unless ReLUs alone read it, whose gradients need what they give themselves.

    Args:
        model: A functional `keras.Model` of a known image size.

    Returns:
        (kept, largest): numbers of values; `largest` is the number that the layer
        with the most keeps, whether it is trainable or not.
    """
    kept = largest = 0
    trains = False
    for layer in _leaves(model):
        values = _values_of(layer)
        trains = trains or bool(layer.trainable_variables)
        if trains and getattr(layer, "remat", False):
            kept += sum(math.prod(shape) for shape in _shapes(layer, "input"))
        elif trains and not _goes_into_relu(layer):
            kept += values
        largest = max(largest, values)
    return kept, largest


def _goes_into_relu(layer):
    """Whether nothing but ReLUs reads what a layer gives."""
    readers = [node.operation for node in layer._outbound_nodes]
    return readers != [] and all(isinstance(r, keras.layers.ReLU) for r in readers)


def _leaves(model):
    """The layers of a model in their order, those of models inside it included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _values_of(layer):
    inputs, outputs = _shapes(layer, "input"), _shapes(layer, "output")
    for kind, count in _COUNTS.items():
        if isinstance(layer, kind) and len(inputs) == 1:
            return count(layer, inputs[0])
    return sum(math.prod(shape) for shape in outputs)


def _shapes(layer, end):
    """The shapes of what goes in or comes out, without the batch."""
    try:
        tensors = keras.tree.flatten(getattr(layer, end))
    except (AttributeError, ValueError):  # of no model, or used more than once
        return []
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    if any(None in shape for shape in shapes):
        raise ValueError(
            "The memory of a model for images of every size is not known: build it "
            f"with an `image_size`. Received: shapes {shapes} of layer {layer.name!r}"
        )
    return shapes


def _transformer_block(layer, shape):
    tokens, width = shape
    # Inputs of both norms and their outputs, query (twice: as it is and scaled), key,
    # value, and what the heads give: 9 of the tokens' width. The MLP's hidden layer
    # before and after GELU; of a SwiGLU gate and value, silu(gate) and the product.
    hidden = (4 if layer.swiglu else 2) * layer.mlp_dim
    per_token = 9 * width + hidden + layer.num_heads * tokens
    if layer.dropout_rate:
        per_token += 2 * width + layer.mlp_dim
    if layer.attention_dropout_rate:
        per_token += layer.num_heads * tokens
    return tokens * per_token


def _pre_activation_unit(layer, shape):
    before, after, channels = _maps(layer, shape)
    # Each of the three convolutions: what goes into its norm, and into itself.
    return 2 * (before * channels + (before + after) * layer.filters)


def _post_activation_unit(layer, shape):
    before, after, channels = _maps(layer, shape)
    wide = 4 * layer.filters * after
    changes = layer.strides > 1 or channels != 4 * layer.filters
    projection = wide if changes or layer.projects else 0
    inner = 2 * (before + after) * layer.filters
    return before * channels + inner + wide + projection


def _resnet_unit(layer, shape):
    before, after, channels = _maps(layer, shape)
    kept, positions = before * channels, before
    for number, (_, filters, strides) in enumerate(layer._sizes(), start=1):
        positions = after if strides > 1 else positions
        # What goes into the norm, and what the ReLU behind it gives; the last is the
        # input of the next unit.
        kept += (2 - (number == len(layer._sizes()))) * positions * filters
    changes = layer.strides > 1 or channels != layer.filters
    return kept + changes * after * layer.filters


def _mbconv(layer, shape):
    before, after, channels = _maps(layer, shape)
    inner = layer.expansion * channels
    # What goes into each convolution, norm and swish, and into the product with the
    # weights of the channels, which are few.
    widened = 3 * before * inner if layer.expansion > 1 else 0
    return before * channels + widened + after * (4 * inner + layer.filters)


def _local_response_norm(layer, shape):
    return 3 * math.prod(shape)  # the input, the divisor, and the power of it


def _mask_transformer(layer, shape):
    *sides, width = shape
    places = math.prod(sides)
    tokens = places + layer.num_classes
    blocks = sum(_transformer_block(block, (tokens, width)) for block in layer.blocks)
    # What goes into the last norm and out of it, both sides of the cosines before and
    # after their lengths are 1, and the masks before and after their norm.
    return blocks + 4 * tokens * width + 2 * places * layer.num_classes


def _maps(layer, shape):
    """Positions before and after the stride, and channels."""
    height, width, channels = shape
    after = -(-height // layer.strides) * -(-width // layer.strides)
    return height * width, after, channels


_COUNTS = {
    TransformerBlock: _transformer_block,
    PreActivationUnit: _pre_activation_unit,
    PostActivationUnit: _post_activation_unit,
    ResNetUnit: _resnet_unit,
    MBConv: _mbconv,
    LocalResponseNorm: _local_response_norm,
    MaskTransformer: _mask_transformer,
}
