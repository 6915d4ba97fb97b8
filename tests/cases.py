"""The tables of what every conformance test runs over.

A new layer or kind of model earns every promise's test by adding one row.
"""

import functools
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest

from keras_vit import layers
from keras_vit.models import (
    VGG,
    AlexNet,
    BiT,
    EfficientNet,
    HybridViT,
    LeNet5,
    Neocognitron,
    ResNet,
    UNet,
    ViT,
)
from keras_vit.models.segmentation.segmenter import builder_of

TOKENS = (2, 7, 16)  # (B, N, D)


def rest_slow(values, count):
    """Parameters of a test, of which only the first few are in the default suite."""
    values = list(values)
    return values[:count] + [_slow(value) for value in values[count:]]


def rows(table):
    """Names of `LAYERS` or `MODELS` as parameters of a test, the `slow` ones marked."""
    return [_slow(name) if case.slow else name for name, case in table.items()]


def _slow(value):
    if hasattr(value, "marks"):  # a parameter already, which `rows` has marked
        return value
    value = value if isinstance(value, tuple) else (value,)
    return pytest.param(*value, marks=pytest.mark.slow)


@dataclass(frozen=True)
class LayerCase:
    """One layer: its arguments, the shape of an input, what its training is like."""

    layer: type
    arguments: dict
    shape: tuple
    random: bool = False  # in training
    whole_batch: bool = False  # what training makes of an image depends on the others
    slow: bool = False  # tried with the slow tests only

    def make(self, **kwargs):
        return self.layer(**self.arguments, **kwargs)


