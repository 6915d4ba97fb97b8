"""LoRA: adapters of low rank on the projections of Transformer blocks."""

import contextlib
import logging

import keras
import numpy as np
from keras import ops

from keras_vit.common.checks import is_integer
from keras_vit.layers import TransformerBlock
from keras_vit.models.changes.parts import blocks_of, in_head
from keras_vit.models.vision_model import look_inside, settings_of

logger = logging.getLogger(__name__)

_ADAPTER = "lora_kernel_"


def enable_lora(model, rank, alpha=None):
    """Freezes a model but for adapters on its blocks' projections, and its head.

    Each of the four dense layers of a Transformer block (`query_key_value`, one matrix
    for all three, and `projection` of the attention, `dense_1` and `dense_2` of the
    MLP) computes with `kernel + alpha / rank * a @ b`, `a` of shape `(inputs, rank)`,
    `b` of shape `(rank, outputs)` and zero at first, by Keras's own `enable_lora`. `a`
    and `b` learn, and the head does; kernels, biases, norms, patches and positions
    stay. The model is changed in place, and computes what it did before.

    `model.save` writes the merged kernels into a file like any other; under mixed
    precision, in the precision of the computation. `save_adapters` writes the adapters
    and the head alone.

    Args:
        model: A model of this package with Transformer blocks: a ViT, a hybrid, or a
            `Segmenter` or `Detector` on one. Not compiled, or to be compiled again. For
            a head of your own, enable it on the backbone first.
        rank: Positive integer, the rank of each adapter.
        alpha: Positive number; the adapters count `alpha / rank` times. Defaults to
            `rank`.

    Returns:
        The same model.

    Raises:
        ValueError: if the model has no Transformer blocks of this package, or adapters
            already, or a number is wrong.

    Example:

    >>> model = keras_vit.ViT_B16(10, weights="augreg")
    >>> keras_vit.enable_lora(model, 4).compile("adam", loss, metrics=["accuracy"])

    Reference: [Hu et al., 2021](https://arxiv.org/abs/2106.09685).
    """
    if not is_integer(rank) or rank < 1:
        raise ValueError(f"`rank` must be a positive integer. Received: rank={rank!r}")
    if alpha is not None and not alpha > 0:
        raise ValueError(f"`alpha` must be a positive number. Received: alpha={alpha}")
    layers = _projections(model)
    if any(layer.lora_enabled for layer in layers):
        raise ValueError(
            f"The model {model.name!r} has adapters already. To begin anew, save and "
            "load it: the file has them merged into its kernels."
        )
    for layer in layers:
        layer.enable_lora(rank, lora_alpha=alpha)
    for layer in model.layers:
        if in_head(model, layer.name):
            continue
        if not isinstance(layer, TransformerBlock):
            layer.trainable = False
            continue
        for variable in layer.variables:
            if not variable.name.startswith(_ADAPTER):
                variable.trainable = False
    logger.info("LoRA of rank %d on %d layers: %s.", rank, len(layers), trained(model))
    return model


def trained(model):
    """How many of a model's parameters are trained, in words."""
    own, all_of_them = (
        sum(int(np.prod(v.shape)) for v in variables)
        for variables in (model.trainable_variables, model.weights)
    )
    share = 100 * own / max(1, all_of_them)
    return f"{own:,} of {all_of_them:,} parameters are trained ({share:.3g} %)"


def adapted_layers(model):
    """The layers of a model that have adapters."""
    layers = model._flatten_layers()
    return [layer for layer in layers if getattr(layer, "lora_enabled", False)]


@contextlib.contextmanager
def merged(model):
    """Inside the block the adapters are part of the kernels, in full precision.

    For saving: Keras merges in the precision of the computation.
    """
    before = []
    for layer in adapted_layers(model):
        before.append((layer, ops.convert_to_numpy(layer._kernel)))
        product = ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)
        scale = layer.lora_alpha / layer.lora_rank
        layer._kernel.assign(layer._kernel + scale * product)
        layer.lora_enabled = False
    try:
        yield
    finally:
        for layer, kernel in before:
            layer._kernel.assign(kernel)
            layer.lora_enabled = True


def is_adapter(variable):
    """Whether a variable is half of an adapter."""
    return variable.name.startswith(_ADAPTER)


def _projections(model):
    """The dense layers of all Transformer blocks of a model's backbone."""
    if not settings_of(model).get("family"):
        raise ValueError(
            "LoRA is for models made by a constructor of keras_vit; of others nobody "
            f"knows the head. Received: {model!r}.{look_inside(model)} Enable it "
            "on the backbone, then put your own layers on that."
        )
    blocks = [b for b in blocks_of(model) if isinstance(b, TransformerBlock)]
    if not blocks:
        raise ValueError(
            "LoRA adapts the projections of Transformer blocks, and the model "
            f"{model.name!r} has none. Freeze a part of it instead, such as "
            "freeze=('blocks:2',) (--freeze blocks:2)."
        )
    return [
        layer
        for block in blocks
        for layer in block._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
    ]
