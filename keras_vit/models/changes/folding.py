"""Folds weight standardisation into the kernels of BiT and hybrid models."""

import keras

from keras_vit.layers import PostActivationUnit, PreActivationUnit, StandardizedConv2D

_STANDARDIZING = {
    keras.saving.get_registered_name(layer)
    for layer in (StandardizedConv2D, PreActivationUnit, PostActivationUnit)
}


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
    config = keras.saving.serialize_keras_object(model)
    folded = keras.saving.deserialize_keras_object(_plain(config))
    # LoRA weights are part of the kernels by now.
    weights = [w for w in model.weights if not w.name.startswith("lora_kernel")]
    for old, new in zip(weights, folded.weights, strict=True):
        new.assign(standardized.get(id(old), old))
    return folded


def _plain(config):
    """`config` with standardisation off in every layer, uncompiled, without LoRA."""
    if isinstance(config, (list, tuple)):
        return type(config)(_plain(item) for item in config)
    if not isinstance(config, dict):
        return config
    config = {k: _plain(v) for k, v in config.items() if k != "compile_config"}
    if config.get("registered_name") in _STANDARDIZING:
        config["config"]["standardization"] = None
        config["config"].pop("lora_rank", None)
        config["config"].pop("lora_alpha", None)
    arguments = (config.get("settings") or {}).get("arguments", {})
    if "standardization" in arguments:
        arguments["standardization"] = None
    return config