LAYERS = {
    "patches": LayerCase(layers.Patches, {"patch_size": 4}, (2, 8, 12, 3)),
    "patches_overlapping": LayerCase(
        layers.Patches, {"patch_size": (4, 3), "stride": (2, 1)}, (2, 8, 6, 1)
    ),
    "patch_encoder": LayerCase(layers.PatchEncoder, {"hidden_dim": 16}, (2, 9, 12)),
    "patch_encoder_registers": LayerCase(
        layers.PatchEncoder,
        {
            "hidden_dim": 16,
            "position_embedding": "learned_2d",
            "grid_size": (2, 3),
            "register_tokens": 2,
            "dropout_rate": 0.5,
            "seed": 3,
        },
        (2, 6, 12),
        random=True,
    ),
    "patch_encoder_plain": LayerCase(
        layers.PatchEncoder,
        {
            "hidden_dim": 16,
            "class_token": False,
            "position_embedding": "sincos2d",
            "grid_size": [2, 3],
            "embed_prefix": False,
        },
        (2, 6, 12),
    ),
    "patch_encoder_without_bias": LayerCase(
        layers.PatchEncoder, {"hidden_dim": 16, "use_bias": False}, (2, 9, 12)
    ),
    "positions_learned": LayerCase(
        layers.PositionEmbedding,
        {"grid_size": (2, 3), "prefix_tokens": 1, "kernel": "bicubic"},
        TOKENS,
    ),
    "positions_learned_2d": LayerCase(
        layers.PositionEmbedding,
        {"kind": "learned_2d", "grid_size": [2, 3], "prefix_tokens": 1},
        TOKENS,
    ),
    "positions_sincos2d": LayerCase(
        layers.PositionEmbedding,
        {"kind": "sincos2d", "grid_size": (2, 3), "prefix_tokens": 1},
        TOKENS,
    ),
    "positions_none": LayerCase(layers.PositionEmbedding, {"kind": "none"}, TOKENS),
    "attention": LayerCase(layers.MultiHeadSelfAttention, {"num_heads": 2}, TOKENS),
    "attention_qk_norm": LayerCase(
        layers.MultiHeadSelfAttention,
        {
            "num_heads": 4,
            "dropout_rate": 0.5,
            "qk_norm": True,
            "epsilon": 1e-5,
            "seed": 3,
        },
        TOKENS,
        random=True,
    ),
    "attention_relative": LayerCase(
        layers.RelativeSelfAttention,
        {"num_heads": 2, "grid_size": (2, 3), "prefix_tokens": 1},
        TOKENS,
    ),
    "attention_without_bias": LayerCase(
        layers.MultiHeadSelfAttention, {"num_heads": 2, "qkv_bias": False}, TOKENS
    ),
    "mlp": LayerCase(layers.MLP, {"mlp_dim": 24}, TOKENS),
    "mlp_quick": LayerCase(layers.MLP, {"mlp_dim": 24, "gelu": "quick"}, TOKENS),
    "mlp_swiglu": LayerCase(
        layers.MLP,
        {"mlp_dim": 24, "swiglu": True, "dropout_rate": 0.5, "seed": 3},
        TOKENS,
        random=True,
    ),
    "mlp_erf": LayerCase(
        layers.MLP,
        {"mlp_dim": 24, "dropout_rate": 0.5, "gelu": "erf", "seed": 3},
        TOKENS,
        random=True,
    ),
    "transformer_block": LayerCase(
        layers.TransformerBlock, {"num_heads": 2, "mlp_dim": 24}, TOKENS
    ),
    "transformer_block_everything": LayerCase(
        layers.TransformerBlock,
        {
            "num_heads": 4,
            "mlp_dim": 24,
            "dropout_rate": 0.2,
            "attention_dropout_rate": 0.3,
            "drop_path_rate": 0.4,
            "gelu": "erf",
            "epsilon": 1e-5,
            "qk_norm": True,
            "layer_scale": 0.1,
            "remat": True,
            "seed": 3,
        },
        TOKENS,
        random=True,
    ),
    "transformer_block_relative": LayerCase(
        layers.TransformerBlock,
        {"num_heads": 2, "mlp_dim": 24, "relative_grid": (1, 7)},
        TOKENS,
    ),
    "transformer_block_swiglu": LayerCase(
        layers.TransformerBlock,
        {"num_heads": 2, "mlp_dim": 24, "swiglu": True, "qkv_bias": False},
        TOKENS,
    ),
    "transformer_block_post": LayerCase(
        layers.TransformerBlock,
        {"num_heads": 2, "mlp_dim": 24, "norm": "post", "activation": "relu"},
        TOKENS,
        slow=True,
    ),
    "transformer_encoder": LayerCase(
        layers.TransformerEncoder,
        {
            "num_layers": 2,
            "num_heads": 2,
            "mlp_dim": 24,
            "position_embedding": "interleaved",
            "dropout_rate": 0.2,
            "seed": 3,
        },
        TOKENS,
        random=True,
        slow=True,
    ),
    "transformer_encoder_pre": LayerCase(
        layers.TransformerEncoder,
        {
            "num_layers": 1,
            "num_heads": 2,
            "mlp_dim": 24,
            "norm": "pre",
            "activation": "gelu",
            "position_embedding": "tensor2tensor",
        },
        TOKENS,
        slow=True,
    ),
    "layer_scale": LayerCase(layers.LayerScale, {"initial_value": 0.3}, TOKENS),
    "stochastic_depth": LayerCase(
        layers.StochasticDepth, {"rate": 0.5, "seed": 3}, (16, 7, 16), random=True
    ),
    "token_pooling": LayerCase(layers.TokenPooling, {}, TOKENS),
    "gap_pooling": LayerCase(
        layers.TokenPooling, {"pooling": "gap", "skip": 1}, TOKENS
    ),
    "prefix_pooling": LayerCase(
        layers.TokenPooling, {"pooling": "prefix", "skip": 2}, TOKENS
    ),
    "token_and_gap_pooling": LayerCase(
        layers.TokenPooling, {"pooling": "token+gap", "skip": 2}, TOKENS
    ),
    "attention_pooling": LayerCase(layers.AttentionPooling, {"num_heads": 2}, TOKENS),
    "attention_pooling_erf": LayerCase(
        layers.AttentionPooling,
        {"num_heads": 4, "mlp_dim": 24, "gelu": "erf", "epsilon": 1e-5},
        TOKENS,
    ),
    "tokens_to_map": LayerCase(
        layers.TokensToMap, {"grid_size": (2, 3), "prefix_tokens": 1}, TOKENS
    ),
    "take_tokens": LayerCase(layers.TakeTokens, {"count": 2, "start": 1}, TOKENS),
    "pad_to_multiple": LayerCase(
        layers.PadToMultiple, {"multiple": (4, 3)}, (2, 9, 8, 3)
    ),
    "aligned_upsampling": LayerCase(
        layers.AlignedUpsampling, {"factor": 3}, (2, 2, 3, 4)
    ),
    "grid_points": LayerCase(layers.GridPoints, {"stride": 8}, (2, 2, 3, 4)),
    "boxes_around_points": LayerCase(
        layers.BoxesAroundPoints, {"stride": 8}, (2, 2, 3, 4)
    ),
    "mask_transformer": LayerCase(
        layers.MaskTransformer,
        {"num_classes": 5, "num_layers": 1, "num_heads": 2, "mlp_dim": 24},
        (2, 2, 3, 16),
    ),
    "layer_norm": LayerCase(layers.LayerNorm, {"epsilon": 1e-5}, TOKENS),
    "size_check": LayerCase(
        layers.SizeCheck, {"multiple": 4, "offset": 1}, (2, 9, 5, 3), slow=True
    ),
    "crop": LayerCase(layers.CropToMultiple, {"multiple": (4, 3)}, (2, 9, 8, 3)),
    "group_norm": LayerCase(
        layers.GroupNorm, {"groups": 4, "epsilon": 1e-6}, (2, 3, 4, 8)
    ),
    "partial_conv": LayerCase(
        layers.PartialConv2D,
        {"connections": [[0, 1], [2], [0, 1, 2]], "kernel_size": 3},
        (2, 6, 5, 3),
        slow=True,
    ),
    "subsampling": LayerCase(layers.Subsampling, {"size": 2}, (2, 5, 4, 3), slow=True),
    "euclidean_rbf": LayerCase(
        layers.EuclideanRBF, {"units": 4, "activation": "softmax"}, (2, 6), slow=True
    ),
    "local_response_norm": LayerCase(
        layers.LocalResponseNorm, {"size": 3, "alpha": 0.5}, (2, 3, 2, 4), slow=True
    ),
    "batch_norm": LayerCase(
        layers.BatchNorm, {"momentum": 0.8}, (2, 3, 4, 8), whole_batch=True
    ),
    "standardized_conv": LayerCase(
        layers.StandardizedConv2D, {"filters": 8, "kernel_size": 3}, (2, 6, 5, 4)
    ),
    "standardized_conv_same": LayerCase(
        layers.StandardizedConv2D,
        {
            "filters": 8,
            "kernel_size": (3, 3),
            "strides": 2,
            "padding": "same",
            "standardization": "std",
            "epsilon": 1e-5,
            "use_bias": True,
        },
        (2, 6, 5, 4),
    ),
    "mbconv": LayerCase(
        layers.MBConv, {"filters": 8, "expansion": 2}, (2, 4, 5, 8), whole_batch=True
    ),
    "mbconv_strided": LayerCase(
        layers.MBConv,
        {
            "filters": 6,
            "kernel_size": 5,
            "strides": 2,
            "expansion": 1,
            "padding": "symmetric",
            "batch_norm_epsilon": 1e-5,
        },
        (2, 6, 5, 4),
        whole_batch=True,
        slow=True,
    ),
    "mbconv_dropped": LayerCase(
        layers.MBConv,
        {
            "filters": 8,
            "expansion": 2,
            "batch_norm_momentum": 0.9,
            "drop_path_rate": 0.5,
            "remat": True,
            "seed": 3,
        },
        (16, 4, 4, 8),
        random=True,
        whole_batch=True,
        slow=True,
    ),
    "resnet_unit": LayerCase(
        layers.ResNetUnit, {"filters": 8, "strides": 2}, (2, 5, 4, 6), whole_batch=True
    ),
    "resnet_unit_of_v1": LayerCase(
        layers.ResNetUnit,
        {
            "filters": 8,
            "strides": 2,
            "stride_in": "1x1",
            "batch_norm_momentum": 0.8,
            "batch_norm_epsilon": 1e-3,
            "remat": True,
        },
        (2, 5, 4, 8),
        whole_batch=True,
        slow=True,
    ),
    "resnet_unit_of_two": LayerCase(
        layers.ResNetUnit,
        {"filters": 6, "bottleneck": False},
        (2, 5, 4, 6),
        whole_batch=True,
        slow=True,
    ),
    "s_layer": LayerCase(
        layers.SLayer, {"planes": 3, "area": 3, "padding": 1, "column": 2}, (2, 4, 5, 2)
    ),
    "c_layer": LayerCase(
        layers.CLayer, {"area": 3, "strides": 2, "padding": [0, 1]}, (2, 6, 5, 3)
    ),
    "pre_activation_unit": LayerCase(
        layers.PreActivationUnit, {"filters": 32, "strides": 2}, (2, 6, 5, 32)
    ),
    "pre_activation_unit_without_projection": LayerCase(
        layers.PreActivationUnit, {"filters": 32, "remat": True}, (2, 4, 4, 128)
    ),
    "pre_activation_unit_with_projection": LayerCase(
        layers.PreActivationUnit, {"filters": 32, "projects": True}, (2, 4, 4, 128)
    ),
    "post_activation_unit": LayerCase(
        layers.PostActivationUnit,
        {"filters": 32, "strides": 2, "norm_epsilon": 1e-5},
        (2, 6, 5, 32),
    ),
}


