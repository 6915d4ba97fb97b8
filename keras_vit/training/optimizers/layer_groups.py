"""Which layers train, and with which share of the learning rate."""

import contextlib
import fnmatch
import logging
import re

from keras_vit.common.wording import hint
from keras_vit.models.changes.lora import enable_lora, trained
from keras_vit.models.changes.parts import in_head, up_to_block

logger = logging.getLogger(__name__)

# In `freeze`: everything that comes before the classifier.
BACKBONE = "backbone"
# In `freeze`: so many blocks from the input on, with all that comes before them.
BLOCKS = re.compile(r"blocks:(\d+)")


def limit_training(model, recipe):
    """Freezes what a recipe does not train, and adds the adapters that it does.

    Args:
        model: A model of this package.
        recipe: A `Recipe`, of which `freeze` and `lora_rank` are read.

    Raises:
        ValueError: if the model has no such layers, or no blocks to adapt.
    """
    if recipe.freeze:
        freeze_layers(model, recipe.freeze)
        logger.info("Frozen: %s; %s.", ", ".join(recipe.freeze), trained(model))
    if recipe.lora_rank is not None:
        enable_lora(model, recipe.lora_rank)


def freeze_layers(model, patterns):
    """Makes layers untrainable: their variables get no gradient and no optimizer state.

    Args:
        model: A model of this package.
        patterns: Names of layers, in which `*` stands for anything, such as
            `"patch_encoder"` or `"block_0*"`; `"backbone"`: all but the head; or
            `"blocks:6"`: the first six blocks, with patches and positions or the stem.

    Raises:
        ValueError: if a pattern meets no layer with weights, the model has fewer
            blocks, or nothing is left to train.
    """
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    for pattern in patterns:
        if pattern == BACKBONE:
            names = [name for name in layers if not in_head(model, name)]
        elif blocks := BLOCKS.fullmatch(pattern):
            names = [layer.name for layer in up_to_block(model, int(blocks[1]))]
        else:
            names = fnmatch.filter(layers, pattern)
        if not names:
            raise ValueError(
                "`freeze` must name layers of the model that have weights. "
                f"Received: {pattern!r}.{hint(pattern, [*layers, BACKBONE])} "
                f"The layers: {', '.join(layers)}; {BACKBONE!r} means all but the "
                "head, 'blocks:6' the first six blocks and what comes before them."
            )
        for name in names:
            layers[name].trainable = False
    if not model.trainable_variables:
        raise ValueError(
            f"`freeze` leaves nothing to train. Received: freeze={tuple(patterns)}"
        )


@contextlib.contextmanager
def all_trainable(model):
    """Inside the block every layer says that it is trainable.

    For saving: whoever loads the model need not know what one run had frozen.
    """
    frozen = [layer for layer in model.layers if not layer.trainable]
    for layer in frozen:
        layer.trainable = True
    try:
        yield
    finally:
        for layer in frozen:
            layer.trainable = False


def rate_factors(model, layer_decay):
    """The share of the learning rate that each trainable variable gets.

    The head and the last norm get the whole rate, the last block `layer_decay` times
    that, the block before it `layer_decay ** 2`, and what comes before the first
    block `layer_decay ** (blocks + 1)`.

    Args:
        model: A model with Transformer blocks.
        layer_decay: Float in `(0, 1]`.

    Returns:
        Dictionary from the path of a variable to its factor.

    Raises:
        ValueError: if the model has no Transformer blocks.

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555);
    numbered for ViT as by [Bao et al., 2022](https://arxiv.org/abs/2106.08254).
    """
    depths = [_block(layer.name) for layer in model.layers]
    blocks = [depth for depth in depths if depth is not None]
    if not blocks:
        raise ValueError(
            "`layer_decay` needs a model of Transformer blocks. "
            f"Received: layer_decay={layer_decay}, model={model.name!r}"
        )
    last = max(blocks) + 2  # of the head; 0 is the patch encoder, 1 the first block
    factors, depth = {}, 0
    for layer, block in zip(model.layers, depths):
        if block is not None:
            depth = block + 1
        elif depth:  # the first layer after the blocks
            depth = last
        for variable in layer.trainable_variables:
            factors[variable.path] = layer_decay ** (last - depth)
    return factors


def _block(name):
    """The number of the block that a layer belongs to, or `None`."""
    match = re.fullmatch(r"(?:block|position_embedding)_(\d+)", name)
    return int(match[1]) if match else None
