"""Folds weight standardisation and batch norms into the kernels of models."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers import (
    BatchNorm,
    MBConv,
    PostActivationUnit,
    PreActivationUnit,
    ResNetUnit,
    StandardizedConv2D,
)


def _names(*layers):
    return {keras.saving.get_registered_name(layer) for layer in layers}


_STANDARDIZING = _names(StandardizedConv2D, PreActivationUnit, PostActivationUnit)
_NORMALIZING = _names(BatchNorm, ResNetUnit, MBConv)


def fold_weight_standardization(model):
    """A copy of `model` for inference whose kernels are standardised once and for all.

    A BiT or hybrid model standardises its kernels in every forward pass. The copy
    holds the results in plain convolutions: the same outputs in less time. It
    shares nothing with `model`, and is saved and loaded like any other. Training it
    would be training another model.

    Args:
        model: A built `keras.Model` with BiT or hybrid parts: of this package, cut
            out of one, or a model that contains one.

    Returns:
        A new model of the same kind, not compiled.

    Raises:
        ValueError: if `model` is not built or standardises no kernel.

    Example:

    >>> model = keras_vit.BiT_R50x1(num_classes=10)
    >>> fast = keras_vit.fold_weight_standardization(model)
    """
    convolutions = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, StandardizedConv2D) and layer.standardization is not None
    ]
    if not model.built or not convolutions:
        raise ValueError(
            "`model` must be built and have standardised convolutions, as BiT and the "
            "hybrids do. Received: "
            f"model={model.name!r} with {len(convolutions)} of them, "
            f"built={model.built}"
        )
    standardized = {
        id(layer._kernel): layer.standardized(layer.kernel) for layer in convolutions
    }

    def change(config):
        if config.get("registered_name") in _STANDARDIZING:
            config["config"]["standardization"] = None
        arguments = (config.get("settings") or {}).get("arguments", {})
        if "standardization" in arguments:
            arguments["standardization"] = None

    return _copy(model, standardized, change)


def fold_batch_norm(model):
    """A copy of `model` for inference whose batch norms are part of its kernels.

    With fixed statistics a batch norm multiplies each channel and adds to it. The
    copy's kernels are multiplied once and for all, and its norms only add: the same
    outputs in less time. It shares nothing with `model`, and is saved and loaded like
    any other. Training it would be training another model.

    Args:
        model: A built `keras.Model` with `keras_vit.layers.BatchNorm`, each behind a
            convolution: a ResNet, EfficientNet, VGG or U-Net of this package, cut out
            of one, or a model that contains one.

    Returns:
        A new model of the same kind, not compiled.

    Raises:
        ValueError: if `model` is not built, has no such norm, or one that does not
            follow a convolution.

    Example:

    >>> model = keras_vit.ResNet50(weights="torchvision")
    >>> fast = keras_vit.fold_batch_norm(model)
    """
    layers = model._flatten_layers() if model.built else ()
    norms = [each for each in layers if isinstance(each, BatchNorm) and not each.folded]
    before = _convolutions_before_norms(model)
    alone = sorted(norm.name for norm in norms if id(norm) not in before)
    if not norms or alone:
        raise ValueError(
            "`model` must be built and have batch norms of this package, each behind a "
            f"convolution. Received: model={model.name!r} with {len(norms)} of them, "
            f"built={model.built}; behind no convolution: {alone}"
        )
    values = {}
    for norm in norms:
        values.update(_folded(before[id(norm)], norm))

    def change(config):
        if config.get("registered_name") in _NORMALIZING:
            config["config"]["folded"] = True

    return _copy(model, values, change)


def _convolutions_before_norms(model):
    """The convolution whose output a batch norm alone reads, by the norm's `id`."""
    found = {}
    for layer in model._flatten_layers():
        if isinstance(layer, (ResNetUnit, MBConv)):
            found.update((id(norm), conv) for conv, norm in layer.normalized())
        elif isinstance(layer, BatchNorm) and len(layer._inbound_nodes) == 1:
            (tensor,) = layer._inbound_nodes[0].input_tensors
            conv = tensor._keras_history.operation
            readers = {id(node.operation) for node in conv._outbound_nodes}
            linear = getattr(conv, "activation", None) is keras.activations.linear
            if type(conv) is keras.layers.Conv2D and linear and readers == {id(layer)}:
                found[id(layer)] = conv
    return found


def _folded(conv, norm):
    """New values of the weights of a convolution and its batch norm, by their `id`."""
    mean, variance = _array(norm.moving_mean), _array(norm.moving_variance)
    scale = _array(norm.gamma) / np.sqrt(variance + norm.epsilon)
    depthwise = isinstance(conv, keras.layers.DepthwiseConv2D)
    kernel = _array(conv.kernel) * (scale[:, None] if depthwise else scale)
    values = {
        id(getattr(conv, "_kernel", conv.kernel)): kernel,
        # What a norm that is not folded needs to do the same.
        id(norm.gamma): np.ones_like(scale),
        id(norm.beta): _array(norm.beta) - mean * scale,
        id(norm.moving_mean): np.zeros_like(mean),
        id(norm.moving_variance): np.ones_like(variance) - norm.epsilon,
    }
    if conv.bias is not None:
        values[id(conv.bias)] = _array(conv.bias) * scale
    return values


def _array(weight):
    return ops.convert_to_numpy(weight).astype("float64")


def _copy(model, values, change):
    """A copy with other values, by the `id` of the weight, and changed configs."""
    config = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(_changed(config, change))
    for layer in model._flatten_layers():
        if getattr(layer, "lora_enabled", False):
            values.setdefault(id(layer._kernel), layer.kernel)
    weights = [w for w in model.weights if not w.name.startswith("lora_kernel")]
    for old, new in zip(weights, copy.weights, strict=True):
        new.assign(values.get(id(old), old))
    return copy


# How a model was compiled, and its LoRA weights, which the kernels take in.
_LEFT_OUT = ("compile_config", "lora_rank", "lora_alpha")


def _changed(config, change):
    """`config` without what is left out, `change` applied to every layer's."""
    if isinstance(config, (list, tuple)):
        return type(config)(_changed(item, change) for item in config)
    if not isinstance(config, dict):
        return config
    config = {
        key: _changed(value, change)
        for key, value in config.items()
        if key not in _LEFT_OUT
    }
    change(config)
    return config