@dataclass(frozen=True)
class ModelCase:
    """A small model of one kind: a ViT differs from `SMALL` by its arguments."""

    arguments: dict = field(default_factory=dict)
    random: bool = False
    builder: object = ViT
    size: tuple = ()  # of the images, where the model takes every size
    slow: bool = False  # tried with the slow tests only

    def make(self, **kwargs):
        return self.builder(**{**self._all, **kwargs})

    @property
    def _all(self):
        return {**SMALL, **self.arguments} if self.builder is ViT else self.arguments

    @property
    def shape(self):
        size = self.size or self._all["image_size"]
        return (2, *size, self._all.get("num_channels", 3))


SMALL = {
    "num_classes": 5,
    "patch_size": 4,
    "num_layers": 2,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "num_heads": 2,
    "image_size": (8, 12),
}

SMALL_EFFICIENTNET = {
    "num_classes": 5,
    "num_blocks": (1, 2, 1, 1, 1, 1, 1),
    "stage_widths": (8, 8, 8, 8, 8, 8, 8),
    "stem_width": 8,
    "top_width": 16,
}

MODELS = {
    "token": ModelCase(),
    "token_features": ModelCase({"num_classes": 0}, slow=True),
    "gap": ModelCase({"pooling": "gap"}),
    "gap_beside_class_token": ModelCase(
        {"pooling": "gap", "class_token": True}, slow=True
    ),
    "gap_of_all_tokens": ModelCase(
        {"pooling": "gap_all", "class_token": True, "pooled_norm": True}, slow=True
    ),
    "every_size": ModelCase(
        {"image_size": (None, None), "position_grid": (2, 3)}, size=(8, 12)
    ),
    "map": ModelCase({"pooling": "map"}),
    "all_tokens": ModelCase({"pooling": None, "representation_size": 6}, slow=True),
    "all_token_features": ModelCase(
        {"pooling": None, "class_token": True, "num_classes": None}
    ),
    "softmax": ModelCase(
        {"representation_size": 6, "classifier_activation": "softmax"}, slow=True
    ),
    "learned_2d": ModelCase({"position_embedding": "learned_2d"}),
    "sincos2d": ModelCase({"position_embedding": "sincos2d", "pooling": "gap"}),
    "no_positions": ModelCase({"position_embedding": "none"}, slow=True),
    "relative_positions": ModelCase(
        {"position_embedding": "relative", "pooling": "gap_all", "class_token": True}
    ),
    "positions_at_every_layer": ModelCase({"position_scope": "every_layer"}),
    "positions_shared": ModelCase(
        {"position_scope": "shared", "position_embedding": "learned_2d"}, slow=True
    ),
    "overlapping": ModelCase({"stride": (2, 4), "patch_size": (4, 4)}),
    "grey_rectangles": ModelCase({"patch_size": (4, 3), "num_channels": 1}),
    "preprocessing": ModelCase({"include_preprocessing": True}),
    "scaled": ModelCase({"input_scaling": "imagenet"}),
    "scaled_pixels": ModelCase(
        {
            "input_scaling": ([0.4], [0.2]),
            "include_preprocessing": True,
            "num_channels": 1,
        },
        slow=True,
    ),
    "registers": ModelCase(
        {"register_tokens": 2, "embed_prefix": False, "qk_norm": True}
    ),
    "layer_scale_erf": ModelCase(
        {"layer_scale": 0.1, "gelu": "erf", "epsilon": 1e-5, "register_tokens": 1}
    ),
    "no_biases": ModelCase({"qkv_bias": False, "patch_bias": False}),
    "clip": ModelCase(
        {"pre_norm": True, "patch_bias": False, "gelu": "quick", "epsilon": 1e-5}
    ),
    "swiglu": ModelCase({"swiglu": True, "layer_scale": 0.1, "qkv_bias": False}),
    "prefix": ModelCase({"pooling": "prefix", "register_tokens": 1}, slow=True),
    "token_and_gap": ModelCase(
        {"pooling": "token+gap", "register_tokens": 2, "embed_prefix": False}, slow=True
    ),
    "regularised": ModelCase(
        {"dropout_rate": 0.2, "attention_dropout_rate": 0.2, "drop_path_rate": 0.3},
        random=True,
    ),
    "hybrid": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1, 1),
            "width_factor": 0.5,
            "num_layers": 1,
            "hidden_dim": 16,
            "mlp_dim": 24,
            "num_heads": 2,
            "image_size": (16, 24),
        },
        builder=HybridViT,
    ),
    "hybrid_of_every_size": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1,),
            "width_factor": 0.5,
            "num_layers": 1,
            "hidden_dim": 16,
            "mlp_dim": 24,
            "num_heads": 2,
            "patch_size": 2,
            "image_size": (None, None),
            "position_grid": (2, 3),
        },
        builder=HybridViT,
        size=(19, 26),
    ),
    "bit": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1, 1),
            "width_factor": 0.5,
            "image_size": (16, 24),
        },
        builder=BiT,
    ),
    "bit_of_other_widths": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1, 2),
            "width_factor": 2,
            "stage_widths": (128, 128),
            "image_size": (16, 24),
        },
        builder=BiT,
        slow=True,
    ),
    "hybrid_of_other_widths": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1,),
            "width_factor": 0.5,
            "stage_widths": [256],
            "num_layers": 1,
            "hidden_dim": 16,
            "mlp_dim": 24,
            "num_heads": 2,
            "qkv_bias": False,
            "swiglu": True,
            "image_size": (16, 24),
        },
        builder=HybridViT,
        slow=True,
    ),
    "lenet": ModelCase(
        {"num_classes": 5, "image_size": (28, 32), "num_channels": 3},
        builder=LeNet5,
        slow=True,
    ),
    "lenet_modern": ModelCase(
        {
            "num_classes": 5,
            "variant": "modern",
            "image_size": (28, 32),
            "num_channels": 1,
        },
        builder=LeNet5,
        slow=True,
    ),
    "alexnet": ModelCase(
        {
            "num_classes": 5,
            "widths": (4, 6, 4, 4, 6),
            "hidden_dims": (8,),
            "grid_size": 1,
            "dropout_rate": 0.0,
            "image_size": (67, 70),
        },
        builder=AlexNet,
        slow=True,
    ),
    "resnet": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1, 1),
            "stage_widths": (8, 16),
            "stem_width": 8,
            "image_size": (16, 24),
        },
        builder=ResNet,
    ),
    "resnet_of_every_size": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1, 2),
            "stage_widths": (8, 16),
            "stem_width": 8,
            "bottleneck": False,
            "image_size": (None, None),
            "pooling": None,
        },
        builder=ResNet,
        size=(19, 26),
    ),
    "neocognitron": ModelCase(
        {"num_classes": 5, "planes": 3, "image_size": (16, 18)},
        builder=Neocognitron,
        slow=True,
    ),
    "vgg": ModelCase(
        {
            "num_classes": 5,
            "num_convs": (1, 2),
            "widths": (4, 6),
            "hidden_dims": (8,),
            "grid_size": (2, 3),
            "dropout_rate": 0.0,
            "image_size": (12, 16),
        },
        builder=VGG,
        slow=True,
    ),
    "efficientnet": ModelCase(
        {**SMALL_EFFICIENTNET, "image_size": (32, 48)},
        builder=EfficientNet,
        random=True,
        slow=True,
    ),
    "efficientnet_of_every_size": ModelCase(
        {
            **SMALL_EFFICIENTNET,
            "image_size": (None, None),
            "padding": "symmetric",
            "pooling": None,
            "drop_path_rate": 0.0,
            "dropout_rate": 0.0,
        },
        builder=EfficientNet,
        size=(33, 40),
        slow=True,
    ),
    "unet": ModelCase(
        {
            "num_classes": 5,
            "widths": (4, 6),
            "image_size": (18, 20),
            "num_channels": 3,
        },
        builder=UNet,
        slow=True,
    ),
    "unet_padded": ModelCase(
        {
            "num_classes": 5,
            "widths": (4, 6),
            "padding": "same",
            "batch_norm": True,
            "skip_first": True,
            "image_size": (9, 6),
            "num_channels": 1,
        },
        builder=UNet,
        slow=True,
    ),
}
MODELS |= {
    "segmenter": ModelCase(
        {**SMALL, "head": "linear", "norm": "batch"},
        builder=builder_of("vit"),
        slow=True,
    ),
    "segmenter_mask_of_every_size": ModelCase(
        {
            **SMALL,
            "head": "mask",
            "decoder_layers": 1,
            "decoder_heads": 2,
            "image_size": (None, None),
            "position_grid": (2, 3),
            "position_kernel": "bilinear",
        },
        builder=builder_of("vit"),
        size=(7, 13),
    ),
    "segmenter_on_resnet": ModelCase(
        {
            "num_classes": 5,
            "num_blocks": (1,),
            "stage_widths": (8,),
            "stem_width": 8,
            "bottleneck": False,
            "image_size": (None, None),
            "pooling": None,
            "head": "upsampler",
            "decoder_widths": [6, 4],
        },
        builder=builder_of("resnet"),
        size=(9, 14),
        slow=True,
    ),
}
# Names of weights that training leaves as they are.
FIXED = ("codes", "excitation", "inhibition")
VITS = [name for name, case in MODELS.items() if case.builder is ViT]


