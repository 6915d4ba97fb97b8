"""Which layers of a model are its head, and which its blocks."""

from keras_vit.layers import (
    MBConv,
    PostActivationUnit,
    PreActivationUnit,
    ResNetUnit,
    TransformerBlock,
)
from keras_vit.models.detection.detector import FAMILY as DETECTOR
from keras_vit.models.segmentation.segmenter import FAMILY as SEGMENTER
from keras_vit.models.vision_model import settings_of

# How the names of the layers of a head begin, by family.
HEADS = {
    SEGMENTER: ("head", "mask_transformer", "decoder_", "up"),
    DETECTOR: ("stride", "class_", "box_", "centreness_"),  # pyramid and head
    "yolos": ("class_", "box_"),
}
_UNITS = (PreActivationUnit, PostActivationUnit, ResNetUnit, MBConv)


def in_head(model, name):
    """Whether a layer belongs to a model's head, not to its backbone.

    Args:
        model: A model of this package.
        name: String, the name of one of its layers.
    """
    starts = HEADS.get(settings_of(model).get("family"))
    return name.startswith(starts) if starts else name in ("pre_logits", "head")


def blocks_of(model):
    """The blocks of a model's backbone, the first one first.

    Those of the Transformer; of a model without any, the units of its stages, as of
    BiT, ResNet and EfficientNet. An empty list for models of neither.
    """
    own = [layer for layer in model.layers if not in_head(model, layer.name)]
    blocks = [layer for layer in own if isinstance(layer, TransformerBlock)]
    return blocks or [layer for layer in own if isinstance(layer, _UNITS)]


def up_to_block(model, count):
    """The layers with weights from the input to a model's block number `count`.

    With them come patches, positions and the stem; 0 blocks are these alone.

    Raises:
        ValueError: if the model has fewer blocks, or none.
    """
    blocks = blocks_of(model)
    if not blocks or not 0 <= count <= len(blocks):
        kinds = "Transformer blocks or residual units"
        has = f"{len(blocks)} blocks" if blocks else f"no {kinds}"
        raise ValueError(
            f"The first {count} blocks are asked for, and the model {model.name!r} has "
            f"{has}."
        )
    places = {layer.name: place for place, layer in enumerate(model.layers)}
    # Positions that are added at every layer stand before their block.
    end = places[blocks[count - 1].name] + 1 if count else places[blocks[0].name]
    layers = [layer for layer in model.layers[:end] if layer.weights]
    return [layer for layer in layers if not in_head(model, layer.name)]