def inputs(shape, seed=0, dtype="float32"):
    """Numbers in `[-1, 1]`."""
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def pixels(case, seed=0):
    """An input of a model: pixels in `[0, 255]` where it scales them itself."""
    x = inputs(case.shape, seed)
    return (x + 1) * 127.5 if case.arguments.get("include_preprocessing") else x


def randomize(layer, seed=1):
    """Gives every weight a value from which a mistake would show.

    Heads start at zero and scales at one: equal outputs of such a model say nothing.
    """
    rng = np.random.default_rng(seed)
    for weight in sorted(layer.weights, key=lambda w: w.path):
        centre = 1.0 if weight.path.endswith(("gamma", "scale", "variance")) else 0.0
        value = centre + 0.25 * rng.standard_normal(weight.shape)
        weight.assign(abs(value) if weight.path.endswith("variance") else value)
    return layer


def functional(case, **kwargs):
    """A functional model around one layer, with random weights."""
    dtype = "float64" if kwargs.get("dtype") == "float64" else None
    x = keras.Input(case.shape[1:], name="x", dtype=dtype)
    return randomize(keras.Model(x, case.make(name="layer", **kwargs)(x)))


@functools.cache
def layer_model(name):
    """`functional` of a row, shared by the tests that only read it."""
    return functional(LAYERS[name])


@functools.cache
def model(name):
    """The model of a row with random weights, shared by tests that only read it."""
    return randomize(MODELS[name].make())


def array(x):
    """A NumPy array of a tensor or a weight."""
    return x.numpy() if isinstance(x, keras.Variable) else keras.ops.convert_to_numpy(x)
